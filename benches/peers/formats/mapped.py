"""Memory-mapped `.npy` files."""

import numpy as np

from ..peer import OneArray


class MappedRows(OneArray):
    name = "mapped packed rows"

    def write(self, images, folder):
        np.save(folder / "images.npy", self.as_stored(images))

    def open(self, folder):
        self.opened = np.load(folder / "images.npy", mmap_mode="r")


class MappedBools(MappedRows):
    name = "mapped bools"
    packed = False


PEERS = [MappedRows, MappedBools]
