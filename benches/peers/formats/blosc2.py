"""blosc2: an NDArray on disk, with bits shuffled and compressed by zstd."""

import blosc2
import numpy as np

from ..peer import Peer


class Blosc2(Peer):
    name = "blosc2"
    chunk = 2048
    block = 16
    shuffle = "none"
    read = "list"
    settings = tuple({"block": block, "shuffle": shuffle} for block in (1, 16, 64) for shuffle in ("bit", "none")) + (
        {"packed": False, "shuffle": "bit"},
        {"chunk": 512, "read": "loop"},
    )

    def write(self, images, folder):
        filters = [blosc2.Filter.BITSHUFFLE if self.shuffle == "bit" else blosc2.Filter.NOFILTER]
        stored = blosc2.empty(
            (len(images), *self.shape()),
            np.uint8 if self.packed else np.bool_,
            urlpath=str(folder / "images.b2nd"),
            chunks=(min(self.chunk, len(images)), *self.shape()),
            blocks=(min(self.block, len(images)), *self.shape()),
            cparams={"codec": blosc2.Codec.ZSTD, "clevel": 5, "filters": filters, "filters_meta": [0]},
        )
        for start in range(0, len(images), self.chunk):
            part = self.as_stored(images, start, start + self.chunk)
            stored[start : start + len(part)] = part

    def open(self, folder):
        self.opened = blosc2.open(str(folder / "images.b2nd"), mode="r")

    def one(self, index):
        return self.opened[index]

    def batch(self, indices):
        return super().batch(indices) if self.read == "loop" else self.opened[indices]

    def slice(self, start, stop):
        return self.opened[start:stop]


PEERS = [Blosc2]
