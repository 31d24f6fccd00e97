"""Hugging Face datasets: memory-mapped Arrow files."""

import datasets
import numpy as np

from ..peer import Peer
from .parquet import rows_of, table_of

datasets.disable_progress_bars()


class Datasets(Peer):
    """A column of packed rows, read as Arrow tables or, as its documentation shows first, as NumPy arrays."""

    name = "Hugging Face datasets"
    kind = "binary"
    settings = ({"kind": "binary"}, {"kind": "list"}, {"kind": "array"})

    def write(self, images, folder):
        if self.kind == "array":
            features = datasets.Features(image=datasets.Array2D(self.shape(), "uint8"))
            dataset = datasets.Dataset.from_dict({"image": self.as_stored(images)}, features=features)
        else:
            table = table_of(self.as_stored(images), self.kind)
            dataset = datasets.Dataset(datasets.table.InMemoryTable(table))
        dataset.save_to_disk(folder / "images")

    def open(self, folder):
        dataset = datasets.load_from_disk(folder / "images", keep_in_memory=False)
        self.opened = dataset.with_format("numpy", dtype=np.uint8) if self.kind == "array" else dataset.with_format("arrow")

    def one(self, index):
        return self._read(slice(index, index + 1))[0]

    def batch(self, indices):
        return self._read(indices.tolist())

    def slice(self, start, stop):
        return self._read(slice(start, stop))

    def _read(self, key):
        found = self.opened[key]
        return np.asarray(found["image"]) if self.kind == "array" else rows_of(found, self.shape())


PEERS = [Datasets]
