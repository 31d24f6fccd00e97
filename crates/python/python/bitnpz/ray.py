"""Archives as datasets of Ray Data, which the workers of a cluster read and write at the same time.

Works with Ray 2.52 to 2.60.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import ray.data

from ._archive import Access
from ._archive_file import ArchiveFile
from ._arithmetic import Array
from ._errors import FilePresentError, InputError
from ._load import load
from ._loader import seed_of
from ._model import Model, train
from ._options import MAX_THREADS, Codec, Effort, check_number, check_options
from ._paths import local, shown
from ._ray_sink import Sink, found_columns
from ._ray_source import Order, Rows, Source, default_columns, number_of_tasks
from ._sharded_file import MANIFEST_SUFFIX, ShardedFile, is_manifest
from ._store_options import StoreOptions
from ._target import stored_at
from ._urls import is_remote

__all__ = ["read", "write"]

Path = str | os.PathLike[str]


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

    Arrays that are neither `Images` nor `StoredArray`, such as small ones and those that `np.savez` wrote, are read whole: by the
    driver, and by each task, unless its worker has kept them from the task before.

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
    if shuffle is not None and (isinstance(shuffle, bool) or not isinstance(shuffle, (int, np.integer))):
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
    keys = list(default_columns(archives[0]) if columns is None else dict.fromkeys(columns))
    if not keys:
        raise InputError(f"{shown(names[0])}: columns: expected a key or more, found none")
    rows = Rows(keys, packed, dtype)
    for path, archive in zip(names, archives, strict=True):
        rows.add(shown(path), archive)
    order = None if shuffle is None else Order(rows.count, seed_of(int(shuffle), 0), block, window)
    dataset: ray.data.Dataset = ray.data.read_datasource(
        Source(rows, order),
        num_cpus=threads,
        concurrency=concurrency,
        override_num_blocks=number_of_tasks(rows) if override_num_blocks is None else override_num_blocks,
    )
    return dataset


def _open(path: Path, **options: Any) -> ArchiveFile:
    if not isinstance(path, (str, os.PathLike)):
        raise InputError(f"paths: expected paths, which workers can open, found {type(path).__name__}")
    archive = load(path, **options)
    if not isinstance(archive, ArchiveFile):
        raise InputError(f"{shown(path)}: expected an archive, found a .npy file")
    return archive


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
        The path or URL of the manifest, `NAME.bitnpz.json`. Shards are written to its folder, which all workers must share; it is
        made if there is none.
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
        raise InputError(f"{shown(target)}: expected the path of a manifest, which ends in {MANIFEST_SUFFIX}")
    if store is None and not is_remote(target):
        target = local(target)
        # Workers may have another working directory.
        target = os.path.abspath(target)
        os.makedirs(os.path.dirname(target), exist_ok=True)
    else:
        stored_at(target, store, None)
    if replaces is None:
        _check_absent(target, store)
    batches: list[dict[str, Array]] = list(dataset.limit(sample).iter_batches(batch_size=sample, batch_format="numpy"))
    if not batches:
        raise InputError("dataset: expected a row or more, found none")
    (first,) = batches
    found = found_columns(first, images)
    if model is None and (keys := [column.key for column in found if column.is_images]):
        # An archive has one model. It should be that of the images that take most.
        largest = max(keys, key=lambda key: first[key].nbytes)
        model = train(first[largest], codec=codec, effort=effort)
    options = {"codec": codec, "effort": effort, "level": level, "model": model, "threads": threads}
    sink = Sink(target, found, store, replaces, min_rows_per_shard, options)
    dataset.write_datasink(sink, ray_remote_args={"num_cpus": threads}, concurrency=concurrency)


def _check_absent(path: str, store: Any) -> None:
    try:
        load(path, store=store)
    except FileNotFoundError:
        return
    raise FilePresentError(f"{shown(path)}: expected no manifest, found one: replaces=bitnpz.load(...) replaces it")
