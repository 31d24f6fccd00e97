"""Reading: `load`, and `NpzFile`, the archive that it opens."""

from __future__ import annotations

import ast
import os
import zipfile
from collections.abc import Iterator, Mapping
from functools import cached_property
from io import BufferedReader, BytesIO
from itertools import islice
from types import TracebackType
from typing import IO, Any, Literal, cast

import numpy as np
from numpy.lib import format as npy

from . import _bitnpz
from ._damage import Problem
from ._errors import ClosedError, DamagedError, Error, FileChangedError, InputError, NoSuchKeyError
from ._file_array import IndexArray
from ._images import Images
from ._options import MAX_THREADS, check_number
from ._paths import Path, shown
from ._stores import Ranges, RangesFile, ranges_of

Access = Literal["map", "read"]

#: A path, the bytes of a file, or a file that is read by range.
Source = str | bytes | Ranges

#: The size, modification time and directory checksum of an archive, by which a pickle recognises it.
Identity = tuple[int, int | None, int]

#: What a pickle has to open an archive again: its source, access, limits, threads and identity.
Origin = tuple[Source, Access, dict[str, int] | None, int | None, Identity]

_NPY_MAGIC = b"\x93NUMPY"

#: The first bytes of archives, empty ones included, and of `.npy` files.
_FILE_MAGIC = (b"PK\x03\x04", b"PK\x05\x06", _NPY_MAGIC)

#: The number of keys in a repr, as in NumPy's.
_REPR_KEYS = 5

#: The number of keys that IPython offers for completion: more would be slow, and nobody reads them.
_COMPLETION_KEYS = 1000

#: The bytes that are read from an open file at a time, so that a header that lies about the length allocates no more.
_READ_BYTES = 16 << 20

#: NumPy takes a header length as a C int.
_NO_HEADER_LIMIT = 2**31 - 1


class NpzFile(_bitnpz.Archive, Mapping[str, Any]):
    """An open archive: a read-only mapping from keys to arrays and images.

    It reads archives that bitnpz or NumPy wrote. Arrays are returned as they were saved. A stack of images that bitnpz has packed
    or encoded is returned as `Images`, and an array of 1 MiB or more beside image sets as `StoredArray`; both behave like the array
    and read from the file on demand.

    Many threads can use it at once, as can forked processes. It is pickled by its path and the file's identity: unpickling raises
    `FileChangedError` if another file has that path by then.

    Parameters
    ----------
    file : str, path or bytes
        The archive's path, or its bytes; with `store` its path there.
    store : optional
        See `load`.
    access : {"read", "map"}
        Whether to use positional reads or a memory map, which is a little faster. If a mapped file is overwritten or truncated in
        place, as by a notebook that saves it again with NumPy, the process dies; with "read" an exception is raised.
    limits : dict, optional
        The largest sizes to accept from a file: `members`, `directory_bytes`, `member_bytes`, `image_bytes`, `array_bytes`,
        `header_bytes`. Raise a limit for an archive you trust.
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
        threads: int | None = None,
    ) -> NpzFile:
        check_number("threads", threads, MAX_THREADS)
        source: Source
        if (ranges := ranges_of(file, store)) is not None:
            source, name = ranges, ranges.name
        elif isinstance(file, (bytes, bytearray, memoryview)):
            source, name = bytes(file), "archive in memory"
        else:
            source = os.fsdecode(cast(Path, file))
            name = shown(source)
        self = super().__new__(cls, source, name, access, limits, threads)
        self.filename = name
        # A worker process that opens it again may have another working directory.
        self._source = os.path.abspath(source) if isinstance(source, str) else source
        self._access, self._limits, self._threads = access, limits, threads
        return self

    def images(self, key: str | None = None) -> Images:
        """Returns the images under a key as `Images`, whatever their encoding.

        Parameters
        ----------
        key : str, optional
            The key of the images. Default: all images of the archive's image set that have keys of their own.

        Raises
        ------
        NoSuchKeyError
            If there is no such key, or no image set of images with keys of their own.
        InputError
            If the array has more than two values, or if images with keys of their own differ in dtype or values.

        Examples
        --------
        >>> bitnpz.save("named.npz", {f"ix-{i:06}": np.eye(8, k=i % 5) for i in range(100)})
        >>> images = bitnpz.load("named.npz").images()
        >>> images.shape, images.keys()[3], images.dtype
        ((100, 8, 8), 'ix-000003', dtype('float64'))
        """
        if key is not None:
            images: Images = self._images(key)
            return images
        sets = self.image_sets()
        if len(sets) == 1:
            return sets[0]
        if not sets:
            raise NoSuchKeyError(
                f"{self.filename}: expected an image set whose images have keys of their own, found none; "
                "images(key) returns the images under one key"
            )
        kinds = ", ".join(f"{len(images)} of {images.dtype}" for images in sets)
        raise InputError(
            f"{self.filename}: expected one image set whose images have keys of their own, found {len(sets)} ({kinds}); "
            "image_sets() returns them all"
        )

    def image_sets(self) -> list[Images]:
        """Returns the image sets whose images have keys of their own, one for each dtype and pair of values."""
        sets: list[Images] = self._keyed_images()
        return sets

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

    @property
    def files(self) -> list[str]:
        """The keys as a list. To iterate over the archive itself takes less memory."""
        return list(self)

    @property
    def f(self) -> Attributes:
        """The arrays as attributes, as in NumPy's `NpzFile`."""
        return Attributes(self)

    @cached_property
    def zip(self) -> zipfile.ZipFile:
        """The archive as a `zipfile.ZipFile`."""
        if self.closed:
            raise ClosedError(f"{self.filename}: the archive is closed; load it again")
        if isinstance(self._source, str):
            return zipfile.ZipFile(self._source)
        if isinstance(self._source, bytes):
            return zipfile.ZipFile(BytesIO(self._source))
        return zipfile.ZipFile(BufferedReader(RangesFile(self._source)))

    def close(self) -> None:
        """Closes the archive. `Images` taken from it before still work."""
        super().close()
        if "zip" in self.__dict__:
            self.zip.close()

    def __enter__(self) -> NpzFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        if self.closed:
            return f"NpzFile {self.filename!r} (closed)"
        if not self._has_sets():
            # The same text as NumPy's.
            more = "..." if len(self) > _REPR_KEYS else ""
            return f"NpzFile {self.filename!r} with keys: {', '.join(islice(self, _REPR_KEYS))}{more}"
        keys = [self._shown(key) for key in islice(self, _REPR_KEYS)]
        more = f", ... {len(self):,} in all" if len(self) > _REPR_KEYS else ""
        return f"NpzFile {self.filename!r} with keys: {', '.join(keys)}{more}"

    def _shown(self, key: str) -> str:
        """Returns a key for the repr, with the array's shape and dtype if they can be read."""
        try:
            described = self._describe(key)
        except Error:
            described = None
        if described is None:
            return key
        descr, shape = described
        return f"{key} {tuple(shape)} {np.dtype(npy.descr_to_dtype(ast.literal_eval(descr)))}"

    def _ipython_key_completions_(self) -> list[str]:
        return list(islice(self, _COMPLETION_KEYS))

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, self._origin()

    def _origin(self) -> Origin:
        return self._source, self._access, self._limits, self._threads, self._identity()

    __eq__ = object.__eq__
    __hash__ = object.__hash__


class Attributes:
    """The arrays of an archive as attributes."""

    def __init__(self, archive: NpzFile) -> None:
        self._archive = archive

    def __getattribute__(self, name: str) -> Any:
        archive = object.__getattribute__(self, "_archive")
        try:
            return archive[name]
        except KeyError:
            raise AttributeError(name) from None

    def __dir__(self) -> Iterator[str]:
        return iter(object.__getattribute__(self, "_archive"))


def _reopen(
    source: Source, access: Access, limits: dict[str, int] | None, threads: int | None, identity: Identity
) -> NpzFile:
    archive = NpzFile(source, access=access, limits=limits, threads=threads)
    if archive._identity() != identity:
        raise FileChangedError(
            f"{archive.filename}: expected the archive that was opened, found another file at its path: load it again"
        )
    return archive


def _reopen_images(origin: tuple[Any, ...], key: str | None, number: int, selected: IndexArray | None) -> Images:
    archive = _reopen(*origin)
    images = archive.image_sets()[number] if key is None else archive.images(key)
    return images if selected is None else images.subset(selected)


def _reopen_array(origin: tuple[Any, ...], key: str) -> Any:
    return _reopen(*origin)[key]


def load(
    file: Path | IO[bytes] | bytearray | memoryview,
    mmap_mode: Literal["r+", "r", "w+", "c"] | None = None,
    allow_pickle: bool = False,
    fix_imports: bool = True,
    encoding: str = "ASCII",
    *,
    max_header_size: int | None = None,
    access: Access = "read",
    limits: dict[str, int] | None = None,
    store: Any = None,
    threads: int | None = None,
) -> Any:
    """Opens an archive of bitnpz or NumPy, or reads the array of a `.npy` file.

    Replaces `numpy.load`. To open an archive takes the same time for a million images as for one.

    Parameters
    ----------
    file : path, file or bytes
        A path, the bytes of a file, or an open binary file. An archive is read to its end; of several arrays that were saved to one
        open file, each call reads the next. An archive that fsspec has opened is read by range, as with `store`, and so is any object
        with the methods `length()` and `read_ranges(starts, ends)`, which returns the bytes of ranges in ascending order.
    mmap_mode : optional
        For `.npy` files, see `numpy.load`. Archives are mapped with `access="map"`.
    allow_pickle, fix_imports, encoding
        Accepted for compatibility with `numpy.load`. Python objects are never read. As there, `allow_pickle=True` means that the
        file is trusted, so that the length of headers is not limited.
    max_header_size : int, optional
        The longest header in bytes. Default: 10,000.
    access : {"read", "map"}
        See `NpzFile`.
    limits : dict, optional
        See `NpzFile`; they apply to `.npy` files too.
    store : optional
        A store of obstore, or a file system of fsspec, in which `file` is the path of an archive. It is read by range: one or two
        requests open it, one more if it has keys of no pattern or thousands of members, and the images of a batch are requested
        together. What was read last is kept, up to 32 MB.
    threads : int, optional
        See `NpzFile`.

    Returns
    -------
    NpzFile or numpy.ndarray

    Raises
    ------
    FileError
        If the file cannot be read; `FileMissingError` if it does not exist.
    DamagedError
        If it is not an archive, or one that two programs could read differently.

    Examples
    --------
    >>> np.savez("of_numpy.npz", x=np.arange(3))
    >>> bitnpz.load("of_numpy.npz")["x"]
    array([0, 1, 2])
    """
    if allow_pickle and max_header_size is None:
        max_header_size = _NO_HEADER_LIMIT
    if max_header_size is not None:
        limits = {**(limits or {}), "header_bytes": max_header_size}
    if (ranges := ranges_of(file, store)) is not None:
        try:
            return NpzFile(cast(Any, ranges), access=access, limits=limits, threads=threads)
        except DamagedError:
            if ranges.length() < len(_NPY_MAGIC) or ranges.read_ranges([0], [len(_NPY_MAGIC)]) != [_NPY_MAGIC]:
                raise
        file = ranges.read_ranges([0], [ranges.length()])[0]
    source = _path_or_bytes(cast(Any, file), limits)
    try:
        return NpzFile(source, access=access, limits=limits, threads=threads)
    except DamagedError:
        if _first_bytes(source) != _NPY_MAGIC:
            raise
    if mmap_mode is None or isinstance(source, bytes):
        return _bitnpz._read_npy(source, "array in memory" if isinstance(source, bytes) else shown(source), limits)
    _bitnpz._check_npy(source, shown(source), limits)
    # The header is checked: NumPy need not limit its length again.
    return np.load(source, mmap_mode, allow_pickle=False, max_header_size=_NO_HEADER_LIMIT)


def _path_or_bytes(file: Path | IO[bytes] | bytearray | memoryview, limits: dict[str, int] | None) -> str | bytes:
    """Returns the path, or the bytes of an archive or a `.npy` file."""
    if hasattr(file, "read"):
        start: object = file.read(len(_NPY_MAGIC))
        if not isinstance(start, bytes):
            found = type(start).__name__
            raise InputError(f'file: expected a file opened in binary mode, found one that reads {found}: use open(path, "rb")')
        if start == _NPY_MAGIC:
            return _one_array(cast(IO[bytes], file), start, limits)
        return start + file.read()
    if isinstance(file, (bytearray, memoryview)) or (isinstance(file, bytes) and file.startswith(_FILE_MAGIC)):
        return bytes(file)
    if not isinstance(file, (str, bytes, os.PathLike)):
        raise InputError(f"file: expected a path, an open binary file or bytes, found {type(file).__name__}")
    return os.fsdecode(file)


def _one_array(file: IO[bytes], start: bytes, limits: dict[str, int] | None) -> bytes:
    """Reads one `.npy` file from an open file, in which another may follow."""
    head = start + _exactly(file, 4)
    if head[6:7] > b"\1":
        head += _exactly(file, 2)
    length = int.from_bytes(head[8:], "little")
    limit = (limits or {}).get("header_bytes", _bitnpz._HEADER_BYTES)
    # One byte too many is enough for the reader to refuse the header.
    head += _exactly(file, min(length, limit + 1))
    return head + _exactly(file, _bitnpz._npy_data_len(head, "array in a file", limits))


def _exactly(file: IO[bytes], count: int) -> bytes:
    """Reads this many bytes, or all that there are. Allocates only what it reads."""
    parts = []
    while count > 0 and (part := file.read(min(count, _READ_BYTES))):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _first_bytes(source: str | bytes) -> bytes:
    if isinstance(source, bytes):
        return source[: len(_NPY_MAGIC)]
    with open(source, "rb") as file:
        return file.read(len(_NPY_MAGIC))
