"""How archives are read from stores."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ._errors import InputError
from ._options import check_number

#: More requests at a time than any network or store is made for: what is above is a mistake.
_MOST_CONCURRENCY = 4096

#: More than any disk has.
_MOST_CACHE_BYTES = 2**60

#: A year: stores take no time without end.
_MOST_SECONDS = 366 * 86400

#: More attempts than make sense.
_MOST_ATTEMPTS = 1000


@dataclass(frozen=True)
class StoreOptions:
    """How archives are read from an object store or over HTTP. Uploads to URLs use `attempts` and `timeout`, too.

    The defaults suit a store in the same region, and slower ones.

    Parameters
    ----------
    concurrency : int
        The most requests at a time, of an archive and the shards beside it.
    gap : int
        Ranges that lie no further apart, in bytes, are requested as one. To read bytes in vain costs less than another request as
        long as they take less time than a request's share of the connection: 64 KiB is 1 ms of 64 MB/s.
    attempts : int
        How often a request is made before a failure that may pass is raised: a lost connection, an error of the server, an answer
        that is cut off. Pauses between attempts grow from a tenth of a second, at random. Stores of obstore that are given as
        `store` repeat requests themselves, as they are configured; only answers that are cut off are requested again there.
    timeout : float
        The seconds after which a failed request is not repeated. A request under way is ended by the store's own timeout: that of
        obstore is 30 seconds, and for HTTP this one if it is shorter.
    cache : str or path, optional
        A folder on disk in which what was read is kept, for this process and others: what one has read, none requests again. It may
        be removed at any time, and processes that use it be killed. Files whose version the store does not tell are not kept.
    cache_bytes : int
        About how many bytes the folder has at most, 10 GiB by default. The files that were opened the longest time ago go first.

    Examples
    --------
    >>> bitnpz.StoreOptions(concurrency=8).gap
    65536
    """

    concurrency: int = 32
    gap: int = 64 << 10
    attempts: int = 5
    timeout: float = 60.0
    cache: str | os.PathLike[str] | None = None
    cache_bytes: int = 10 << 30

    def __post_init__(self) -> None:
        for name, number, most in (
            ("concurrency", self.concurrency, _MOST_CONCURRENCY),
            ("attempts", self.attempts, _MOST_ATTEMPTS),
        ):
            if number is None:
                raise InputError(f"{name}: expected a number from 1 to {most}, found None")
            check_number(name, number, most)
        if not isinstance(self.gap, int) or self.gap < 0:
            raise InputError(f"gap: expected a number of bytes, 0 or more, found {self.gap!r}")
        if not isinstance(self.timeout, (int, float)) or not 0 < self.timeout <= _MOST_SECONDS:
            raise InputError(f"timeout: expected a number of seconds above 0, at most {_MOST_SECONDS}, found {self.timeout!r}")
        if self.cache is not None and not isinstance(self.cache, (str, os.PathLike)):
            raise InputError(f"cache: expected the path of a folder, found {type(self.cache).__name__}")
        check_number("cache_bytes", self.cache_bytes, _MOST_CACHE_BYTES)

    def disk_cache(self) -> tuple[str, int] | None:
        """Returns the folder of the cache and its bytes, if there is one."""
        return None if self.cache is None else (os.path.expanduser(os.fspath(self.cache)), self.cache_bytes)
