"""bitnpz: its encodings, and image sets with each of its codecs."""

import bitnpz

from ..peer import Peer
from .npz import Keyed


class Ours(Peer):
    """Reads into memory that is used again, as `take(out=...)` allows.

    Maps the file, as the other formats do that can: positional reads, the default, cost a system call for each image.
    """

    ours = True
    packed = False
    settings = ({"access": "map"}, {"access": "read"})
    encoding = "sets"
    codec = None
    access = "map"

    def write(self, images, folder):
        with bitnpz.Writer(folder / "images.npz", encoding=self.encoding, codec=self.codec) as writer:
            for start in range(0, len(images), 4096):
                writer.extend("images", images.bools(start, start + 4096))

    def open(self, folder):
        self.opened_archive = bitnpz.load(folder / "images.npz", access=self.access)
        self.opened = self.opened_archive.images("images")

    def close(self):
        self.opened_archive.close()
        super().close()

    def one(self, index):
        return self.opened[index]

    def bools(self, indices, out):
        return self.opened.take(indices, out=out)

    def rows(self, indices, out):
        return self.opened.take(indices, out=out, packed=True)

    def floats(self, indices, out):
        return self.opened.take(indices, out=out)

    def slice(self, start, stop):
        return self.opened[start:stop]


class PlainKeyed(Keyed):
    """The archive that NumPy would write, with a key for each image."""

    name = "bitnpz plain, a key per image"
    ours = True

    def write(self, images, folder):
        stored = self.as_stored(images)
        bitnpz.savez_compressed(folder / "images.npz", **{self.key(number): image for number, image in enumerate(stored)})

    def open(self, folder):
        self.opened = bitnpz.load(folder / "images.npz")


def _named(name, encoding, codec=None):
    return type(name, (Ours,), {"name": name, "encoding": encoding, "codec": codec})


PEERS = [
    PlainKeyed,
    _named("bitnpz plain", "plain"),
    _named("bitnpz packed", "packed"),
    _named("bitnpz contour", "sets", "contour"),
    _named("bitnpz pixel", "sets", "pixel"),
    _named("bitnpz zstd", "sets", "zstd"),
    _named("bitnpz raw", "sets", "raw"),
]
