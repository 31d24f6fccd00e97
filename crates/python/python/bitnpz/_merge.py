"""Merging and splitting archives."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from . import _bitnpz
from ._errors import InputError
from ._options import MAX_SHARDS, check_number
from ._paths import Path, check_apart, local, shown
from ._store_options import StoreOptions
from ._target import archive_at
from ._upload import Stored, uploading


def merge(
    file: Path,
    sources: Iterable[Path],
    *,
    store: Any = None,
    store_options: StoreOptions | None = None,
    limits: dict[str, int] | None = None,
) -> None:
    """Puts archives together, in their order. Images are copied, except small stacks that share an image set.

    Stacks under the same key become one, and so do images with keys of their own. Other arrays under the same key are joined
    along their first axis if that counts images in each archive, as labels do: it is as long as a stack of the archive or as it
    has images with keys of their own. Otherwise they must be the same in all archives, and are written once.

    Parameters
    ----------
    file : str or path
        The path or URL of the new archive; `.npz` is appended if it does not end in it. An existing file is replaced when
        everything has been written, whole or not at all. In a store it is uploaded from a temporary file.
    sources : iterable of str or path
        The archives, which are files of this machine.
    store, store_options : optional
        The store of the new archive; see `load`.
    limits : dict, optional
        See `load`.

    Raises
    ------
    FileError
        If an archive cannot be read, or the new one not be written.
    InputError
        If there are no archives, if two have an image under the same key, if their stacks differ in dtype, values or the size of
        images, or if their other arrays can neither be joined nor are the same.

    Examples
    --------
    >>> for name, first in ("a.npz", 0), ("b.npz", 100):
    ...     stack = np.random.default_rng(first).random((1000, 28, 28)) < 0.1
    ...     bitnpz.save(name, {"glyphs": stack, "outputs": np.arange(first, first + 1000)})
    >>> bitnpz.merge("training.npz", ["a.npz", "b.npz"])
    >>> archive = bitnpz.load("training.npz")
    >>> archive["glyphs"].shape, archive["outputs"][1000]
    ((2000, 28, 28), np.int64(100))
    """
    if isinstance(sources, (str, bytes, os.PathLike)):
        raise InputError(f"sources: expected several paths, found one: use [{shown(sources)!r}]")
    paths = [local(source) for source in sources]
    target = archive_at(file, store, store_options)
    with writing(target) as path:
        _bitnpz._merge(path, paths, _name(target), limits)


@contextmanager
def writing(target: str | Stored) -> Iterator[str]:
    """Yields the path to which an archive is written: its own, or that of a temporary file that is uploaded."""
    if isinstance(target, str):
        yield target
    else:
        with uploading(target) as path:
            yield path


def _name(target: str | Stored) -> str:
    """Returns the name of an archive in messages."""
    return shown(target) if isinstance(target, str) else target.name


def split(
    file: Path,
    source: Path,
    shards: int,
    *,
    store: Any = None,
    store_options: StoreOptions | None = None,
    limits: dict[str, int] | None = None,
) -> list[str]:
    """Splits an archive of image sets into several. Images are copied, except small stacks that share an image set.

    Each stack is cut along its first axis, and so are images with keys of their own, into pieces of about the same length. Arrays
    that have an item for each image, as labels do, are cut in the same places, also those of two values beside a stack; other
    arrays are in each shard. `merge` puts the shards together again.

    Parameters
    ----------
    file : str or path
        The path or URL of all shards: with `shard.npz` and two shards, they are `shard-00000-of-00002.npz` and
        `shard-00001-of-00002.npz`.
    source : str or path
        The archive, which is a file of this machine.
    shards : int
        The number of shards.
    store, store_options : optional
        The store of the shards; see `load`.
    limits : dict, optional
        See `load`.

    Returns
    -------
    list of str
        The paths of the shards, in order.

    Raises
    ------
    FileError
        If the archive cannot be read, or a shard not be written.
    InputError
        If the archive has no image sets.

    Examples
    --------
    >>> stack = np.random.default_rng(0).random((5000, 28, 28)) < 0.1
    >>> bitnpz.save("training.npz", {"glyphs": stack, "labels": np.arange(5000)})
    >>> shards = bitnpz.split("shard.npz", "training.npz", 2)
    >>> shards, [len(bitnpz.load(shard)["glyphs"]) for shard in shards]
    (['shard-00000-of-00002.npz', 'shard-00001-of-00002.npz'], [2432, 2568])
    """
    check_number("shards", shards, MAX_SHARDS)
    path = local(source)
    text = os.fsdecode(file).removesuffix(".npz")
    names = [f"{text}-{number:05}-of-{shards:05}.npz" for number in range(shards)]
    for name in names if store is None else []:
        check_apart(path, name)
    for number, name in enumerate(names):
        target = archive_at(name, store, store_options)
        with writing(target) as written:
            _bitnpz._split_part(written, path, number, shards, shown(path), limits)
    return names
