"""Making sharded archives: cutting an archive into shards, and making archives shards of one."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from . import _bitnpz
from ._archive import NpzFile
from ._errors import FileError, FilePresentError, InputError
from ._options import MAX_SHARDS, check_number
from ._orphans import remove_orphans
from ._paths import Path, local, shown
from ._put import put
from ._sharded_file import MANIFEST_SUFFIX, ShardedFile, is_manifest
from ._store_options import StoreOptions
from ._stores import Ranges, ranges_of
from ._target import check_no_options, stored_at
from ._upload import Stored, check_absent, uploading
from ._urls import is_remote

#: What stands between folders.
_SEPARATORS = r"[/\\]" if os.sep == "\\" else "/"

#: Files that are younger may be those of a writer that has not committed yet: those of the last day.
_AGE = 86400.0


def shard(
    manifest: Path,
    source: Path,
    shards: int | None = None,
    *,
    shard_bytes: int | None = None,
    store: Any = None,
    store_options: StoreOptions | None = None,
    limits: dict[str, int] | None = None,
) -> None:
    """Cuts an archive of image sets into shards beside a manifest. Images are copied, except small stacks that share a set.

    Parameters
    ----------
    manifest : str or path
        The path or URL of the manifest, `NAME.bitnpz.json`; with `store` its path there. The shards are written to its folder. In
        a store they are uploaded one after the other, each from a temporary file.
    source : str or path
        The archive, which is a file of this machine.
    shards : int, optional
        How many shards to cut it into, of about as many images each.
    shard_bytes : int, optional
        Instead, about how many bytes a shard has.
    store, store_options, limits : optional
        See `load`.

    Raises
    ------
    FilePresentError
        If there is a manifest of this name.
    InputError
        If the archive has no image sets.

    See Also
    --------
    merge : puts the shards of a manifest together again.

    Examples
    --------
    >>> stack = np.random.default_rng(0).random((5000, 16, 16)) < 0.1
    >>> bitnpz.save("training.npz", {"glyphs": stack, "outputs": np.arange(5000)})
    >>> bitnpz.shard("cut.bitnpz.json", "training.npz", shard_bytes=20_000)
    >>> [shard.items["glyphs"] for shard in bitnpz.load("cut.bitnpz.json").shards]
    [1000, 1000, 1000, 1000, 1000]
    """
    path = _manifest_path(manifest)
    if (shards is None) == (shard_bytes is None):
        raise InputError("expected shards or shard_bytes, found both or neither")
    if shard_bytes is not None:
        check_number("shard_bytes", shard_bytes, 2**63 - 1)
        size = NpzFile(local(source), limits=limits)._identity()[0]
        shards = min(max(-(-size // shard_bytes), 1), MAX_SHARDS)
    check_number("shards", shards, MAX_SHARDS)
    assert shards is not None
    if store is None and not is_remote(path):
        check_no_options(store_options)
        _bitnpz._shard(local(path), local(source), shards, shown(source), limits)
        return
    _upload_shards(stored_at(manifest, store, store_options), local(source), shards, limits)


def _upload_shards(manifest: Stored, source: str, shards: int, limits: dict[str, int] | None) -> None:
    """Cuts an archive into shards in a store. None are left there if one cannot be written."""
    check_absent(manifest)
    names = [_name_in(_folder(path), path) for path in (shard_path(manifest.path, number) for number in range(shards))]
    written: list[Stored] = []
    try:
        for number, name in enumerate(names):
            target = manifest.sibling(name)
            with uploading(target) as path:
                _bitnpz._split_part(path, source, number, shards, shown(source), limits)
            written.append(target)
        _commit(manifest, names, None, limits)
    except BaseException as error:
        # A manifest that could not be written for another reason may be there, and name them.
        if len(written) < shards or isinstance(error, FilePresentError):
            for target in written:
                with suppress(FileError):
                    target.delete()
        raise


def shard_path(manifest: Path, number: int) -> str:
    """Returns a new path for a shard, in the folder of its manifest. Each call returns another, so that processes that write shards at
    the same time, or again after a failure, do not write to the same file.

    Examples
    --------
    >>> bitnpz.shard_path("data/glyphs.bitnpz.json", 3)  # doctest: +SKIP
    'data/glyphs-00003-5f0c9a1be2d4.npz'
    """
    # A URL is no path of this system.
    path = _manifest_path(manifest)
    folder = path[: len(path) - len(re.split(_SEPARATORS, path)[-1])]
    return folder + str(_bitnpz._shard_path(path[len(folder) :], number))


def commit(
    manifest: Path,
    shards: Iterable[Path],
    *,
    replaces: ShardedFile | None = None,
    store: Any = None,
    store_options: StoreOptions | None = None,
    limits: dict[str, int] | None = None,
) -> None:
    """Makes archives the shards of one, by writing their manifest in one step: readers see all of them or none.

    Stacks under the same key are read one after the other, and so are images with keys of their own, and other arrays that have as
    many items as there are images in each archive, as labels do. All other arrays must be the same in all archives.

    Parameters
    ----------
    manifest : str or path
        The path or URL of the manifest, `NAME.bitnpz.json`; with `store` its path there.
    shards : iterable of str or path
        The archives, in their order: complete, and in the folder of the manifest. `shard_path` has names for them.
    replaces : ShardedFile, optional
        The archive that is replaced, by one with more, fewer or other shards. Default: none, and there must be no such manifest.
    store, store_options, limits : optional
        See `load`.

    Raises
    ------
    FilePresentError
        If there is a manifest of this name and `replaces` is not given: of several writers, the first succeeds.
    FileChangedError
        If the manifest is not that of `replaces` any more, as another writer has replaced it.
    InputError
        If an archive has other arrays than the others, or is not in the folder of the manifest.

    Examples
    --------
    >>> paths = [bitnpz.shard_path("parts.bitnpz.json", number) for number in range(3)]
    >>> for number, path in enumerate(paths):
    ...     stack = np.random.default_rng(number).random((1000, 28, 28)) < 0.1
    ...     bitnpz.save(path, {"glyphs": stack, "outputs": np.full(1000, number)})
    >>> bitnpz.commit("parts.bitnpz.json", paths[:2])
    >>> archive = bitnpz.load("parts.bitnpz.json")
    >>> bitnpz.commit("parts.bitnpz.json", paths, replaces=archive)
    >>> len(archive["glyphs"]), len(bitnpz.load("parts.bitnpz.json")["glyphs"])
    (2000, 3000)
    """
    if replaces is not None and not isinstance(replaces, ShardedFile):
        raise InputError(f"replaces: expected a ShardedFile, as load returns it, found {type(replaces).__name__}")
    ranges = ranges_of(manifest, store, store_options)
    if ranges is None:
        path = _manifest_path(manifest)
        _bitnpz._commit(path, [os.fsdecode(shard) for shard in shards], replaces, shown(path), limits)
        return
    if not is_manifest(ranges.name):
        raise InputError(f"{ranges.name}: expected the path of a manifest, which ends in {MANIFEST_SUFFIX}")
    folder = _folder(os.fsdecode(manifest))
    _commit(ranges, [_name_in(folder, os.fsdecode(shard)) for shard in shards], replaces, limits)


def _commit(manifest: Ranges, shards: list[str], replaces: ShardedFile | None, limits: dict[str, int] | None) -> None:
    """Writes the manifest of shards in a store."""
    text = _bitnpz._describe_shards(manifest, shards, manifest.name, limits)
    if replaces is None:
        put(manifest, text.encode(), absent=True)
    else:
        put(manifest, text.encode(), match=_version_of(replaces))


def gc(
    manifest: Path,
    *,
    age: float = _AGE,
    delete: bool = True,
    store: Any = None,
    store_options: StoreOptions | None = None,
) -> list[str]:
    """Removes the files that writers of shards have left in the folder of a manifest, after a failure or when another took their
    place: archives with names as `shard_path` gives them that no manifest in the folder has, and temporary files.

    Parameters
    ----------
    manifest : str or path
        The path or URL of the manifest; with `store` its path there. It need not be there.
    age : float
        How long ago a file was written, in seconds, so that it is not that of a writer that has not committed yet.
    delete : bool
        Whether to remove the files, or only to return their paths.
    store, store_options : optional
        See `load`.

    Returns
    -------
    list of str
        The paths of the files.

    Examples
    --------
    >>> path = bitnpz.shard_path("lost.bitnpz.json", 0)
    >>> bitnpz.save(path, {"glyphs": np.ones((100, 28, 28), bool)})
    >>> bitnpz.gc("lost.bitnpz.json") == [], bitnpz.gc("lost.bitnpz.json", age=0) == [path]
    (True, True)
    """
    if not (isinstance(age, (int, float)) and 0 <= age < math.inf):
        raise InputError(f"age: expected seconds from 0, found {age!r}")
    ranges = ranges_of(manifest, store, store_options)
    if ranges is not None:
        return [_folder(os.fsdecode(manifest)) + name for name in remove_orphans(ranges, age, delete)]
    path = _manifest_path(manifest)
    found = _bitnpz._remove_orphans(path, age, delete, shown(path))
    return [str(orphan) for orphan in found]


def _manifest_path(manifest: Path) -> str:
    path = os.fsdecode(manifest)
    if not is_manifest(path):
        raise InputError(f"{shown(path)}: expected the path of a manifest, which ends in {MANIFEST_SUFFIX}")
    return path


def _folder(path: str) -> str:
    """Returns all before the name of a file in a store, `/` included."""
    return path[: path.rfind("/") + 1]


def _name_in(folder: str, shard: str) -> str:
    """Returns the name of a shard in a store, which is in the folder of the manifest."""
    if not shard.startswith(folder) or "/" in shard[len(folder) :]:
        raise InputError(f"{shard}: expected a shard in {folder}, the folder of the manifest")
    return shard[len(folder) :]


def _version_of(archive: ShardedFile) -> str:
    """Returns what tells the manifest of an archive in a store from others."""
    source: Any = archive._source
    if isinstance(source, str):
        raise InputError(f"{archive.filename}: expected the archive of the manifest that is replaced, found one in a file")
    version: str | None = source.version()
    if version is None:
        raise InputError(
            f"{archive.filename}: expected a store that tells the version of a file, so that no other writer's manifest is replaced"
        )
    return version
