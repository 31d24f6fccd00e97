"""LMDB: packed rows, each compressed by zstd."""

import threading

import lmdb
import numpy as np
import zstandard

from ..peer import Peer


class Database(Peer):
    """An LMDB database from the number of an image to its bytes; `encode` and `decode` convert images."""

    def encode(self, image):
        raise NotImplementedError

    def decode(self, data):
        raise NotImplementedError

    def prepare(self, images, folder):
        """Does what must be done before images can be encoded."""

    def write(self, images, folder):
        self.prepare(images, folder)
        size = images.packed.nbytes * 2 + len(images) * 200 + (64 << 20)
        with lmdb.open(str(folder), map_size=size) as environment, environment.begin(write=True) as transaction:
            for number, image in enumerate(self.as_stored(images)):
                transaction.put(number.to_bytes(4, "big"), self.encode(image), append=True)

    def open(self, folder):
        self.opened = lmdb.open(str(folder), readonly=True, lock=False, readahead=False)

    def close(self):
        self.opened.close()
        super().close()

    def one(self, index):
        with self.opened.begin(buffers=True) as transaction:
            return self.decode(transaction.get(index.to_bytes(4, "big")))

    def batch(self, indices):
        stored = np.empty((len(indices), *self.shape()), np.uint8 if self.packed else bool)
        with self.opened.begin(buffers=True) as transaction:
            for place, index in enumerate(indices.tolist()):
                stored[place] = self.decode(transaction.get(index.to_bytes(4, "big")))
        return stored

    def slice(self, start, stop):
        stored = np.empty((stop - start, *self.shape()), np.uint8 if self.packed else bool)
        with self.opened.begin(buffers=True) as transaction, transaction.cursor() as cursor:
            cursor.set_key(start.to_bytes(4, "big"))
            for place, data in zip(range(stop - start), cursor.iternext(keys=False)):
                stored[place] = self.decode(data)
        return stored


class Zstd(Database):
    name = "LMDB + zstd"
    level = 3
    settings = ({"level": 3}, {"level": 9}, {"level": 19})
    dictionary = None

    def prepare(self, images, folder):
        self.compressor = zstandard.ZstdCompressor(self.level, dict_data=self.dictionary, write_checksum=False, write_dict_id=False)

    def encode(self, image):
        return self.compressor.compress(image)

    def decode(self, data):
        # A decompressor belongs to one thread.
        if not hasattr(self.opened_local, "decompress"):
            self.opened_local.decompress = zstandard.ZstdDecompressor(dict_data=self.dictionary).decompress
        return self.from_bytes(self.opened_local.decompress(data))

    def open(self, folder):
        super().open(folder)
        self.opened_local = threading.local()


class ZstdDictionary(Zstd):
    name = "LMDB + zstd, dictionary"
    size = 16384
    settings = tuple({"level": level, "size": size} for level in (3, 19) for size in (16384, 112640))

    def prepare(self, images, folder):
        step = max(1, len(images) // 10_000)
        samples = [image.tobytes() for image in images.packed[::step]]
        # zstd trains only on more samples than the dictionary is long.
        size = min(self.size, sum(map(len, samples)) // 10)
        self.dictionary = zstandard.train_dictionary(size, samples, level=self.level)
        self.dictionary.precompute_compress(self.level)
        (folder / "dictionary").write_bytes(self.dictionary.as_bytes())
        super().prepare(images, folder)

    def open(self, folder):
        self.dictionary = zstandard.ZstdCompressionDict((folder / "dictionary").read_bytes())
        super().open(folder)


PEERS = [Zstd, ZstdDictionary]
