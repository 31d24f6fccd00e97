"""Writing a small object to a store, on a condition: that there is none, or that it is of a known version."""

from __future__ import annotations

from typing import Any

from ._errors import FileChangedError, FileError, FilePresentError, InputError
from ._filesystem_file import FilesystemFile
from ._requests import repeat
from ._store_failures import Failure, WrongAnswerError, failure_of, kind_of
from ._stored_object import StoredObject
from ._stores import Ranges


def put(ranges: Ranges, data: bytes, *, absent: bool = False, match: str | None = None) -> None:
    """Writes an object as a whole; readers find the old one or the new one.

    With `absent`, raises `FilePresentError` if there is an object of this name. With `match`, the version that was read, raises
    `FileChangedError` if there is another by now. Stores of obstore on S3, GCS, Azure and in memory check the condition as they
    write, and so do local folders and most file systems of fsspec for `absent`. All are asked before, as some ignore the condition:
    there, of two that write at the same time, both may succeed.
    """
    if absent and match is not None:
        raise InputError("match: expected none with absent, found a version")
    if isinstance(ranges, StoredObject):
        write: Any = _ObjectWriter(ranges.store, ranges.path, data, absent, match)
    elif isinstance(ranges, FilesystemFile):
        write = _FileWriter(ranges, data, absent, match)
    else:
        raise InputError(f"{ranges.name}: expected a file in a store, which can be written to, found {type(ranges).__name__}")
    options, attempts = ranges.options(), 0

    def request() -> None:
        nonlocal attempts
        attempts += 1
        write()

    def failure(error: Exception) -> Failure:
        return failure_of(error, ranges.name, f"writing {len(data)} bytes")

    try:
        repeat(request, failure, options)
    except (FilePresentError, FileChangedError):
        # An attempt of which the answer was lost may have written the object.
        if attempts == 1 or not _holds(ranges, data):
            raise


def _holds(ranges: StoredObject | FilesystemFile, data: bytes) -> bool:
    """Returns whether an object has this content now."""
    now = ranges.again()
    try:
        return now.length() == len(data) and b"".join(now.read_ranges([0], [len(data)])) == data
    except FileError:
        return False


class _ObjectWriter:
    """Writes to a store of obstore."""

    def __init__(self, store: Any, path: str, data: bytes, absent: bool, match: str | None) -> None:
        self._store, self._path, self._data = store, path, data
        self._absent, self._match = absent, match

    def __call__(self) -> None:
        mode: Any = "create" if self._absent else "overwrite"
        if self._absent or self._match is not None:
            meta = self._current()
        if self._match is not None:
            # Some stores want the ETag, and others the version.
            mode = {key: meta[key] for key in ("e_tag", "version") if meta.get(key) is not None}
        try:
            self._store.put(self._path, self._data, mode=mode, use_multipart=False)
        except Exception as error:  # noqa: BLE001
            if mode == "overwrite" or kind_of(error) != "unsupported":
                raise
            self._store.put(self._path, self._data, use_multipart=False)

    def _current(self) -> Any:
        """Returns what the store tells of the object that is there, and checks the condition."""
        try:
            meta = self._store.head(self._path)
        except FileNotFoundError:
            if self._match is not None:
                raise WrongAnswerError("changed", f"expected version {self._match}, found none") from None
            return {}
        found = str(meta.get("last_modified")) if meta.get("e_tag") is None else meta["e_tag"]
        _check_found(found, self._absent, self._match)
        return meta


class _FileWriter:
    """Writes to a file system of fsspec."""

    def __init__(self, file: FilesystemFile, data: bytes, absent: bool, match: str | None) -> None:
        self._file, self._data, self._absent, self._match = file, data, absent, match

    def __call__(self) -> None:
        filesystem, path = self._file.filesystem, self._file.path
        if self._absent or self._match is not None:
            if hasattr(filesystem, "invalidate_cache"):
                filesystem.invalidate_cache()
            try:
                found = self._file.again().version()
            except FileNotFoundError:
                if self._match is not None:
                    raise WrongAnswerError("changed", f"expected version {self._match}, found none") from None
            else:
                _check_found(found, self._absent, self._match)
        if self._absent:
            try:
                filesystem.pipe_file(path, self._data, mode="create")
                return
            except (TypeError, NotImplementedError, ValueError):
                # File systems that are older than the mode.
                pass
        filesystem.pipe_file(path, self._data)


def _check_found(found: str | None, absent: bool, match: str | None) -> None:
    if absent:
        raise WrongAnswerError("present", f"version {found}")
    if match is not None and found != match:
        raise WrongAnswerError("changed", f"expected version {match}, found {found}")
