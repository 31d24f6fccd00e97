"""ArrayRecord: the files that Grain reads."""

import numpy as np
from array_record.python.array_record_module import ArrayRecordReader, ArrayRecordWriter

from ..peer import Peer


class ArrayRecord(Peer):
    """Records of packed rows. With the options for random access, which its documentation names."""

    name = "ArrayRecord"
    group = 1
    codec = "zstd:3"
    settings = tuple({"group": group, "codec": codec} for group in (1, 16, 64) for codec in ("zstd:3", "zstd:19", "uncompressed"))

    def write(self, images, folder):
        writer = ArrayRecordWriter(str(folder / "images.array_record"), f"group_size:{self.group},{self.codec}")
        for image in self.as_stored(images):
            writer.write(image.tobytes())
        writer.close()

    def open(self, folder):
        path, options = str(folder / "images.array_record"), "readahead_buffer_size:0,max_parallelism:0"
        self.opened = ArrayRecordReader(path, options=options)

    def close(self):
        self.opened.close()
        super().close()

    def one(self, index):
        return self.from_bytes(self.opened.read([index])[0])

    def batch(self, indices):
        records = self.opened.read(indices.tolist())
        return np.frombuffer(b"".join(records), np.uint8).reshape(len(indices), *self.shape())


PEERS = [ArrayRecord]
