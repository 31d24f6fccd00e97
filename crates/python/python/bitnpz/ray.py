"""Archives as datasets of Ray Data, which the workers of a cluster read and write at the same time.

Works with Ray 2.52 to 2.60.
"""

from __future__ import annotations

import math
import os
import pickle
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow
import ray
import ray.data
from ray.data.block import Block, BlockAccessor, BlockMetadata
from ray.data.datasource import Datasink, Datasource, ReadTask

from . import _bitnpz
from ._archive import Access
from ._archive_file import ArchiveFile
from ._arithmetic import Array
from ._errors import FilePresentError, InputError
from ._file_array import IndexArray
from ._images import Images
from ._load import load
from ._loader import _seed_of
from ._model import Model, train
from ._options import MAX_THREADS, Codec, Effort, check_number, check_options
from ._paths import shown
from ._save import Writer
from ._sharded_file import MANIFEST_SUFFIX, ShardedFile, is_manifest
from ._shards import commit, shard_path
from ._store_options import StoreOptions
from ._stored_array import StoredArray
from ._urls import Url, is_url

__all__ = ["read", "write"]

Path = str | os.PathLike[str]

#: The column of images that have keys of their own.
_KEYED = "image"

#: Tasks start at multiples of so many rows, the images of a block of an image set.
_ALIGNMENT = 128

#: The pixels that a task reads by default: a fraction of a second's work, so that what Ray takes for a task matters little. There
#: are a few tasks for each core, but no smaller ones than of `_LEAST_PIXELS`, and not more than Ray can handle.
_PIXELS = 256 << 20
_LEAST_PIXELS = 16 << 20
_TASKS_OF_A_CORE = 4
_MOST_TASKS = 2000

#: The most bytes of a block of rows if Ray sets no limit.
_BLOCK_BYTES = 128 << 20

#: The bytes of pixels that a task that writes converts at a time.
_PIECE_BYTES = 16 << 20

#: The name by which Ray knows a column that only counts rows.
_NO_COLUMNS = "__bsp_stub"


def read(
    paths: Path | Sequence[Path],
    columns: Sequence[str] | None = None,
    *,
    packed: bool = False,
    dtype: npt.DTypeLike | None = None,
    shuffle: int | None = None,
    block: int = 4096,
    window: int = 16,
    store: Any = None,
    store_options: StoreOptions | None = None,
    access: Access = "read",
    limits: dict[str, int] | None = None,
    threads: int = 1,
    concurrency: int | None = None,
    override_num_blocks: int | None = None,
) -> ray.data.Dataset:
    """Returns the images of archives, and the arrays that belong to them, as a dataset of Ray Data.

    Each task reads a range of the images, so that many workers read one archive. The driver reads what lists the arrays, and no
    images: `dataset.count()` and `dataset.schema()` take no time.

    Parameters
    ----------
    paths : path or sequence of paths
        An archive, the manifest of a sharded archive, or several of them, whose images follow one another. Every worker must be
        able to open them.
    columns : sequence of str, optional
        The keys that become columns; nothing else is read. Default: all arrays that have an item for each image. Images with keys
        of their own are the column "image".
    packed : bool
        Whether images are packed rows; `bitnpz.torch.unpack` unpacks them. They take an eighth of the memory of bytes, and less
        time in Ray than bools, which it packs and unpacks.
    dtype : dtype, optional
        The dtype of images. Default: the one in which they were saved.
    shuffle : int, optional
        The seed of a random order. It is that of the first epoch of `Loader(shuffle="blocks", seed=shuffle)` if all blocks of the
        dataset are taken in order. Give each epoch another seed. Default: the order of the archives.
    block, window : int
        With `shuffle`, see `Loader`.
    store, store_options, access, limits
        See `load`.
    threads : int
        The number of threads that read in a task, for which Ray reserves as many cores.
    concurrency, override_num_blocks
        The most tasks that run at the same time, and the number of tasks; see `ray.data.read_datasource`. By default a task reads
        256 Mi pixels, or less if there would be fewer than four for each core.

    Returns
    -------
    ray.data.Dataset

    Raises
    ------
    FileMissingError
        If there is no such file.
    NoSuchKeyError
        If an archive has no such key.
    InputError
        If columns differ in length, if archives differ in the dtype or shape of a column, or if images differ in size.

    Examples
    --------
    >>> import ray, bitnpz.ray
    >>> context = ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    >>> ray.data.DataContext.get_current().enable_progress_bars = False
    >>> bitnpz.save("training.npz", {"glyphs": np.zeros((1000, 16, 16), bool), "outputs": np.arange(1000)})
    >>> dataset = bitnpz.ray.read("training.npz", shuffle=7)
    >>> dataset.count()
    1000
    >>> batch = next(iter(dataset.iter_batches(batch_size=256)))
    >>> batch["glyphs"].shape, batch["outputs"].shape
    ((256, 16, 16), (256,))
    >>> ray.shutdown()
    """
    check_number("threads", threads, MAX_THREADS)
    if shuffle is not None and (isinstance(shuffle, bool) or not isinstance(shuffle, int)):
        raise InputError(f"shuffle: expected an int, the seed of the order, or None, found {shuffle!r}")
    if block < 1 or window < 1:
        raise InputError(f"expected block >= 1 and window >= 1, found block={block}, window={window}")
    if isinstance(columns, str):
        raise InputError(f"columns: expected several keys, found a str: use [{columns!r}]")
    names = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    if not names:
        raise InputError("paths: expected an archive or more, found none")
    options = {"store": store, "store_options": store_options, "access": access, "limits": limits, "threads": threads}
    archives = [_open(path, **options) for path in names]
    keys = list(_default_columns(archives[0]) if columns is None else dict.fromkeys(columns))
    if not keys:
        raise InputError(f"{shown(names[0])}: columns: expected a key or more, found none")
    rows = _Rows(keys, packed, dtype)
    for path, archive in zip(names, archives, strict=True):
        rows.add(shown(path), archive)
    order = None if shuffle is None else _Order(rows.count, _seed_of(shuffle, 0), block, window)
    dataset: ray.data.Dataset = ray.data.read_datasource(
        _Source(rows, order),
        num_cpus=threads,
        concurrency=concurrency,
        override_num_blocks=_number_of_tasks(rows) if override_num_blocks is None else override_num_blocks,
    )
    return dataset


def _number_of_tasks(rows: _Rows) -> int:
    cores = int(ray.cluster_resources().get("CPU", 1)) if ray.is_initialized() else os.cpu_count() or 1
    pixels = rows.count * sum(rows.pixels(key) for key in rows.keys)
    wanted = min(max(pixels // _PIXELS, _TASKS_OF_A_CORE * cores), pixels // _LEAST_PIXELS)
    return max(min(wanted, _MOST_TASKS, -(-rows.count // _ALIGNMENT)), 1)


def _open(path: Path, **options: Any) -> ArchiveFile:
    if not isinstance(path, (str, os.PathLike)):
        raise InputError(f"paths: expected paths, which workers can open, found {type(path).__name__}")
    archive = load(path, **options)
    if not isinstance(archive, ArchiveFile):
        raise InputError(f"{shown(path)}: expected an archive, found a .npy file")
    return archive


def _default_columns(archive: ArchiveFile) -> list[str]:
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


class _Rows:
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
                    f"{name}: {key!r}: expected images of one size, found several sizes, which do not fit in one column: pad them "
                    "to one size, or read them one by one: ray.data.range(len(images)).map(lambda row: {'image': images[row['id']]})"
                )
            return _native(array.take(indices, dtype=self.dtype, packed=self.packed))
        if len(indices) and indices[-1] - indices[0] == len(indices) - 1:
            # Indices ascend, so these are all in a range.
            return _native(array[int(indices[0]) : int(indices[-1]) + 1])
        return _native(array[indices])

    def take(
        self, keys: Iterable[str], numbers: IndexArray, requested: Sequence[tuple[int, int]] = ()
    ) -> dict[str, Array]:
        """Reads the rows with these numbers, which ascend. First it requests ranges of rows, which will be read next, from a store."""
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


def _request(images: Images, ranges: Sequence[tuple[int, int]], start: int) -> None:
    """Requests ranges of rows of the dataset from the store of an archive whose first row is `start`."""
    own = [(max(first - start, 0), min(stop - start, len(images))) for first, stop in ranges]
    if own := [(first, stop) for first, stop in own if first < stop]:
        images._prefetch(own)


#: The rows that a worker read last: its next task finds archives open.
_last_rows: tuple[str, _Rows] | None = None


def _rows_of(shared: Any) -> _Rows:
    """Returns the rows of a task, in the worker."""
    global _last_rows
    # A copy of the reference would keep the object alive.
    name = shared.hex()
    if _last_rows is None or _last_rows[0] != name:
        _last_rows = name, ray.get(shared)
    return _last_rows[1]


def _native(array: Array) -> Array:
    return array.astype(array.dtype.newbyteorder("="), copy=False)


class _Order(NamedTuple):
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


class _Source(Datasource):
    """Archives as a source of Ray Data."""

    def __init__(self, rows: _Rows, order: _Order | None) -> None:
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


def _owners(archives: list[_Archive], start: int, stop: int) -> list[_Archive]:
    """Returns the archives that have rows of a range."""
    ends = [archive.start for archive in archives[1:]] + [stop]
    return [archive for archive, end in zip(archives, ends, strict=True) if archive.start < stop and end > start]


def _cuts(count: int, parallelism: int, order: _Order | None) -> list[tuple[int, int]]:
    """Cuts rows into ranges of about the same length, one for each task, where blocks start; or windows, if there are enough."""
    unit = _ALIGNMENT
    if order is not None and order.whole * parallelism <= count:
        unit = order.whole
    units = max(-(-count // unit), 1)
    number = min(parallelism, units)
    ends = [min(units * part // number * unit, count) for part in range(number + 1)]
    return list(zip(ends, ends[1:], strict=False))


def _read(
    rows: _Rows, order: _Order | None, columns: dict[str, str], start: int, stop: int, most: int
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
            arrays = rows.take(columns, np.arange(first, last))
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


def _example(rows: _Rows, columns: dict[str, str]) -> Block:
    """Returns a block with one row of zeros."""
    return _block(columns, {key: np.zeros((1, *empty.shape[1:]), empty.dtype) for key, empty in rows.empty.items()}, 1)


def write(
    dataset: ray.data.Dataset,
    path: Path,
    *,
    columns: Sequence[str] | None = None,
    images: Collection[str] | None = None,
    model: Model | None = None,
    sample: int = 5000,
    codec: Codec | None = None,
    effort: Effort = "balanced",
    level: int | None = None,
    store: Any = None,
    replaces: ShardedFile | None = None,
    min_rows_per_shard: int | None = None,
    threads: int = 1,
    concurrency: int | None = None,
) -> None:
    """Writes a dataset of Ray Data as a sharded archive: each task a shard, and the driver the manifest when all are complete.

    All shards have one model, which is trained before, on the first rows: what computes them runs twice, unless the dataset is
    materialized. If a task dies, Ray runs it again, and it writes another shard. The manifest lists only shards of tasks that
    ended. If the job fails there is no manifest; `bitnpz.gc` removes shards that no manifest lists.

    The rows have the order of the tasks: that in which blocks reach them. It is the dataset's if Ray keeps the order of blocks,
    `ray.data.DataContext.get_current().execution_options.preserve_order = True`. A task keeps its rows in memory until its shard
    is complete.

    Parameters
    ----------
    dataset : ray.data.Dataset
    path : path
        The manifest, `NAME.bitnpz.json`. Shards are written to its folder, which all workers must share; it is made if there is
        none.
    columns : sequence of str, optional
        The columns to write, each under its name. Default: all.
    images : collection of str, optional
        The columns that are images, which must not have more than two values. Default: columns of matrices, or of stacks of them,
        that have two values in the sample. All others are saved as ordinary arrays.
    model : Model, optional
        See `bitnpz.train`. Give one if the first rows are not like the others. Default: one that is trained on the sample.
    sample : int
        The number of rows, the first ones, that are read before.
    codec, effort, level
        See `Writer`.
    store : optional
        A store of obstore, or a file system of fsspec, in which `path` is. It must be one that can be pickled.
    replaces : ShardedFile, optional
        The `ShardedFile` that this one replaces. Default: there must be none.
    min_rows_per_shard : int, optional
        The least number of rows in a shard, but for the last one. Tasks get several blocks then. Default: Ray decides.
    threads : int
        The number of threads that encode in a task, for which Ray reserves as many cores.
    concurrency : int, optional
        The most tasks that run at the same time.

    Raises
    ------
    FilePresentError
        If there is a manifest, and `replaces` is not given.
    InputError
        If the dataset has no rows or no such columns, if images have more than two values or differ in size, or if the items of a
        column differ in dtype or shape.

    Examples
    --------
    >>> import ray, bitnpz.ray
    >>> context = ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    >>> ray.data.DataContext.get_current().enable_progress_bars = False
    >>> def render(batch):
    ...     sides = batch["id"] % 8 + 4
    ...     return {"glyphs": np.arange(16)[:, None] + np.arange(16) < 2 * sides[:, None, None], "sides": sides}
    >>> bitnpz.ray.write(ray.data.range(10_000).map_batches(render), "rendered/glyphs.bitnpz.json")
    >>> bitnpz.ray.read("rendered/glyphs.bitnpz.json").count()
    10000
    >>> ray.shutdown()
    """
    check_options(None, codec, effort, level, threads, model)
    check_number("sample", sample, 2**40)
    check_number("min_rows_per_shard", min_rows_per_shard, 2**40)
    if columns is not None:
        if isinstance(columns, str):
            raise InputError(f"columns: expected several names, found a str: use [{columns!r}]")
        dataset = dataset.select_columns(list(columns))
    if isinstance(images, str):
        raise InputError(f"images: expected several names, found a str: use [{images!r}]")
    target = os.fspath(path)
    if not is_manifest(target):
        raise InputError(f"{target}: expected the path of a manifest, which ends in {MANIFEST_SUFFIX}")
    if store is None:
        if is_url(target):
            raise InputError(f"{Url(target).shown}: expected a path, found a URL: give the store, and the path in it, store=...")
        # Workers may have another working directory.
        target = os.path.abspath(target)
        os.makedirs(os.path.dirname(target), exist_ok=True)
    if replaces is None:
        _check_absent(target, store)
    batches: list[dict[str, Array]] = list(dataset.limit(sample).iter_batches(batch_size=sample, batch_format="numpy"))
    if not batches:
        raise InputError("dataset: expected a row or more, found none")
    (first,) = batches
    found = _found_columns(first, images)
    if model is None and (keys := [column.key for column in found if column.is_images]):
        # An archive has one model. It should be that of the images that take most.
        largest = max(keys, key=lambda key: first[key].nbytes)
        model = train(first[largest], codec=codec, effort=effort)
    options = {"codec": codec, "effort": effort, "level": level, "model": model, "threads": threads}
    sink = _Sink(target, found, store, replaces, min_rows_per_shard, options)
    dataset.write_datasink(sink, ray_remote_args={"num_cpus": threads}, concurrency=concurrency)


def _check_absent(path: str, store: Any) -> None:
    try:
        load(path, store=store)
    except FileNotFoundError:
        return
    raise FilePresentError(f"{path}: expected no manifest, found one: replaces=bitnpz.load(...) replaces it")


class _Column(NamedTuple):
    """A column of the dataset, as the sample has it."""

    key: str
    is_images: bool
    dtype: np.dtype[Any]
    #: The shape of an item.
    shape: tuple[int, ...]


def _found_columns(batch: dict[str, Array], images: Collection[str] | None) -> list[_Column]:
    """Returns the columns of a sample."""
    if missing := sorted(set(images or ()) - set(batch)):
        raise InputError(f"images: expected columns of the dataset, {sorted(batch)}, found {missing}")
    columns = []
    for key, values in batch.items():
        array = _plain(key, values)
        is_images = _is_bilevel(array) if images is None else key in images
        columns.append(_Column(key, is_images, array.dtype, array.shape[1:]))
    return columns


def _is_bilevel(array: Array) -> bool:
    """Returns whether an array is a stack of images with at most two values."""
    if array.ndim < 3 or array.dtype.kind not in "biuf":
        return False
    return array.size == 0 or bool(((array == array.min()) | (array == array.max())).all())


def _plain(key: str, values: Array) -> Array:
    """Returns the items of a column as an array that is not of Python objects."""
    if values.dtype != object:
        return values
    if all(isinstance(value, str) for value in values):
        return values.astype(np.str_)
    shapes = sorted({np.shape(value) for value in values})
    if len(shapes) > 1:
        raise InputError(
            f"{key!r}: expected items of one shape, found {shapes[0]} and {shapes[1]}: pad images to one size, or write those of "
            "each size to an archive of their own"
        )
    raise InputError(f"{key!r}: expected numbers, bools or strings, found {type(values[0]).__name__}: convert the column first")


class _Sink(Datasink[Any]):
    """A sharded archive as a sink of Ray Data."""

    def __init__(
        self,
        path: str,
        columns: list[_Column],
        store: Any,
        replaces: ShardedFile | None,
        min_rows: int | None,
        options: dict[str, Any],
    ) -> None:
        self._path, self._columns, self._store = path, columns, store
        self._replaces, self._min_rows, self._options = replaces, min_rows, options

    def get_name(self) -> str:
        return "Bitnpz"

    @property
    def min_rows_per_write(self) -> int | None:
        return self._min_rows

    def on_write_start(self, schema: Any = None) -> None:
        """Does nothing: Ray calls it with a schema or without, depending on its version."""

    def __getstate__(self) -> dict[str, Any]:
        # Tasks need not open the archive that is replaced.
        return {**self.__dict__, "_replaces": None}

    def write(self, blocks: Iterable[Block], ctx: Any) -> tuple[int, str] | None:
        """Writes a shard in a task. Returns the task's number and the shard's path, or None if there are no rows.

        The blocks can be read only once: after an error the task fails, and Ray may run all of it again.
        """
        pieces = (piece for block in blocks for piece in self._pieces(BlockAccessor.for_block(block)))
        piece = next(pieces, None)
        if piece is None:
            return None
        path = shard_path(self._path, ctx.task_idx)
        arrays: dict[str, list[Array]] = {column.key: [] for column in self._columns if not column.is_images}
        with _output(path, self._store) as target, Writer(target, "w", **self._options) as writer:
            while piece is not None:
                for column in self._columns:
                    values = self._values(column, piece[column.key])
                    if column.is_images:
                        writer.extend(column.key, values)
                    else:
                        # A block may be freed before the shard is complete.
                        arrays[column.key].append(values.copy())
                piece = next(pieces, None)
            for key, parts in arrays.items():
                writer.add_array(key, np.concatenate(parts))
        return ctx.task_idx, path

    def _pieces(self, block: Any) -> Iterator[dict[str, Array]]:
        """Yields the rows of a block in pieces, so that bools, which Arrow packs, do not take eight times the block's memory."""
        each = sum(math.prod(column.shape) * column.dtype.itemsize for column in self._columns)
        step = max(_PIECE_BYTES // max(each, 1), 1)
        for start in range(0, block.num_rows(), step):
            piece = BlockAccessor.for_block(block.slice(start, min(start + step, block.num_rows()), copy=False))
            yield piece.to_batch_format("numpy")

    def _values(self, column: _Column, values: Array) -> Array:
        """Checks that items are like those of the sample, as all shards must be."""
        array = _plain(column.key, values)
        if array.dtype.kind == "U" and array.dtype.itemsize <= column.dtype.itemsize:
            array = array.astype(column.dtype)
        if array.dtype != column.dtype or array.shape[1:] != column.shape:
            raise InputError(
                f"{column.key!r}: expected items of {column.dtype} and shape {column.shape}, as in the first rows, found "
                f"{array.dtype} and {array.shape[1:]}"
            )
        return array

    def on_write_complete(self, write_result: Any) -> None:
        """Writes the manifest, on the driver."""
        written = sorted(result for result in write_result.write_returns if result is not None)
        commit(self._path, [path for _, path in written], store=self._store, replaces=self._replaces)


@contextmanager
def _output(path: str, store: Any) -> Iterator[Any]:
    """Yields what a writer can write to."""
    if store is None:
        yield path
    elif hasattr(store, "get_ranges"):
        import obstore

        with obstore.open_writer(store, path) as file:
            yield file
    else:
        with store.open(path, "wb") as file:
            yield file
