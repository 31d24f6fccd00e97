"""Files that are read by range: in an object store, or behind a file system of fsspec."""

from __future__ import annotations

import io
import os
import posixpath
from collections.abc import Sequence
from typing import Any, Protocol, cast

from ._errors import FileError, InputError
from ._forks import Process
from ._pieces import Piece, pieces_of, ranges_in
from ._requests import Requests
from ._store_failures import Failure, WrongAnswerError, failure_of, kind_of
from ._store_options import StoreOptions
from ._urls import Url, check_sibling, is_url

#: The size of an object and its ETag, or when it was changed: what tells one version of it from another.
Version = tuple[int, str | None]

#: Where file systems of fsspec say what tells one version of a file from another.
_VERSION_KEYS = ("ETag", "etag", "e_tag", "generation", "LastModified", "last_modified", "mtime", "created")


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
        """Returns the file of this name in the same folder."""


def _read_end(file: Any, most: int) -> tuple[int, bytes]:
    """Does so with two requests."""
    length = file.length()
    start = max(length - most, 0)
    return length, file.read_ranges([start], [length])[0] if start < length else b""


def _shown(piece: Piece) -> str:
    return f"bytes {piece[0]} to {piece[1]}"


class StoredObject:
    """An object in a store of obstore, or of anything with the same `head`, and `get` or `get_ranges`.

    All that is read is of one version of the object, the first that was found, if the store has `get`, which tells the version of
    each answer.
    """

    #: The process that has used obstore: its threads are not in a forked child.
    _process: Process | None = None

    def __init__(
        self, store: Any, path: str, options: StoreOptions | None = None, url: Url | None = None, requests: Requests | None = None
    ) -> None:
        self.store, self.path = store, path
        self.name = path if url is None else url.shown
        self._url, self._requests = url, requests or Requests(options or StoreOptions())
        # The version is set once, by whichever thread is first.
        self._found: dict[str, Version] = {}
        # Stores that were opened here are told not to.
        self._repeats = url is None and type(store).__module__.startswith("obstore") and _has_retries(store)

    def length(self) -> int:
        if "version" not in self._found:
            self._make(lambda _: self._check(self.store.head(self.path)), [None], "its length")
        return self._found["version"][0]

    def version(self) -> str | None:
        """Returns the ETag of the object that is read; None if the store has none."""
        self.length()
        return self._found["version"][1]

    def read_ranges(self, starts: list[int], ends: list[int]) -> Sequence[bytes]:
        if not hasattr(self.store, "get"):
            (parts,) = self._make(lambda _: self._get_ranges(starts, ends), [None], f"{len(starts)} ranges")
            return cast(list[bytes], parts)
        pieces = pieces_of(starts, ends, self._requests.options.gap)
        return ranges_in(pieces, self._make(self._get, pieces), starts, ends)

    def read_end(self, most: int) -> tuple[int, bytes]:
        if hasattr(self.store, "get"):
            (end,) = self._make(lambda _: self._get_end(most), [None], f"its last {most} bytes")
            if end is not None:
                return cast(tuple[int, bytes], end)
        return _read_end(self, most)

    def sibling(self, name: str) -> StoredObject:
        check_sibling(name)
        url = None if self._url is None else self._url.sibling(name)
        path = posixpath.join(posixpath.dirname(self.path), name)
        return StoredObject(self.store, path, url=url, requests=self._requests)

    def again(self) -> StoredObject:
        """Returns the object as it is now, of whichever version."""
        return StoredObject(self.store, self.path, url=self._url, requests=self._requests)

    def options(self) -> StoreOptions:
        """Returns how it is read."""
        return self._requests.options

    def __reduce__(self) -> tuple[Any, ...]:
        if self._url is not None:
            return open_url, (self._url.text, self._requests.options)
        return StoredObject, (self.store, self.path, self._requests.options)

    def _make(self, request: Any, arguments: Sequence[Any], what: str = "") -> list[Any]:
        """Makes requests, and repeats those that fail."""
        self._check_process()

        def failure(error: Exception, argument: Any) -> Failure:
            return failure_of(error, self.name, what or _shown(argument), self._repeats)

        return self._requests.make(request, arguments, failure)

    def _check_process(self) -> None:
        """Checks that this is no forked child of a process that has used obstore: requests would wait forever."""
        kind = type(self.store)
        if not kind.__module__.startswith("obstore"):
            return
        if StoredObject._process is None:
            StoredObject._process = Process()
        # A store in memory needs no threads.
        if not StoredObject._process.is_current() and kind.__name__ != "MemoryStore":
            raise FileError(
                f"{self.name}: obstore cannot be used in a forked process after its parent has used it: start processes "
                'with "spawn" or "forkserver", as DataLoader(multiprocessing_context="spawn") does'
            )

    def _get(self, piece: Piece) -> bytes:
        """Reads a piece of the object, and checks that it is one, of the same version."""
        options: dict[str, Any] = {"range": piece}
        e_tag = self._found["version"][1] if "version" in self._found else None
        # A weak ETag matches none.
        if e_tag is not None and e_tag.startswith('"'):
            options["if_match"] = e_tag
        result = self.store.get(self.path, options=options)
        self._check(result.meta)
        return _body(result, piece)

    def _get_end(self, most: int) -> tuple[int, bytes] | None:
        """Reads the end of the object; None if that cannot be asked for, as of an empty one."""
        try:
            result = self.store.get(self.path, options={"range": {"suffix": most}})
        except Exception as error:  # noqa: BLE001
            if kind_of(error) in ("unsupported", "changed", "final"):
                return None
            raise
        self._check(result.meta)
        length = int(result.meta["size"])
        return length, _body(result, (max(length - most, 0), length))

    def _get_ranges(self, starts: list[int], ends: list[int]) -> list[bytes]:
        parts = [bytes(part) for part in self.store.get_ranges(self.path, starts=starts, ends=ends)]
        _check_lengths(parts, list(zip(starts, ends, strict=True)))
        return parts

    def _check(self, meta: Any) -> None:
        """Checks that an answer is of the version that the first was of: some servers ignore the condition."""
        size, e_tag = int(meta["size"]), meta.get("e_tag")
        found = size, str(meta.get("last_modified")) if e_tag is None else str(e_tag)
        expected = self._found.setdefault("version", found)
        if found != expected:
            raise WrongAnswerError("changed", f"expected {_described(expected)}, found {_described(found)}")


def _has_retries(store: Any) -> bool:
    config = getattr(store, "retry_config", None) or {}
    return bool(config.get("max_retries", 1) != 0)


def _described(version: Version) -> str:
    return f"{version[0]} bytes of version {version[1]}"


def _body(result: Any, piece: Piece) -> bytes:
    """Returns what an answer of obstore holds, which must be a piece of the object."""
    found = tuple(result.range)
    if found != piece:
        raise WrongAnswerError("truncated", f"found {_shown((int(found[0]), int(found[1])))}")
    try:
        body = bytes(result.bytes())
    except Exception as error:  # noqa: BLE001
        raise WrongAnswerError("truncated", f"{type(error).__name__} while it was read") from None
    _check_lengths([body], [piece])
    return body


def _check_lengths(parts: Sequence[bytes], pieces: Sequence[Piece]) -> None:
    if len(parts) != len(pieces):
        raise WrongAnswerError("truncated", f"expected {len(pieces)} ranges, found {len(parts)}")
    for part, (start, end) in zip(parts, pieces, strict=True):
        if len(part) > end - start:
            raise WrongAnswerError("unsupported", f"expected {end - start} bytes from byte {start}, found {len(part)}")
        if len(part) < end - start:
            raise WrongAnswerError("truncated", f"expected {end - start} bytes from byte {start}, found {len(part)}")


class FilesystemFile:
    """A file of a file system of fsspec.

    These do not tell which version of a file they have read. Over HTTP the request says which one it wants; elsewhere a file that is
    replaced is noticed by its length, by checksums in the archive, and when it is opened again.
    """

    def __init__(
        self,
        filesystem: Any,
        path: str,
        options: StoreOptions | None = None,
        url: Url | None = None,
        requests: Requests | None = None,
    ) -> None:
        self.filesystem, self.path = filesystem, path
        self.name = url.shown if url is not None else Url(path).shown
        self._url, self._requests = url, requests or Requests(options or StoreOptions())
        self._found: dict[str, Version] = {}

    def length(self) -> int:
        if "version" not in self._found:
            self._found.setdefault("version", self._make(lambda _: self._version(), [None], "its length")[0])
        return self._found["version"][0]

    def version(self) -> str | None:
        """Returns what tells the version of the file that is read from others; None if the file system does not."""
        self.length()
        return self._found["version"][1]

    def read_ranges(self, starts: list[int], ends: list[int]) -> Sequence[bytes]:
        self.length()
        pieces = pieces_of(starts, ends, self._requests.options.gap)
        # Other file systems may not be for many threads.
        together = [[piece] for piece in pieces] if getattr(self.filesystem, "async_impl", False) else [pieces]
        bodies = self._make(self._cat, together) if pieces else []
        return ranges_in(pieces, [body for part in bodies for body in part], starts, ends)

    def read_end(self, most: int) -> tuple[int, bytes]:
        return _read_end(self, most)

    def sibling(self, name: str) -> FilesystemFile:
        if self._url is not None:
            url = self._url.sibling(name)
            return FilesystemFile(*url.in_fsspec(), url=url, requests=self._requests)
        return FilesystemFile(self.filesystem, Url(self.path).sibling(name).text, requests=self._requests)

    def again(self) -> FilesystemFile:
        """Returns the file as it is now, of whichever version."""
        return FilesystemFile(self.filesystem, self.path, url=self._url, requests=self._requests)

    def options(self) -> StoreOptions:
        """Returns how it is read."""
        return self._requests.options

    def __reduce__(self) -> tuple[Any, ...]:
        if self._url is not None:
            return open_url, (self._url.text, self._requests.options)
        return FilesystemFile, (self.filesystem, self.path, self._requests.options)

    def _make(self, request: Any, arguments: Sequence[Any], what: str = "") -> list[Any]:
        """Makes requests, and repeats those that fail, unless the file system does."""
        repeats = bool(getattr(self.filesystem, "retries", 0))

        def failure(error: Exception, argument: Any) -> Failure:
            return failure_of(error, self.name, what or _shown((argument[0][0], argument[-1][1])), repeats)

        return self._requests.make(request, arguments, failure)

    def _version(self) -> Version:
        """Asks the file system for the length and the version of the file."""
        info = self.filesystem.info(self.path)
        size = info.get("size")
        if not isinstance(size, int):
            raise WrongAnswerError("unsupported", "it does not tell the length of the file")
        found = (str(info[key]) for key in _VERSION_KEYS if info.get(key) is not None)
        return size, next(found, None)

    def _cat(self, pieces: list[Piece]) -> list[bytes]:
        """Reads pieces of the file."""
        starts, ends = [start for start, _ in pieces], [end for _, end in pieces]
        try:
            parts = self.filesystem.cat_ranges([self.path] * len(pieces), starts, ends, on_error="raise", **self._condition())
            parts = [bytes(part) for part in parts]
            _check_lengths(parts, pieces)
        except WrongAnswerError as error:
            if error.kind == "truncated" and (found := self._version()) != self._found["version"]:
                expected = _described(self._found["version"])
                raise WrongAnswerError("changed", f"expected {expected}, found {_described(found)}") from None
            raise
        return parts

    def _condition(self) -> dict[str, Any]:
        """Returns arguments with which a file system for HTTP asks for the version that was opened."""
        protocol = getattr(self.filesystem, "protocol", ())
        e_tag = self._found["version"][1]
        if "http" not in ((protocol,) if isinstance(protocol, str) else protocol) or not (e_tag or "").startswith('"'):
            return {}
        headers = (getattr(self.filesystem, "kwargs", None) or {}).get("headers") or {}
        return {"headers": {**headers, "If-Match": e_tag}}


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
        return _read_end(self, most)

    def sibling(self, name: str) -> Ranges:
        raise InputError(f"{self.name}: expected a path, a URL or a file in a store, which have others beside them, found {name!r} wanted")


def open_url(text: str, options: StoreOptions | None = None) -> Ranges:
    """Returns the file at a URL, which obstore reads if it is installed and knows the scheme, and fsspec otherwise."""
    url = Url(text)
    if (found := url.in_obstore(options or StoreOptions())) is not None:
        return StoredObject(*found, options, url)
    return FilesystemFile(*url.in_fsspec(), options, url)


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
