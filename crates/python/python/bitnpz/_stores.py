"""Files that are read by range: in an object store, behind a file system of fsspec, at a URL, or of another kind."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import Any, Protocol

from ._answers import read_end
from ._errors import InputError
from ._filesystem_file import FilesystemFile
from ._store_options import StoreOptions
from ._stored_object import StoredObject
from ._urls import Url, is_url


class ByteRanges(Protocol):
    """What `load` needs of a file to read it by range."""

    def length(self) -> int:
        """Returns the length of the file in bytes."""

    def read_ranges(self, starts: list[int], ends: list[int], /) -> Sequence[bytes | bytearray | memoryview]:
        """Returns the bytes of ranges, which are in ascending order."""


class FilesystemPath(Protocol):
    """A file of fsspec that is not open yet, as `fsspec.open` returns it."""

    fs: Any
    path: str


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

    def sibling(self, name: str) -> Ranges:
        """Returns the file of this name in the same folder, or in a folder in it."""


class OtherFile:
    """Any object with the methods `length` and `read_ranges`. It is left to it to repeat requests, and to tell versions apart."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.name = str(getattr(file, "name", None) or type(file).__name__)

    def length(self) -> int:
        return int(self.file.length())

    def read_ranges(self, starts: list[int], ends: list[int]) -> Sequence[bytes]:
        return [bytes(part) for part in self.file.read_ranges(starts, ends)]

    def read_end(self, most: int) -> tuple[int, bytes]:
        return read_end(self, most)

    def sibling(self, name: str) -> Ranges:
        raise InputError(f"{self.name}: expected a path, a URL or a file in a store, to find {name!r} beside it, found another file")


def open_url(text: str, options: StoreOptions | None = None) -> Ranges:
    """Returns the file at a URL, which obstore reads if it is installed and knows the scheme, and fsspec otherwise."""
    url = Url(text)
    if (found := url.in_obstore(options or StoreOptions())) is not None:
        return StoredObject(*found, options, url)
    return FilesystemFile(*url.in_fsspec(), options, url)


def disk_cache_of(ranges: Ranges) -> tuple[str, int] | None:
    """Returns the folder of the cache on disk for a file, and its bytes, if there is one."""
    return ranges.options().disk_cache() if isinstance(ranges, (StoredObject, FilesystemFile)) else None


def ranges_of(file: Any, store: Any, options: StoreOptions | None = None) -> Ranges | None:
    """Returns the file as one that is read by range; None if it is another."""
    if options is not None and not isinstance(options, StoreOptions):
        raise InputError(f"store_options: expected StoreOptions, found {type(options).__name__}")
    if isinstance(file, (StoredObject, FilesystemFile, OtherFile)):
        return file
    if store is not None:
        if not isinstance(file, (str, os.PathLike)):
            raise InputError(f"file: expected the path of an object in the store, found {type(file).__name__}")
        path = file if isinstance(file, str) else os.fspath(file).replace(os.sep, "/")
        if hasattr(store, "get_ranges"):
            return StoredObject(store, path, options)
        if hasattr(store, "cat_ranges"):
            return FilesystemFile(store, path, options)
        raise InputError(
            f"store: expected a store of obstore or a file system of fsspec, found {type(store).__name__}: "
            "it has neither get_ranges nor cat_ranges"
        )
    if is_url(file):
        return open_url(file, options)
    if hasattr(file, "read_ranges") and hasattr(file, "length"):
        return OtherFile(file)
    # A file of fsspec knows where it is. One that is open may have been read, and may hold arrays one after the other.
    if hasattr(getattr(file, "fs", None), "cat_ranges") and isinstance(getattr(file, "path", None), str):
        if not hasattr(file, "read") or (file.tell() == 0 and _starts_as_archive(file)):
            return FilesystemFile(file.fs, file.path, options)
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
