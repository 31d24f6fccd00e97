"""Shards in a store that no manifest names."""

from __future__ import annotations

import posixpath
import re
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from . import _bitnpz
from ._errors import InputError
from ._filesystem_file import FilesystemFile
from ._sharded_file import MANIFEST_SUFFIX, read_manifest
from ._stored_object import StoredObject
from ._stores import Ranges

#: Where file systems of fsspec say when a file was changed.
_TIMES = ("LastModified", "last_modified", "mtime", "created")


def remove_orphans(manifest: Ranges, age: float, delete: bool) -> list[str]:
    """Finds the shards in the folder of a manifest in a store that no manifest there names, last written so many seconds ago. Removes
    them if `delete` says so, and returns their names."""
    if not isinstance(manifest, (StoredObject, FilesystemFile)):
        raise InputError(f"{manifest.name}: expected a file in a store, whose folder can be listed, found {type(manifest).__name__}")
    stem = posixpath.basename(manifest.path).removesuffix(MANIFEST_SUFFIX)
    is_shard = re.compile(re.escape(stem) + r"-[0-9]{5,}-[0-9a-f]{12}\.npz").fullmatch
    written = time.time() - age
    found = {name for name, modified in _files(manifest) if is_shard(name) and modified <= written}
    # Later than the shards: those that are committed meanwhile are named.
    for name, _ in list(_files(manifest)):
        if name.endswith(MANIFEST_SUFFIX):
            other = manifest.sibling(name)
            found -= set(_bitnpz._shard_names(read_manifest(other), other.name))
    for name in sorted(found) if delete else []:
        manifest.sibling(name).delete()
    return sorted(found)


def _files(manifest: StoredObject | FilesystemFile) -> Iterator[tuple[str, float]]:
    """Yields the names of the files in the folder of a manifest, and when they were changed."""
    folder = posixpath.dirname(manifest.path)
    if isinstance(manifest, StoredObject):
        for metas in manifest.store.list(prefix=folder or None):
            for meta in metas:
                if posixpath.dirname(meta["path"]) == folder:
                    yield posixpath.basename(meta["path"]), meta["last_modified"].timestamp()
        return
    # What was listed before may be kept.
    manifest.filesystem.invalidate_cache(folder)
    for info in manifest.filesystem.ls(folder, detail=True):
        if info["type"] == "file":
            yield posixpath.basename(info["name"]), _time_of(manifest, info)


def _time_of(manifest: FilesystemFile, info: dict[str, Any]) -> float:
    for key in _TIMES:
        found = info.get(key)
        if isinstance(found, datetime):
            return found.timestamp()
        if isinstance(found, (int, float)):
            return float(found)
    raise InputError(f"{manifest.name}: expected a file system that tells when files were written, found {type(manifest.filesystem).__name__}")
