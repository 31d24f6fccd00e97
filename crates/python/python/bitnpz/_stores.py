"""Files that are read by range: in an object store, or behind a file system of fsspec."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import Any, Protocol

from ._errors import InputError


class Ranges(Protocol):
    """A file that is read by range."""

    #: The file's name in messages.
    name: str

    def length(self) -> int:
        """Returns the length of the file in bytes."""

    def read_ranges(self, starts: list[int], ends: list[int]) -> Sequence[bytes]:
        """Returns the bytes of ranges, which are in ascending order."""

    def read_end(self, most: int) -> tuple[int, bytes]:
        """Returns the length of the file and its last bytes, at most so many."""


def _read_end(file: Any, most: int) -> tuple[int, bytes]:
    """Does so with two requests."""
    length = file.length()
    start = max(length - most, 0)
    return length, file.read_ranges([start], [length])[0] if start < length else b""


class StoredObject:
    """An object in a store of obstore, or of anything with the same `head` and `get_ranges`."""

    def __init__(self, store: Any, path: str) -> None:
        self.store, self.path = store, path
        self.name = path

    def length(self) -> int:
        return int(self.store.head(self.path)["size"])

    def read_ranges(self, starts: list[int], ends: list[int]) -> Sequence[bytes]:
        return [bytes(part) for part in self.store.get_ranges(self.path, starts=starts, ends=ends)]

    def read_end(self, most: int) -> tuple[int, bytes]:
        try:
            result = self.store.get(self.path, options={"range": {"suffix": most}})
            length, found = int(result.meta["size"]), tuple(result.range)
            if found == (max(length - most, 0), length):
                return length, bytes(result.bytes())
        except Exception:  # noqa: BLE001
            # Some stores cannot be asked for the end of an object. If it is something else, the other way fails too.
            pass
        return _read_end(self, most)


class FilesystemFile:
    """A file of a file system of fsspec."""

    def __init__(self, filesystem: Any, path: str) -> None:
        self.filesystem, self.path = filesystem, path
        self.name = path

    def length(self) -> int:
        return int(self.filesystem.size(self.path))

    def read_ranges(self, starts: list[int], ends: list[int]) -> Sequence[bytes]:
        parts = self.filesystem.cat_ranges([self.path] * len(starts), starts, ends, on_error="raise")
        return [bytes(part) for part in parts]

    def read_end(self, most: int) -> tuple[int, bytes]:
        return _read_end(self, most)


class OtherFile:
    """Any object with the methods `length` and `read_ranges`."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.name = str(getattr(file, "name", None) or type(file).__name__)

    def length(self) -> int:
        return int(self.file.length())

    def read_ranges(self, starts: list[int], ends: list[int]) -> Sequence[bytes]:
        return [bytes(part) for part in self.file.read_ranges(starts, ends)]

    def read_end(self, most: int) -> tuple[int, bytes]:
        return _read_end(self, most)


def ranges_of(file: Any, store: Any) -> Ranges | None:
    """Returns the file as one that is read by range; None if it is another."""
    if isinstance(file, (StoredObject, FilesystemFile, OtherFile)):
        return file
    if store is not None:
        if not isinstance(file, (str, os.PathLike)):
            raise InputError(f"file: expected the path of an object in the store, found {type(file).__name__}")
        path = file if isinstance(file, str) else os.fspath(file).replace(os.sep, "/")
        if hasattr(store, "get_ranges"):
            return StoredObject(store, path)
        if hasattr(store, "cat_ranges"):
            return FilesystemFile(store, path)
        raise InputError(
            f"store: expected a store of obstore or a file system of fsspec, found {type(store).__name__}: "
            "it has neither get_ranges nor cat_ranges"
        )
    if hasattr(file, "read_ranges") and hasattr(file, "length"):
        return OtherFile(file)
    # A file of fsspec knows where it is. One that is open may have been read, and may hold arrays one after the other.
    if hasattr(getattr(file, "fs", None), "cat_ranges") and isinstance(getattr(file, "path", None), str):
        if not hasattr(file, "read") or (file.tell() == 0 and _starts_as_archive(file)):
            return FilesystemFile(file.fs, file.path)
    return None


def _starts_as_archive(file: Any) -> bool:
    start = file.read(2)
    file.seek(0)
    return bool(start == b"PK")


class RangesFile(io.RawIOBase):
    """A file that is read by range, as an open file."""

    def __init__(self, ranges: Ranges) -> None:
        self._ranges, self._length, self._place = ranges, ranges.length(), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = offset + (0, self._place, self._length)[whence]
        return self._place

    def readinto(self, buffer: Any) -> int:
        end = min(self._place + len(buffer), self._length)
        if end <= self._place:
            return 0
        (part,) = self._ranges.read_ranges([self._place], [end])
        buffer[: len(part)] = part
        self._place += len(part)
        return len(part)
