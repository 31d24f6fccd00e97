"""Items of a large array for batches whose images are shuffled in blocks."""

from __future__ import annotations

import numpy as np

from ._arithmetic import Array
from ._file_array import IndexArray
from ._stored_array import StoredArray


class BlockItems:
    """Reads the items of an array in blocks, and keeps those of two windows: batches take them from one window, or from two that
    follow each other. So each block is read about once, and the array is never in memory as a whole. For one thread.
    """

    def __init__(self, array: StoredArray, block: int, window: int) -> None:
        self._array, self._block = array, block
        count = -(-len(array) // block)
        #: The place of each block among those that are kept; -1 of others.
        self._places = np.full(count, -1, np.int64)
        kept = min(2 * window, count)
        #: The block at each place, and the batch that it was used for last.
        self._numbers, self._used = np.full(kept, -1, np.int64), np.zeros(kept, np.int64)
        self._items = np.empty((kept * block, *array.shape[1:]), array.dtype)
        self._batch = 0

    def take(self, indices: IndexArray) -> Array:
        """Returns the items with these indices."""
        numbers = indices // self._block
        places = self._places[numbers]
        self._batch += 1
        self._used[places[places >= 0]] = self._batch
        missing = np.unique(numbers[places < 0])
        if missing.size:
            if np.count_nonzero(self._used == self._batch) + missing.size > len(self._used):
                return self._array.take(indices)
            self._read(missing)
            places = self._places[numbers]
        items: Array = self._items[places * self._block + (indices - numbers * self._block)]
        return items

    def _read(self, numbers: IndexArray) -> None:
        """Reads blocks together, and keeps them in the place of those that were not used for the longest time."""
        starts = (numbers * self._block).tolist()
        ranges = [np.arange(start, min(start + self._block, len(self._array)), dtype=np.int64) for start in starts]
        items = self._array.take(np.concatenate(ranges))
        places = np.argsort(self._used, kind="stable")[: numbers.size]
        old = self._numbers[places]
        self._places[old[old >= 0]] = -1
        self._numbers[places] = -1
        start = 0
        for place, indices in zip((places * self._block).tolist(), ranges, strict=True):
            self._items[place : place + len(indices)] = items[start : start + len(indices)]
            start += len(indices)
        # Only now are they there: a call may have been interrupted before.
        self._places[numbers], self._numbers[places], self._used[places] = places, numbers, self._batch
