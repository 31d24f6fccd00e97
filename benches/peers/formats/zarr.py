"""Zarr 3: chunks in shards."""

import zarr
from zarr.codecs import BloscCodec, ZstdCodec

from ..peer import Peer

_SHARD = 4096


class Zarr(Peer):
    name = "Zarr 3, sharded"
    chunk = 64
    codec = "zstd"
    settings = tuple({"chunk": chunk, "packed": packed} for chunk in (1, 16, 64) for packed in (True, False)) + (
        {"chunk": 16, "packed": True, "codec": "blosc"},
    )

    def write(self, images, folder):
        shard = min(_SHARD, -(-len(images) // self.chunk) * self.chunk)
        array = zarr.create_array(
            folder / "images.zarr",
            shape=(len(images), *self.shape()),
            dtype="uint8" if self.packed else "bool",
            chunks=(self.chunk, *self.shape()),
            shards=(shard, *self.shape()),
            compressors=ZstdCodec(level=3) if self.codec == "zstd" else BloscCodec(cname="zstd", shuffle="bitshuffle"),
        )
        for start in range(0, len(images), shard):
            array[start : start + shard] = self.as_stored(images, start, start + shard)

    def open(self, folder):
        self.opened = zarr.open_array(folder / "images.zarr", mode="r")

    def one(self, index):
        return self.opened[index]

    def batch(self, indices):
        return self.opened.oindex[indices]

    def slice(self, start, stop):
        return self.opened[start:stop]


PEERS = [Zarr]
