"""`NpzFile`: an open archive."""

from __future__ import annotations

import os
import zipfile
from contextlib import suppress
from functools import cached_property
from io import BufferedReader, BytesIO
from itertools import islice
from typing import Any, Literal, cast

from . import _bitnpz
from ._archive_file import REPR_KEYS, ArchiveFile
from ._damage import Problem
from ._errors import ClosedError, FileChangedError
from ._options import MAX_THREADS, check_number
from ._paths import Path, shown
from ._reopen import Call
from ._store_options import StoreOptions
from ._stores import Ranges, RangesFile, disk_cache_of, ranges_of

Access = Literal["map", "read"]

#: A path, the bytes of a file, or a file that is read by range.
Source = str | bytes | Ranges

#: The size, modification time and directory checksum of an archive, by which a pickle recognises it.
Identity = tuple[int, int | None, int]


class NpzFile(_bitnpz.Archive, ArchiveFile):
    """An open archive: a read-only mapping from keys to arrays and images.

    It reads archives that bitnpz or NumPy wrote. `archive[key]` is an `ndarray` for one image and for most arrays, `Images` for a
    stack of images in an archive of image sets or packed rows, however small, and `StoredArray` for another array of 1 MiB or more
    beside image sets. The latter two behave like the array, and read from the file on demand.

    Many threads can use it at once, as can forked processes. It is pickled by its path and the file's identity. If another
    file has that path when it is unpickled, or none, the first use raises `FileChangedError` or `FileMissingError`.

    Parameters
    ----------
    file : str, path or bytes
        The archive's path or URL, or its bytes; with `store` its path there.
    store, store_options : optional
        See `load`.
    access : {"read", "map"}
        Whether to use positional reads or a memory map, which is a little faster. If a mapped file is overwritten or truncated in
        place, as by a notebook that saves it again with NumPy, the process dies; with "read" an exception is raised.
    limits : dict, optional
        The largest sizes to accept from a file: `members` (100,000,000), `directory_bytes` (4 GiB - 1), `member_bytes` and
        `array_bytes` (64 GiB), `header_bytes` (10,000), and `image_bytes` (32 MiB of packed rows; images that take at least a
        1032nd of their packed rows in the file may be larger). Raise a limit for an archive you trust.
    threads : int, optional
        The most threads that read a batch. Default: as many as the environment variable `BITNPZ_THREADS` says, or one per core;
        never more than that.

    Attributes
    ----------
    filename : str
        The archive's name in messages.
    closed : bool
        Whether the archive has been closed. `Images` taken from it before still work.

    See Also
    --------
    load : opens archives, and `.npy` files too.
    numpy.lib.npyio.NpzFile : the class that this one replaces.

    Examples
    --------
    >>> bitnpz.save("training.npz", {"glyphs": np.eye(28, dtype=bool)[None].repeat(100, 0), "outputs": np.arange(100)})
    >>> with bitnpz.load("training.npz") as archive:
    ...     sorted(archive), archive["glyphs"].shape, archive["outputs"][7]
    (['glyphs', 'outputs'], (100, 28, 28), np.int64(7))
    """

    filename: str
    fid: None = None
    _source: Source
    _access: Access
    _limits: dict[str, int] | None
    _threads: int | None

    def __new__(
        cls,
        file: Path | bytearray | memoryview | Ranges,
        *,
        access: Access = "read",
        limits: dict[str, int] | None = None,
        store: Any = None,
        store_options: StoreOptions | None = None,
        threads: int | None = None,
    ) -> NpzFile:
        check_number("threads", threads, MAX_THREADS)
        source: Source
        if (ranges := ranges_of(file, store, store_options)) is not None:
            source, name = ranges, ranges.name
        elif isinstance(file, (bytes, bytearray, memoryview)):
            source, name = bytes(file), "archive in memory"
        else:
            source = os.fsdecode(cast(Path, file))
            name = shown(source)
        cache = None if ranges is None else disk_cache_of(ranges)
        self = super().__new__(cls, source, name, access, limits, threads, cache)
        self.filename = name
        # A worker process that opens it again may have another working directory.
        self._source = os.path.abspath(source) if isinstance(source, str) else source
        self._access, self._limits, self._threads = access, limits, threads
        return self

    def verify(self, *, fast: bool = False) -> list[Problem]:
        """Checks every member, image and checksum, and returns what is damaged.

        Parameters
        ----------
        fast : bool
            Whether to check only headers, directories and descriptions, and no pixels.

        See Also
        --------
        bitnpz.salvage : saves what is intact.

        Examples
        --------
        >>> bitnpz.save("training.npz", {"glyphs": np.eye(28, dtype=bool)[None].repeat(100, 0)})
        >>> bitnpz.load("training.npz").verify()
        []
        """
        problems = self._verify_structure() if fast else self._verify()
        return [Problem(**problem) for problem in problems]

    @cached_property
    def zip(self) -> zipfile.ZipFile:
        """The archive as a `zipfile.ZipFile`."""
        self._check_open()
        if isinstance(self._source, str):
            return zipfile.ZipFile(self._source)
        if isinstance(self._source, bytes):
            return zipfile.ZipFile(BytesIO(self._source))
        return zipfile.ZipFile(BufferedReader(RangesFile(self._source)))

    def close(self) -> None:
        """Closes the archive. `Images` taken from it before still work."""
        # They are pickled with what tells the file from others.
        with suppress(ClosedError):
            self._origin()
        super().close()
        if "zip" in self.__dict__:
            self.zip.close()

    def __repr__(self) -> str:
        if self.closed or self._has_sets():
            return super().__repr__()
        # The same text as NumPy's.
        more = "..." if len(self) > REPR_KEYS else ""
        return f"NpzFile {self.filename!r} with keys: {', '.join(islice(self, REPR_KEYS))}{more}"

    def _origin(self) -> Call:
        return _open_again, (self._source, self._access, self._limits, self._threads, self._opened)

    @cached_property
    def _opened(self) -> Identity:
        """What tells the file from others, also once it is closed."""
        return self._identity()


def _open_again(
    source: Source, access: Access, limits: dict[str, int] | None, threads: int | None, identity: Identity
) -> NpzFile:
    archive = NpzFile(source, access=access, limits=limits, threads=threads)
    if archive._opened != identity:
        raise FileChangedError(
            f"{archive.filename}: expected the archive that was opened, found another file at its path: load it again"
        )
    return archive
