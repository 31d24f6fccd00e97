"""Lance: a columnar format for random access."""

import lance
import numpy as np
import pyarrow as pa

from ..peer import Peer
from .parquet import rows_of, table_of


class Lance(Peer):
    name = "Lance"
    kind = "list"
    compression = "none"
    settings = (
        {"kind": "list"}, {"kind": "list", "compression": "zstd"},
        {"kind": "binary"}, {"kind": "binary", "compression": "zstd"},
    )  # fmt: skip

    def write(self, images, folder):
        metadata = {"lance-encoding:compression": self.compression}
        table = table_of(self.as_stored(images), self.kind)
        schema = pa.schema([table.schema.field(0).with_metadata(metadata)])
        lance.write_dataset(table.cast(schema), str(folder / "images.lance"), data_storage_version="2.1")

    def open(self, folder):
        self.opened = lance.dataset(str(folder / "images.lance"))

    def one(self, index):
        return self.batch(np.array([index]))[0]

    def batch(self, indices):
        return rows_of(self.opened.take(indices.tolist(), columns=["image"]), self.shape())

    def slice(self, start, stop):
        return rows_of(self.opened.to_table(columns=["image"], offset=start, limit=stop - start), self.shape())


PEERS = [Lance]
