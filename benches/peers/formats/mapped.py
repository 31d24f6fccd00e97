"""Memory-mapped `.npy` files."""

import numpy as np

from ..peer import Peer


class MappedRows(Peer):
    name = "mapped packed rows"

    def write(self, images, folder):
        np.save(folder / "images.npy", self.as_stored(images))

    def open(self, folder):
        self.opened = np.load(folder / "images.npy", mmap_mode="r")

    def one(self, index):
        return self.opened[index]

    def batch(self, indices):
        return self.opened[indices]

    def slice(self, start, stop):
        # A view would not have been read.
        return self.opened[start:stop] if self.packed else self.opened[start:stop].copy()


class MappedBools(MappedRows):
    name = "mapped bools"
    packed = False


PEERS = [MappedRows, MappedBools]
