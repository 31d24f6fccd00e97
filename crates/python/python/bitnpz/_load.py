"""`load`: opens archives, and reads arrays."""

from __future__ import annotations

import os
from typing import IO, Any, Literal, cast

import numpy as np

from . import _bitnpz
from ._archive import Access, NpzFile
from ._errors import DamagedError, EmptyFileError, InputError
from ._paths import Path, shown
from ._sharded_file import ShardedFile, is_manifest
from ._store_options import StoreOptions
from ._stores import ByteRanges, FilesystemPath, ranges_of

_NPY_MAGIC = b"\x93NUMPY"

#: The bytes that are read from an open file at a time, so that a header that lies about the length allocates no more.
_READ_BYTES = 16 << 20

#: NumPy takes a header length as a C int.
_NO_HEADER_LIMIT = 2**31 - 1


def load(
    file: Path | IO[bytes] | bytearray | memoryview | ByteRanges | FilesystemPath,
    mmap_mode: Literal["r+", "r", "w+", "c"] | None = None,
    allow_pickle: bool = False,
    fix_imports: bool = True,
    encoding: str = "ASCII",
    *,
    max_header_size: int | None = None,
    access: Access = "read",
    limits: dict[str, int] | None = None,
    store: Any = None,
    store_options: StoreOptions | None = None,
    threads: int | None = None,
    open_shards: int | None = None,
) -> Any:
    """Opens an archive of bitnpz or NumPy, one or many as one by their manifest, or reads the array of a `.npy` file.

    Replaces `numpy.load`. To open an archive takes the same time for a million images as for one.

    Parameters
    ----------
    file : path, file or bytes
        A path or URL, the bytes of a file, or an open binary file. A path that ends in `.bitnpz.json` is that of the manifest of a
        sharded archive. An archive is read to its end; of several arrays that were saved to one open file, each call reads the
        next, and the one after the last raises `EmptyFileError`. An archive that fsspec has opened is read by range, as with `store`,
        and so is any object with the methods `length()` and `read_ranges(starts, ends)`, which returns the bytes of ranges in
        ascending order.
    mmap_mode : optional
        For paths of `.npy` files, see `numpy.load`. Archives are mapped with `access="map"`.
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
        together. What was read last is kept, up to 32 MiB, and 64 MiB for all
        shards of a sharded archive. URLs (`s3://bucket/training.npz`) need no store, but obstore or fsspec.
    store_options : StoreOptions, optional
        How many requests are made at a time, how often again, and what is kept on disk.
    threads : int, optional
        See `NpzFile`.
    open_shards : int, optional
        How many shards of a sharded archive are open at most. Default: 128.

    Returns
    -------
    NpzFile, ShardedFile or numpy.ndarray

    Raises
    ------
    FileError
        If the file cannot be read; `FileMissingError` if it does not exist.
    DamagedError
        If it is not an archive, or one that two programs could read differently; `EmptyFileError`, which is an `EOFError`, if it
        has no bytes.
    InputError
        If `mmap_mode` is given for a `.npy` file that has no path.

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
    ranges = ranges_of(file, store, store_options)
    if is_manifest(file if ranges is None else ranges.name):
        return ShardedFile(
            cast(Any, file if ranges is None else ranges), access=access, limits=limits, threads=threads, open_shards=open_shards
        )
    if ranges is not None:
        try:
            return NpzFile(cast(Any, ranges), access=access, limits=limits, threads=threads)
        except DamagedError:
            if ranges.length() < len(_NPY_MAGIC) or ranges.read_ranges([0], [len(_NPY_MAGIC)]) != [_NPY_MAGIC]:
                raise
        _check_no_map(mmap_mode)
        file = ranges.read_ranges([0], [ranges.length()])[0]
    source = _path_or_bytes(cast(Any, file), limits)
    try:
        return NpzFile(source, access=access, limits=limits, threads=threads)
    except DamagedError:
        start = _first_bytes(source)
        if not start:
            name = "file" if isinstance(source, bytes) else shown(source)
            raise EmptyFileError(f"{name}: expected an archive or a .npy file, found no bytes") from None
        if start != _NPY_MAGIC:
            raise
    if isinstance(source, bytes):
        _check_no_map(mmap_mode)
        return _bitnpz._read_npy(source, "array in memory", limits)
    if mmap_mode is None:
        return _bitnpz._read_npy(source, shown(source), limits)
    _bitnpz._check_npy(source, shown(source), limits)
    # The header is checked: NumPy need not limit its length again.
    return np.load(source, mmap_mode, allow_pickle=False, max_header_size=_NO_HEADER_LIMIT)


def _check_no_map(mmap_mode: str | None) -> None:
    """Checks that nobody wants a memory map of a `.npy` file that has no path."""
    if mmap_mode is not None:
        raise InputError(
            f"mmap_mode: expected the path of a .npy file, or None, found {mmap_mode!r} with bytes, an open file or a store"
        )


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
    # No path has a zero byte, and every archive has some; a file may be damaged, and something may be before an archive.
    is_content = isinstance(file, bytes) and (not file or b"\0" in file or file.startswith(_NPY_MAGIC))
    if isinstance(file, (bytearray, memoryview)) or is_content:
        return bytes(cast(bytes, file))
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
