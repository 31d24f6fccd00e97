"""Reading: `load` and the archive that it gives."""

from __future__ import annotations

import ast
import os
import zipfile
from collections.abc import Iterator, Mapping
from functools import cached_property
from io import BytesIO
from itertools import islice
from types import TracebackType
from typing import IO, Any, Literal, cast

import numpy as np
from numpy.lib import format as npy

from . import _bitnpz
from ._damage import Problem
from ._errors import ClosedError, DamagedError, Error, FileChangedError, InputError, NoSuchKeyError
from ._images import Images, Numbers
from ._paths import Path, shown

Access = Literal["map", "read"]
Source = str | bytes

#: What archives and `.npy` files start with, those that hold nothing too.
_MAGIC = (b"PK\x03\x04", b"PK\x05\x06", b"\x93NUMPY")

Identity = tuple[int, int | None, int]

_NPY = b"\x93NUMPY"
_SHOWN = 5

#: Bytes that are read from an open file at a time.
_PIECE = 16 << 20
_COMPLETED = 1000
_ANY_LENGTH = 2**31 - 1


class NpzFile(_bitnpz.Archive, Mapping[str, Any]):
    """An open archive: arrays and image sets by key, as a read-only mapping.

    It opens archives of bitnpz and those that NumPy wrote. An array comes back as it was saved. A stack of images that bitnpz
    has packed comes back as an `Images`, which looks like the array and is read where it lies.

    It can be used by many threads at once and after a fork, and is pickled by its path: another file of the same path is not
    read for it.

    Parameters
    ----------
    file : str, path or bytes
        The archive's path, or its bytes.
    access : {"read", "map"}
        By positional reads, or through a memory map, which is a little faster: a file that is overwritten or truncated in place
        while it is mapped ends the process, as it does when a notebook saves it again with NumPy. Read, it gives an exception.
    limits : dict, optional
        How much a file may ask for: `members`, `directory_bytes`, `member_bytes`, `image_bytes`, `array_bytes`, `header_bytes`.

    Attributes
    ----------
    filename : str
        What messages call it.
    closed : bool
        Whether it has been closed. Image sets taken from it before go on to work.

    See Also
    --------
    load : opens archives, and `.npy` files too.
    numpy.lib.npyio.NpzFile : the class that this one stands in for.

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

    def __new__(
        cls, file: Path | bytearray | memoryview, *, access: Access = "read", limits: dict[str, int] | None = None
    ) -> NpzFile:
        source: Source = bytes(file) if isinstance(file, (bytes, bytearray, memoryview)) else os.fsdecode(file)
        name = "archive in memory" if isinstance(source, bytes) else shown(source)
        self = super().__new__(cls, source, name, access, limits)
        self.filename = name
        # Workers may have gone to another folder when they open it again.
        self._source = source if isinstance(source, bytes) else os.path.abspath(source)
        self._access, self._limits = access, limits
        return self

    def images(self, key: str | None = None) -> Images:
        """Images as an `Images`, whatever the encoding.

        Parameters
        ----------
        key : str, optional
            Those under this key. Unless given, all that were saved under keys of their own.

        Raises
        ------
        NoSuchKeyError
            If there is no such key, or no image with a key of its own.
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
                f"{self.filename}: expected an image set of images with keys of their own, found none; "
                "images(key) gives those under one key"
            )
        kinds = ", ".join(f"{len(images)} of {images.dtype}" for images in sets)
        raise InputError(
            f"{self.filename}: expected one image set of images with keys of their own, found {len(sets)} ({kinds}); "
            "image_sets() gives them all"
        )

    def image_sets(self) -> list[Images]:
        """The image sets of images with keys of their own, one for each dtype and pair of values."""
        sets: list[Images] = self._keyed_images()
        return sets

    def verify(self, *, fast: bool = False) -> list[Problem]:
        """What is damaged: reads every member, image and checksum.

        Parameters
        ----------
        fast : bool
            Whether to read only what tells where everything lies, which does not see damaged pixels.

        See Also
        --------
        bitnpz.salvage : saves what is whole.

        Examples
        --------
        >>> bitnpz.save("training.npz", {"glyphs": np.eye(28, dtype=bool)[None].repeat(100, 0)})
        >>> bitnpz.load("training.npz").verify()
        []
        """
        return [Problem(*problem) for problem in self._verify(fast)]

    @property
    def files(self) -> list[str]:
        """The keys, as a list. Iterating over the archive does not make one."""
        return list(self)

    @property
    def f(self) -> Attributes:
        """The arrays as attributes, as `numpy.load` has them."""
        return Attributes(self)

    @cached_property
    def zip(self) -> zipfile.ZipFile:
        """The archive as the standard library has it."""
        if self.closed:
            raise ClosedError(f"{self.filename}: the archive is closed; load it again")
        return zipfile.ZipFile(BytesIO(self._source) if isinstance(self._source, bytes) else self._source)

    def close(self) -> None:
        """Closes the archive. Image sets taken from it before go on to work."""
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
            # As NumPy's.
            more = "..." if len(self) > _SHOWN else ""
            return f"NpzFile {self.filename!r} with keys: {', '.join(islice(self, _SHOWN))}{more}"
        keys = [self._shown(key) for key in islice(self, _SHOWN)]
        more = f", ... {len(self):,} in all" if len(self) > _SHOWN else ""
        return f"NpzFile {self.filename!r} with keys: {', '.join(keys)}{more}"

    def _shown(self, key: str) -> str:
        """A key, with the dtype and shape of what is under it if that can be told."""
        try:
            about = self._describe(key)
        except Error:
            about = None
        return key if about is None else f"{key} {tuple(about[1])} {np.dtype(npy.descr_to_dtype(ast.literal_eval(about[0])))}"

    def _ipython_key_completions_(self) -> list[str]:
        return list(islice(self, _COMPLETED))

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, self._origin()

    def _origin(self) -> tuple[Source, Access, dict[str, int] | None, Identity]:
        return self._source, self._access, self._limits, self._identity()

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


def _reopen(source: Source, access: Access, limits: dict[str, int] | None, identity: Identity) -> NpzFile:
    archive = NpzFile(source, access=access, limits=limits)
    if archive._identity() != identity:
        raise FileChangedError(
            f"{archive.filename}: expected the archive that was opened, found another of the same path: load it again"
        )
    return archive


def _reopen_images(origin: tuple[Any, ...], key: str | None, number: int, selected: Numbers | None) -> Images:
    archive = _reopen(*origin)
    images = archive.image_sets()[number] if key is None else archive.images(key)
    return images if selected is None else images.subset(selected)


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
) -> Any:
    """Opens an archive of bitnpz or NumPy; gives the array of a `.npy` file.

    Stands in for `numpy.load`. Opening takes the same time for a million images as for one.

        A path, the bytes of a file, or an open binary file: an archive is read to its end, of several arrays that were saved one
        behind the other one at a time.
    ----------
    file : path, file or bytes
        A path, an open binary file, which is read to its end, or the bytes of one.
    mmap_mode : optional
        For `.npy` files, as `numpy.load` has it. Archives are mapped if `access` says so.
    allow_pickle, fix_imports, encoding
        Taken as `numpy.load` takes them, but Python objects are never read. As there, `allow_pickle` says that the file is
        trusted: headers may be of any length then.
    max_header_size : int, optional
        The longest header in bytes; 10,000 unless given.
    access : {"read", "map"}
        See `NpzFile`.
    limits : dict, optional
        See `NpzFile`; they hold for `.npy` files too.

    Returns
    -------
    NpzFile or numpy.ndarray

    Raises
    ------
    FileError
        If the file cannot be read; `FileMissingError` if there is none.
    DamagedError
        If it is no archive, or one that two programs could read differently.

    Examples
    --------
    >>> np.savez("of_numpy.npz", x=np.arange(3))
    >>> bitnpz.load("of_numpy.npz")["x"]
    array([0, 1, 2])
    """
    if allow_pickle and max_header_size is None:
        max_header_size = _ANY_LENGTH
    if max_header_size is not None:
        limits = {**(limits or {}), "header_bytes": max_header_size}
    source = _source(file, limits)
    try:
        return NpzFile(source, access=access, limits=limits)
    except DamagedError:
        if _starts(source) != _NPY:
            raise
    if mmap_mode is None or isinstance(source, bytes):
        return _bitnpz._read_npy(source, "array in memory" if isinstance(source, bytes) else shown(source), limits)
    _bitnpz._check_npy(source, shown(source), limits)
    # The header is one that we read, and the file has as many bytes as it says.
    return np.load(source, mmap_mode, False, max_header_size=_ANY_LENGTH)


def _source(file: Path | IO[bytes] | bytearray | memoryview, limits: dict[str, int] | None) -> Source:
    """The path, or the bytes of an archive or a `.npy` file."""
    if hasattr(file, "read"):
        start: object = file.read(len(_NPY))
        if not isinstance(start, bytes):
            raise InputError(f'file: expected a file open for bytes, found one of {type(start).__name__}: open(path, "rb")')
        if start == _NPY:
            return _one_array(cast(IO[bytes], file), start, limits)
        return start + file.read()
    if isinstance(file, (bytearray, memoryview)) or (isinstance(file, bytes) and file.startswith(_MAGIC)):
        return bytes(file)
    if not isinstance(file, (str, bytes, os.PathLike)):
        raise InputError(f"file: expected a path, an open binary file or bytes, found {type(file).__name__}")
    return os.fsdecode(file)


def _one_array(file: IO[bytes], start: bytes, limits: dict[str, int] | None) -> bytes:
    """The bytes of one `.npy` file, up to its end: another may come behind it."""
    head = start + _exactly(file, 4)
    if head[6:7] > b"\1":
        head += _exactly(file, 2)
    length = int.from_bytes(head[8:], "little")
    most = (limits or {}).get("header_bytes", _bitnpz._HEADER_BYTES)
    # What is longer is refused by who reads it.
    head += _exactly(file, min(length, most + 1))
    return head + _exactly(file, _bitnpz._npy_data_len(head, "array in a file", limits))


def _exactly(file: IO[bytes], count: int) -> bytes:
    """So many bytes, or as many as there are; no more memory than these take."""
    parts = []
    while count > 0 and (part := file.read(min(count, _PIECE))):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _starts(source: Source) -> bytes:
    if isinstance(source, bytes):
        return source[: len(_NPY)]
    with open(source, "rb") as file:
        return file.read(len(_NPY))
