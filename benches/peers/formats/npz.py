"""NumPy's compressed archives."""

import numpy as np

from ..peer import OneArray, Peer


class Stack(OneArray):
    """One array of all images, which must be read as a whole."""

    name = "npz, one array"
    packed = False

    def write(self, images, folder):
        np.savez_compressed(folder / "images.npz", images=self.as_stored(images))

    def open(self, folder):
        with np.load(folder / "images.npz") as archive:
            self.opened = archive["images"]


class PackedStack(Stack):
    name = "npz, one array of packed rows"
    packed = True


class Keyed(Peer):
    """A key for each image."""

    name = "npz, a key per image"
    packed = False

    def write(self, images, folder):
        stored = self.as_stored(images)
        np.savez_compressed(folder / "images.npz", **{self.key(number): image for number, image in enumerate(stored)})

    def open(self, folder):
        self.opened = np.load(folder / "images.npz")

    def one(self, index):
        return self.opened[self.key(index)]

    def key(self, number):
        return f"ix-{number:07}"


class PackedKeyed(Keyed):
    name = "npz, a key per image of packed rows"
    packed = True


PEERS = [Stack, PackedStack, Keyed, PackedKeyed]
