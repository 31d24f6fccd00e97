"""The source of `bitnpz.ray.read`: the rows of archives, and the tasks that read them."""

from __future__ import annotations

import math
import os
import pickle
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow
import ray
import ray.data
from ray.data.block import Block, BlockAccessor, BlockMetadata
from ray.data.datasource import Datasource, ReadTask

from . import _bitnpz
from ._archive_file import ArchiveFile
from ._arithmetic import Array
from ._errors import InputError
from ._file_array import IndexArray
from ._images import Images
from ._stored_array import StoredArray

#: The column of images that have keys of their own.
_KEYED = "image"

#: Tasks start at multiples of so many rows, the images of a block of an image set.
_ALIGNMENT = 128

#: The pixels that a task reads by default: a second's work, as Ray takes up to a tenth of a second to see that a task is done.
#: There are some tasks for each core, but no smaller ones than of `_LEAST_PIXELS`, and not more than Ray can handle.
_PIXELS = 1 << 30
_LEAST_PIXELS = 16 << 20
_TASKS_OF_A_CORE = 8
_MOST_TASKS = 2000

#: The most bytes of a block of rows if Ray sets no limit.
_BLOCK_BYTES = 128 << 20

#: The name by which Ray knows a column that only counts rows.
_NO_COLUMNS = "__bsp_stub"


def default_columns(archive: ArchiveFile) -> list[str]:
    """Returns the keys of arrays that have an item for each image, or of all arrays if there are no images."""
    sets = archive.image_sets()
    arrays = {key: archive[key] for key in archive if all(images._find(key) is None for images in sets)}
    arrays = {key: array for key, array in arrays.items() if _is_column(array)}
    images = [key for key, array in arrays.items() if isinstance(array, Images)]
    if sets and _KEYED not in arrays:
        images.append(_KEYED)
        arrays[_KEYED] = _array(archive, _KEYED)
    if not images:
        return list(arrays)
    count = len(arrays[images[0]])
    return [key for key, array in arrays.items() if len(array) == count or key in images]


def _is_column(array: Any) -> bool:
    """Returns whether an array has items along its first axis; one image has not."""
    if isinstance(array, Images):
        return not array._is_single
    return isinstance(array, (np.ndarray, StoredArray)) and array.ndim > 0


def _array(archive: ArchiveFile, key: str) -> Any:
    """Returns the array of a column."""
    if key == _KEYED and key not in archive:
        return archive.images()
    return archive[key]


class _Archive(NamedTuple):
    """An archive among those of a dataset."""

    #: The pickled archive: where it is, and by what it is recognized.
    pickled: bytes
    name: str
    #: The number of its first row in the dataset.
    start: int


class Rows:
    """The rows of archives, one after the other. A task opens the archives that it reads from."""

    def __init__(self, keys: list[str], packed: bool, dtype: npt.DTypeLike | None) -> None:
        self.keys, self.packed, self.dtype = keys, packed, dtype
        self.archives: list[_Archive] = []
        self.count = 0
        #: Each column without items: its dtype and the shape of its items.
        self.empty: dict[str, Array] = {}
        self._opened: dict[int, dict[str, Any]] = {}

    def add(self, name: str, archive: ArchiveFile) -> None:
        """Adds an archive, once it is checked that its columns go together with those of the others."""
        arrays = {key: _array(archive, key) for key in self.keys}
        for key, array in arrays.items():
            if not _is_column(array):
                raise InputError(f"{name}: {key!r}: expected an array with an item for each row, found {array!r}")
        if self.packed and not any(isinstance(array, Images) for array in arrays.values()):
            raise InputError(f"{name}: packed: expected a column of images, found {self.keys}")
        lengths = {key: len(array) for key, array in arrays.items()}
        if len(set(lengths.values())) > 1:
            raise InputError(f"{name}: expected columns of one length, found {lengths}: name the columns to read, columns=[...]")
        empty = {key: self._take(name, key, array, np.arange(0)) for key, array in arrays.items()}
        for key, expected in self.empty.items():
            found = empty[key]
            if (found.dtype, found.shape) != (expected.dtype, expected.shape):
                raise InputError(
                    f"{name}: {key!r}: expected {expected.dtype} of shape {expected.shape[1:]}, as in {self.archives[0].name}, "
                    f"found {found.dtype} of shape {found.shape[1:]}"
                )
        self.empty = empty
        self.archives.append(_Archive(pickle.dumps(archive), name, self.count))
        self.count += next(iter(lengths.values()), 0)

    def _take(self, name: str, key: str, array: Any, indices: IndexArray) -> Array:
        """Reads items of an array, in the machine's byte order, the only one that Arrow has."""
        if isinstance(array, Images):
            if array.is_ragged:
                raise InputError(
                    f"{name}: {key!r}: expected images of one size, found several sizes, which do not fit in one column: "
                    "pad them to one size, or read them one by one: "
                    "ray.data.range(len(images)).map(lambda row: {'image': images[row['id']]})"
                )
            return _native(array.take(indices, dtype=self.dtype, packed=self.packed))
        if len(indices) and indices[-1] - indices[0] == len(indices) - 1:
            # Indices ascend, so these are all in a range.
            return _native(array[int(indices[0]) : int(indices[-1]) + 1])
        return _native(array[indices])

    def take(
        self, keys: Iterable[str], numbers: IndexArray, requested: Sequence[tuple[int, int]] = ()
    ) -> dict[str, Array]:
        """Reads the rows with these numbers, which ascend.

        First it requests ranges of rows, which will be read next, from a store.
        """
        cuts = np.searchsorted(numbers, [archive.start for archive in self.archives] + [self.count])
        parts = [(owner, *cut) for owner, cut in enumerate(zip(cuts, cuts[1:], strict=False)) if cut[0] < cut[1]]
        columns = {}
        for key in keys:
            items = []
            for owner, first, last in parts:
                archive, array = self.archives[owner], self._open(owner, key)
                if isinstance(array, Images):
                    _request(array, requested, archive.start)
                items.append(self._take(archive.name, key, array, numbers[first:last] - archive.start))
            columns[key] = items[0] if len(items) == 1 else np.concatenate(items)
        return columns

    def pixels(self, key: str) -> int:
        """Returns the number of pixels of an item, or of bytes if it is no image: a measure of what it takes to read it."""
        empty = self.empty[key]
        each = 8 if self.packed and empty.dtype == np.uint8 else empty.itemsize
        return int(math.prod(empty.shape[1:])) * each

    def _open(self, owner: int, key: str) -> Any:
        arrays = self._opened.setdefault(owner, {})
        if key not in arrays:
            if "" not in arrays:
                arrays[""] = pickle.loads(self.archives[owner].pickled)
            arrays[key] = _array(arrays[""], key)
        return arrays[key]

    def block_bytes(self, key: str) -> float:
        """Returns the bytes of an item in a block of Ray, which has a bit for each bool."""
        empty = self.empty[key]
        return float(math.prod(empty.shape[1:]) * (1 / 8 if empty.dtype == bool else empty.itemsize))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": {}}


def _native(array: Array) -> Array:
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _request(images: Images, ranges: Sequence[tuple[int, int]], start: int) -> None:
    """Requests ranges of rows of the dataset from the store of an archive whose first row is `start`."""
    own = [(max(first - start, 0), min(stop - start, len(images))) for first, stop in ranges]
    if own := [(first, stop) for first, stop in own if first < stop]:
        images._prefetch(own)


class Order(NamedTuple):
    """A random order of rows, by blocks."""

    rows: int
    seed: int
    block: int
    window: int

    @property
    def whole(self) -> int:
        """The number of rows of a window."""
        return self.block * self.window

    def shuffle(self) -> _bitnpz.BlockShuffle:
        return _bitnpz.BlockShuffle(self.rows, self.seed, self.block, self.window)


class Source(Datasource):
    """Archives as a source of Ray Data."""

    def __init__(self, rows: Rows, order: Order | None) -> None:
        super().__init__()
        self._rows, self._order = rows, order
        #: By the name of each column that is wanted the one that it has in the dataset; None if all are wanted.
        self._projection_map: dict[str, str] | None = None
        #: The rows in Ray's object store, once for all tasks: they have the manifests of sharded archives.
        self._shared: Any = None

    def get_name(self) -> str:
        return "Bitnpz"

    def supports_projection_pushdown(self) -> bool:
        return True

    def _columns(self) -> dict[str, str]:
        return {key: key for key in self._rows.keys} if self._projection_map is None else dict(self._projection_map)

    def estimate_inmemory_data_size(self) -> int:
        return self._size(self._rows.count)

    def _size(self, count: int) -> int:
        return math.ceil(count * sum(self._rows.block_bytes(key) for key in self._columns()))

    def get_read_tasks(
        self, parallelism: int, per_task_row_limit: int | None = None, data_context: Any = None
    ) -> list[ReadTask]:
        context = data_context or ray.data.DataContext.get_current()
        if self._shared is None:
            self._shared = ray.put(self._rows)
        rows, shared, order, columns = self._rows, self._shared, self._order, self._columns()
        most = context.target_max_block_size or _BLOCK_BYTES
        schema = _example(rows, columns).schema
        tasks = []
        for start, stop in _cuts(rows.count, parallelism, order):
            # A task is pickled as a function of these values, not of this object.
            def read_fn(start: int = start, stop: int = stop) -> Iterator[Block]:
                last = stop if per_task_row_limit is None else min(stop, start + per_task_row_limit)
                return _read(_rows_of(shared), order, columns, start, last, most)

            names = tuple(archive.name for archive in _owners(rows.archives, start, stop)) if order is None else None
            metadata = BlockMetadata(
                num_rows=stop - start, size_bytes=self._size(stop - start), input_files=names, exec_stats=None
            )
            tasks.append(ReadTask(read_fn, metadata, schema=schema, per_task_row_limit=per_task_row_limit))
        return tasks


def number_of_tasks(rows: Rows) -> int:
    """Returns how many tasks read rows by default."""
    cores = int(ray.cluster_resources().get("CPU", 1)) if ray.is_initialized() else os.cpu_count() or 1
    pixels = rows.count * sum(rows.pixels(key) for key in rows.keys)
    wanted = min(max(pixels // _PIXELS, _TASKS_OF_A_CORE * cores), pixels // _LEAST_PIXELS)
    return max(min(wanted, _MOST_TASKS, -(-rows.count // _ALIGNMENT)), 1)


def _cuts(count: int, parallelism: int, order: Order | None) -> list[tuple[int, int]]:
    """Cuts rows into ranges of about the same length, one for each task, where blocks start; or windows, if there are enough."""
    unit = _ALIGNMENT
    if order is not None and order.whole * parallelism <= count:
        unit = order.whole
    units = max(-(-count // unit), 1)
    number = min(parallelism, units)
    ends = [min(units * part // number * unit, count) for part in range(number + 1)]
    return list(zip(ends, ends[1:], strict=False))


def _owners(archives: list[_Archive], start: int, stop: int) -> list[_Archive]:
    """Returns the archives that have rows of a range."""
    ends = [archive.start for archive in archives[1:]] + [stop]
    return [archive for archive, end in zip(archives, ends, strict=True) if archive.start < stop and end > start]


#: The rows that a worker read last: its next task finds archives open.
_last_rows: tuple[str, Rows] | None = None


def _rows_of(shared: Any) -> Rows:
    """Returns the rows of a task, in the worker."""
    global _last_rows
    # A copy of the reference would keep the object alive.
    name = shared.hex()
    if _last_rows is None or _last_rows[0] != name:
        _last_rows = name, ray.get(shared)
    return _last_rows[1]


def _read(
    rows: Rows, order: Order | None, columns: dict[str, str], start: int, stop: int, most: int
) -> Iterator[Block]:
    """Yields the rows of a task as blocks of little more than `most` bytes: Ray puts smaller ones together, by copying."""
    if start == stop:
        # Ray cannot make a block of tensors without rows, but cut one.
        yield BlockAccessor.for_block(_example(rows, columns)).slice(0, 0, copy=False)
        return
    each = sum(math.prod(rows.empty[key].shape[1:]) * rows.empty[key].itemsize for key in columns)
    step = most // max(each, 1) + 1
    shuffle = None
    if order is not None:
        shuffle = order.shuffle()
        # Whole windows, if the blocks have room for them, are read from one end to the other.
        step = -(-step // order.whole) * order.whole if step >= order.whole else step
    requested: list[tuple[int, int]] = []
    for first in range(start, stop, step):
        last = min(first + step, stop)
        if not columns:
            arrays = {}
        elif shuffle is None:
            arrays = rows.take(columns, np.arange(first, last, dtype=np.int64))
        else:
            ranges = shuffle.window(last - 1)
            numbers = shuffle.take(first, last)
            # Rows are read in the order of the archive, which is faster, and put in their places then.
            ascending = np.argsort(numbers)
            arrays = rows.take(columns, numbers[ascending], ranges if ranges != requested else ())
            arrays = {key: _placed(items, ascending) for key, items in arrays.items()}
            requested = ranges
        yield _block(columns, arrays, last - first)


def _placed(items: Array, places: IndexArray) -> Array:
    """Returns an array that has each item at its place."""
    placed = np.empty_like(items)
    placed[places] = items
    return placed


def _block(columns: dict[str, str], arrays: dict[str, Array], count: int) -> Block:
    if not columns:
        return pyarrow.table({_NO_COLUMNS: pyarrow.nulls(count)})
    return BlockAccessor.batch_to_block({name: arrays[key] for key, name in columns.items()})


def _example(rows: Rows, columns: dict[str, str]) -> Block:
    """Returns a block with one row of zeros."""
    return _block(columns, {key: np.zeros((1, *empty.shape[1:]), empty.dtype) for key, empty in rows.empty.items()}, 1)
