"""mmap-ninja: folders of memory-mapped arrays."""

from mmap_ninja import numpy as ninja

from .mapped import MappedRows


class Ninja(MappedRows):
    name = "mmap-ninja"
    settings = ({"packed": True}, {"packed": False})

    def write(self, images, folder):
        ninja.from_ndarray(folder / "images", self.as_stored(images)).flush()

    def open(self, folder):
        self.opened = ninja.open_existing(folder / "images")


PEERS = [Ninja]
