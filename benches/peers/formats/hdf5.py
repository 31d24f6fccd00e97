"""HDF5, through h5py."""

import h5py
import hdf5plugin
import numpy as np

from ..peer import Peer

_READS = ("loop", "list")


class Hdf5(Peer):
    """A chunked dataset. A list of indices must be sorted and without repeats; a loop reads one image after the other."""

    chunk = 1
    read = "loop"

    def filters(self):
        raise NotImplementedError

    def write(self, images, folder):
        with h5py.File(folder / "images.h5", "w", libver="latest") as file:
            shape = (len(images), *self.shape())
            kind = np.uint8 if self.packed else bool
            dataset = file.create_dataset(
                "images", shape, kind, chunks=(min(self.chunk, len(images)), *self.shape()), **self.filters()
            )
            for start in range(0, len(images), 4096):
                dataset[start : start + 4096] = self.as_stored(images, start, start + 4096)

    def open(self, folder):
        self.opened_file = h5py.File(folder / "images.h5", "r")
        self.opened = self.opened_file["images"]

    def close(self):
        self.opened_file.close()
        super().close()

    def one(self, index):
        return self.opened[index]

    def batch(self, indices):
        if self.read == "loop":
            return super().batch(indices)
        places, back = np.unique(indices, return_inverse=True)
        return self.opened[places][back]

    def slice(self, start, stop):
        return self.opened[start:stop]


class Gzip(Hdf5):
    level = 4

    def filters(self):
        return {"compression": "gzip", "compression_opts": self.level}


class Blosc2(Hdf5):
    shuffle = "bit"

    def filters(self):
        filters = {"bit": hdf5plugin.Blosc2.BITSHUFFLE, "none": hdf5plugin.Blosc2.NOFILTER}[self.shuffle]
        return dict(hdf5plugin.Blosc2(cname="zstd", clevel=5, filters=filters))


class GzipOne(Gzip):
    name = "HDF5 gzip, chunks of 1"
    settings = tuple({"packed": packed, "read": read} for packed in (True, False) for read in _READS)


class GzipMany(Gzip):
    name = "HDF5 gzip, chunks of 64"
    chunk = 64
    settings = GzipOne.settings


class Blosc2One(Blosc2):
    name = "HDF5 blosc2, chunks of 1"
    settings = tuple(setting | {"shuffle": shuffle} for setting in GzipOne.settings[::2] for shuffle in ("bit", "none"))


class Blosc2Many(Blosc2):
    name = "HDF5 blosc2, chunks of 64"
    chunk = 64
    settings = Blosc2One.settings


PEERS = [GzipOne, GzipMany, Blosc2One, Blosc2Many]
