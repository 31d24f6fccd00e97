"""Parquet: row groups of packed rows, which are read as a whole."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..peer import Peer


def table_of(packed, kind="binary"):
    """Returns a table with a column `image`: packed rows as binary values or as lists of a fixed size, without a copy."""
    size = packed[0].size
    flat = pa.py_buffer(np.ascontiguousarray(packed))
    if kind == "list":
        values = pa.Array.from_buffers(pa.uint8(), packed.size, [None, flat])
        return pa.table({"image": pa.FixedSizeListArray.from_arrays(values, size)})
    return pa.table({"image": pa.Array.from_buffers(pa.binary(size), len(packed), [None, flat])})


def rows_of(table, shape):
    """Returns the packed rows of a table's column `image`."""
    return np.concatenate([_rows_of_chunk(chunk, shape) for chunk in table.column("image").chunks])


def _rows_of_chunk(chunk, shape):
    size = shape[0] * shape[1]
    buffers = chunk.buffers()
    # The buffer may be longer than its images.
    rows = np.frombuffer(buffers[-1], np.uint8)[: len(buffers[-1]) // size * size].reshape(-1, *shape)
    return rows[chunk.offset : chunk.offset + len(chunk)]


class Parquet(Peer):
    name = "Parquet"
    group = 256
    settings = tuple(
        {"group": group, "codec": codec, "level": level}
        for group in (16, 64, 256)
        for codec, level in (("zstd", 3), ("zstd", 19), ("none", None))
    )

    def write(self, images, folder):
        pq.write_table(
            table_of(self.as_stored(images)),
            folder / "images.parquet",
            row_group_size=self.group,
            compression=self.codec,
            compression_level=self.level,
            use_dictionary=False,
            write_statistics=False,
        )

    def open(self, folder):
        self.opened = pq.ParquetFile(folder / "images.parquet", memory_map=True, pre_buffer=False)

    def close(self):
        self.opened.close()
        super().close()

    def one(self, index):
        group = rows_of(self.opened.read_row_group(index // self.group), self.shape())
        return group[index % self.group]

    def batch(self, indices):
        groups, places = np.unique(indices // self.group, return_inverse=True)
        rows = rows_of(self.opened.read_row_groups(groups.tolist()), self.shape())
        return rows[places * self.group + indices % self.group]

    def slice(self, start, stop):
        first, last = start // self.group, (stop - 1) // self.group
        rows = rows_of(self.opened.read_row_groups(list(range(first, last + 1))), self.shape())
        return rows[start - first * self.group : stop - first * self.group]


PEERS = [Parquet]
