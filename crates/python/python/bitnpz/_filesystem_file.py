"""Files behind a file system of fsspec."""

from __future__ import annotations

import os
import pickle
import posixpath
from collections.abc import Sequence
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

from ._answers import Version, check_lengths, check_version, read_end, shown
from ._forks import Process
from ._pieces import Piece, pieces_of, ranges_in
from ._reopen import reopen
from ._requests import Request, Requests
from ._store_failures import Failure, WrongAnswerError, failure_of
from ._store_options import StoreOptions
from ._urls import Url

#: Where file systems of fsspec say what tells one version of a file from another.
_VERSION_KEYS = ("ETag", "etag", "e_tag", "generation", "LastModified", "last_modified", "mtime", "created")


#: The file systems with an event loop that files use, by their identities.
_in_use: WeakValueDictionary[int, Any] = WeakValueDictionary()

#: Those of the processes that this one was forked from.
_of_parents: list[Any] = []

if hasattr(os, "register_at_fork"):
    # They must not be finalized in a child: closing a connection there ends that the event loop of the parent hears of it, since a
    # forked process has the same `epoll` object.
    os.register_at_fork(after_in_child=lambda: _of_parents.extend(_in_use.values()))


class FilesystemFile:
    """A file of a file system of fsspec.

    These do not tell which version of a file they have read. Over HTTP the request says which one it wants. Elsewhere the version is
    asked for whenever ranges are read, at the same time: only a change at that very moment can go unnoticed.
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
        self._process = Process()
        self._note_use()

    def length(self) -> int:
        if "version" not in self._found:
            (found,) = self._make([("its length", self._version)])
            self._found.setdefault("version", found)
        return self._found["version"][0]

    def version(self) -> str | None:
        """Returns what tells the version of the file that is read from others; None if the file system does not."""
        self.length()
        return self._found["version"][1]

    def cache_key(self) -> str | None:
        """Returns what tells this version of this file from all others; None if the file system does not."""
        version = self.version()
        return None if version is None else f"{self.location()}\n{self.length()}\n{version}"

    def location(self) -> str:
        """Returns what tells this file from those of other names, and in other file systems."""
        if self._url is not None:
            return self._url.text
        return f"{type(self.filesystem).__name__}\n{getattr(self.filesystem, '_fs_token', '')}\n{self.path}"

    def read_ranges(self, starts: list[int], ends: list[int]) -> Sequence[bytes]:
        self.length()
        pieces = pieces_of(starts, ends, self._requests.options.gap)
        # Other file systems may not be for many threads.
        groups = [[piece] for piece in pieces] if self._is_asynchronous() else [pieces] if pieces else []
        requests: list[Request] = [(shown((group[0][0], group[-1][1])), partial(self._cat, group)) for group in groups]
        if self._is_asynchronous() and pieces and not self._condition():
            requests.append(("its version", self._check))
        bodies = [body for group in self._make(requests)[: len(groups)] for body in group]
        return ranges_in(pieces, bodies, starts, ends)

    def read_end(self, most: int) -> tuple[int, bytes]:
        return read_end(self, most)

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

    def is_on_web(self) -> bool:
        """Returns whether it is on a web server, which has no uploads."""
        return "http" in self._protocols()

    def local_path(self) -> str | None:
        """Returns the path, if the file system is that of this machine."""
        return self.path if type(self.filesystem).__name__ == "LocalFileSystem" else None

    def put_file(self, path: str) -> None:
        """Writes a file of this machine in its place."""
        self._make([("writing it", lambda: self.filesystem.put_file(path, self.path))])

    def delete(self) -> None:
        """Removes it from the file system."""
        self._make([("removing it", lambda: self.filesystem.rm_file(self.path))])

    def _protocols(self) -> tuple[str, ...]:
        protocol = getattr(self.filesystem, "protocol", ())
        return (protocol,) if isinstance(protocol, str) else tuple(protocol)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._url is not None:
            # Both modules need each other.
            from ._stores import open_url

            return reopen, (open_url, (self._url.text, self._requests.options))
        return FilesystemFile, (self.filesystem, self.path, self._requests.options)

    def _make(self, requests: Sequence[Request]) -> list[Any]:
        """Makes requests, and repeats those that fail, unless the file system does."""
        repeats = bool(getattr(self.filesystem, "retries", 0))
        if not self._process.is_current() and self._is_asynchronous():
            # Its event loop is not in a forked child; a new instance has one.
            self.filesystem, self._process = pickle.loads(pickle.dumps(self.filesystem)), Process()
            self._note_use()

        def failure(error: Exception, what: str) -> Failure:
            return failure_of(error, self.name, what, repeats)

        return self._requests.make(requests, failure)

    def _note_use(self) -> None:
        if self._is_asynchronous():
            _in_use[id(self.filesystem)] = self.filesystem

    def _is_asynchronous(self) -> bool:
        return bool(getattr(self.filesystem, "async_impl", False))

    def _version(self) -> Version:
        """Asks the file system for the length and the version of the file."""
        # What was listed before may have changed since.
        self.filesystem.invalidate_cache(posixpath.dirname(self.path))
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
            check_lengths(parts, pieces)
        except WrongAnswerError as error:
            if error.kind == "truncated":
                self._check()
            raise
        if not self._is_asynchronous():
            self._check()
        return parts

    def _check(self) -> None:
        """Checks that the file is of the version that was opened."""
        check_version(self._version(), self._found["version"])

    def _condition(self) -> dict[str, Any]:
        """Returns arguments with which a file system for HTTP asks for the version that was opened."""
        e_tag = self._found["version"][1]
        if "http" not in self._protocols() or not (e_tag or "").startswith('"'):
            return {}
        headers = (getattr(self.filesystem, "kwargs", None) or {}).get("headers") or {}
        return {"headers": {**headers, "If-Match": e_tag}}
