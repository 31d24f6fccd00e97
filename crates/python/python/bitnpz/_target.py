"""Where an archive is written to: a path, an open file, or a store."""

from __future__ import annotations

import errno
import os
from typing import IO, Any

from ._errors import FilePresentError, InputError
from ._filesystem_file import FilesystemFile
from ._paths import Path, check_writeable, shown, with_ending
from ._store_options import StoreOptions
from ._stored_object import StoredObject
from ._stores import ranges_of
from ._upload import Stored, Upload, start
from ._urls import is_remote

#: A path, an open file, or an upload to a store.
Target = str | IO[bytes] | Upload


def target_of(file: Path | IO[bytes], mode: str, store: Any = None, options: StoreOptions | None = None) -> tuple[Target, str]:
    """Returns what a writer writes to, and its name in messages."""
    if store is None and not isinstance(file, (str, bytes, os.PathLike)):
        check_writeable(file)
        check_no_options(options)
        if mode != "w":
            raise InputError(f'file: expected a path with mode "{mode}", found an open file')
        return file, "archive"
    if mode == "a" and isinstance(file, (str, bytes, os.PathLike)) and store is None and _is_no_folder(file):
        # It is appended to under any name.
        check_no_options(options)
        return os.fsdecode(file), shown(file)
    place = archive_at(file, store, options)
    if isinstance(place, str):
        if mode == "x" and os.path.lexists(place):
            raise FilePresentError(errno.EEXIST, os.strerror(errno.EEXIST), place)
        return place, shown(place)
    if mode == "a":
        raise InputError(
            f'{place.name}: mode: expected "w" or "x" for an archive in a store, found "a": append to a copy on disk, or write what '
            "is added to a shard of its own, and commit both"
        )
    return start(place, mode), place.name


def _is_no_folder(path: Path) -> bool:
    """Returns whether there is a file, or something else but a folder."""
    return os.path.exists(path) and not os.path.isdir(path)


def archive_at(file: object, store: Any, options: StoreOptions | None) -> str | Stored:
    """Returns where a new archive goes, a path of this machine or a file in a store, with `.npz` appended if it is missing."""
    if store is None and not is_remote(file):
        check_no_options(options)
        return with_ending(file)  # type: ignore[arg-type]
    if isinstance(file, os.PathLike):
        file = os.fsdecode(file).replace(os.sep, "/")
    if isinstance(file, str) and not file.endswith(".npz"):
        file += ".npz"
    stored = stored_at(file, store, options)
    path = stored.local_path() if isinstance(stored, FilesystemFile) else None
    return stored if path is None else path


def stored_at(file: object, store: Any, options: StoreOptions | None) -> Stored:
    """Returns the file in a store to which the path or URL leads, to write to it."""
    stored = ranges_of(file, store, options)
    if not isinstance(stored, (StoredObject, FilesystemFile)):
        raise InputError(f"file: expected the path or URL of a file in a store, found {type(file).__name__}")
    if stored.is_on_web():
        raise InputError(f"{stored.name}: expected a store that can be written to, found a web server, which can only be read")
    return stored


def check_no_options(options: StoreOptions | None) -> None:
    """Checks that there are no options for a store where there is no store."""
    if options is not None:
        raise InputError("store_options: expected none without a URL or a store, found some")


def place_in(target: Target) -> int | None:
    """Returns the place in an open file at which an archive starts; None if it cannot be sought."""
    if isinstance(target, (str, Upload)):
        return None
    try:
        return target.tell() if target.seekable() else None
    except (AttributeError, OSError):
        return None
