"""Objects in a store of obstore."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

from ._answers import Version, check_lengths, check_version, read_end, shown
from ._errors import FileError
from ._forks import Process
from ._pieces import Piece, pieces_of, ranges_in
from ._reopen import reopen
from ._requests import Request, Requests
from ._store_failures import Failure, WrongAnswerError, failure_of, may_know_no_ends
from ._store_options import StoreOptions
from ._urls import Url, check_sibling


#: The settings of a store that say where it is, and hold no secrets.
_PLACES = ("endpoint", "url", "bucket", "region", "account_name", "container_name")


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
            self._make([("its length", lambda: self._check(self.store.head(self.path)))])
        return self._found["version"][0]

    def version(self) -> str | None:
        """Returns the ETag of the object that is read, or when it was changed if it has none."""
        self.length()
        return self._found["version"][1]

    def cache_key(self) -> str | None:
        """Returns what tells this version of this object from all others; None if the store does not."""
        version, location = self.version(), self.location()
        return None if version is None or location is None else f"{location}\n{self.length()}\n{version}"

    def location(self) -> str | None:
        """Returns what tells this object from those of other names, and in other stores; None if the store does not say."""
        if self._url is not None:
            return self._url.text
        if " at 0x" in repr(self.store):
            # Another store may have the same place in memory later.
            return None
        config = getattr(self.store, "config", None) or {}
        places = [f"{key}={config[key]}" for key in _PLACES if key in config]
        return "\n".join([repr(self.store), *places, str(getattr(self.store, "prefix", "")), self.path])

    def read_ranges(self, starts: list[int], ends: list[int]) -> Sequence[bytes]:
        if not hasattr(self.store, "get"):
            (parts,) = self._make([(f"{len(starts)} ranges", lambda: self._get_ranges(starts, ends))])
            return cast(list[bytes], parts)
        pieces = pieces_of(starts, ends, self._requests.options.gap)
        bodies = self._make([(shown(piece), partial(self._get, piece)) for piece in pieces])
        return ranges_in(pieces, bodies, starts, ends)

    def read_end(self, most: int) -> tuple[int, bytes]:
        if hasattr(self.store, "get"):
            (end,) = self._make([(f"its last {most} bytes", lambda: self._get_end(most))])
            if end is not None:
                return cast(tuple[int, bytes], end)
        return read_end(self, most)

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

    def is_on_web(self) -> bool:
        """Returns whether it is on a web server, which has no uploads."""
        return type(self.store).__name__ == "HTTPStore"

    def store_for_uploads(self) -> Any:
        """Returns the store to upload it to: one that repeats what fails, if it was opened here."""
        found = None if self._url is None else self._url.in_obstore(self.options(), for_uploads=True)
        return self.store if found is None else found[0]

    def delete(self) -> None:
        """Removes it from the store."""
        self._make([("removing it", lambda: self.store.delete(self.path))])

    def __reduce__(self) -> tuple[Any, ...]:
        if self._url is not None:
            # Both modules need each other.
            from ._stores import open_url

            return reopen, (open_url, (self._url.text, self._requests.options))
        return StoredObject, (self.store, self.path, self._requests.options)

    def _make(self, requests: Sequence[Request]) -> list[Any]:
        """Makes requests, and repeats those that fail, unless the store does."""
        self.check_process()

        def failure(error: Exception, what: str) -> Failure:
            return failure_of(error, self.name, what, self._repeats)

        return self._requests.make(requests, failure)

    def check_process(self) -> None:
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
        """Reads the end of the object; None if that cannot be asked for, as of an empty one, or of some servers."""
        try:
            result = self.store.get(self.path, options={"range": {"suffix": most}})
        except Exception as error:  # noqa: BLE001
            if may_know_no_ends(error):
                return None
            raise
        self._check(result.meta)
        length = int(result.meta["size"])
        return length, _body(result, (max(length - most, 0), length))

    def _get_ranges(self, starts: list[int], ends: list[int]) -> list[bytes]:
        parts = [bytes(part) for part in self.store.get_ranges(self.path, starts=starts, ends=ends)]
        check_lengths(parts, list(zip(starts, ends, strict=True)))
        return parts

    def _check(self, meta: Any) -> None:
        """Checks that an answer is of the version that the first was of: some servers ignore the condition."""
        size, e_tag = int(meta["size"]), meta.get("e_tag")
        found = size, str(meta.get("last_modified")) if e_tag is None else str(e_tag)
        check_version(found, self._found.setdefault("version", found))


def _has_retries(store: Any) -> bool:
    config = getattr(store, "retry_config", None) or {}
    return bool(config.get("max_retries", 1) != 0)


def _body(result: Any, piece: Piece) -> bytes:
    """Returns what an answer of obstore holds, which must be a piece of the object."""
    found = tuple(result.range)
    if found != piece:
        raise WrongAnswerError("truncated", f"found {shown((int(found[0]), int(found[1])))}")
    try:
        body = bytes(result.bytes())
    except Exception as error:  # noqa: BLE001
        raise WrongAnswerError("truncated", f"{type(error).__name__} while it was read") from None
    check_lengths([body], [piece])
    return body
