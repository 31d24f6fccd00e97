"""What the benchmark asks of a format."""

import os
from pathlib import Path

import numpy as np


class Peer:
    """One way of storing images on disk.

    `one`, `batch` and `slice` return images as they are stored: packed rows if `packed`, else bools. The other methods convert
    them, unless a format has its own way.
    """

    #: The name in tables and plots.
    name = ""
    #: The settings among which a search chooses.
    settings = ({},)
    #: The pixels with which settings are tried.
    sample = 16 << 20
    #: Whether images can only be read from the first on.
    sequential = False
    ours = False
    packed = True

    def __init__(self, height, width, **setting):
        self.height, self.width = height, width
        self.row_bytes = -(-width // 8)
        for option, value in setting.items():
            setattr(self, option, value)

    def write(self, images, folder):
        """Writes all images into an empty folder."""
        raise NotImplementedError

    def open(self, folder):
        raise NotImplementedError

    def close(self):
        """Lets go of the files, so that they can leave the page cache."""
        self.__dict__ = {key: value for key, value in self.__dict__.items() if not key.startswith("opened")}

    def one(self, index):
        raise NotImplementedError

    def batch(self, indices):
        return np.stack([self.one(index) for index in indices.tolist()])

    def slice(self, start, stop):
        return self.batch(np.arange(start, stop))

    def to_bools(self, stored):
        return np.unpackbits(stored, axis=-1, count=self.width).view(bool) if self.packed else stored

    def image(self, index):
        return self.to_bools(self.one(index))

    def bools(self, indices, out):
        """Reads a batch as bools; `out` is memory that may be used for it."""
        return self.to_bools(self.batch(indices))

    def rows(self, indices, out):
        stored = self.batch(indices)
        return stored if self.packed else np.packbits(stored, axis=-1)

    def floats(self, indices, out):
        np.copyto(out, self.to_bools(self.batch(indices)))
        return out

    def slice_bools(self, start, stop):
        return self.to_bools(self.slice(start, stop))

    def as_stored(self, images, start=0, stop=None):
        """Returns images in the form in which this peer stores them, from the bools that a program has."""
        bools = images.bools(start, stop)
        return np.packbits(bools, axis=-1) if self.packed else bools

    def shape(self):
        """Returns the shape of a stored image."""
        return (self.height, self.row_bytes if self.packed else self.width)

    def from_bytes(self, data):
        return np.frombuffer(data, np.uint8 if self.packed else bool).reshape(self.shape())


class OneArray(Peer):
    """A format whose images are one array of NumPy once it is open, `opened`."""

    def one(self, index):
        return self.opened[index]

    def batch(self, indices):
        return self.opened[indices]

    def slice(self, start, stop):
        # A view would not have been read.
        return self.opened[start:stop] if self.packed else self.opened[start:stop].copy()


def stored_bytes(folder):
    """Returns the bytes that the files take on disk, in whole blocks of the file system."""
    block = os.statvfs(folder).f_frsize
    return sum(-(-file.stat().st_size // block) * block for file in Path(folder).rglob("*") if file.is_file())
