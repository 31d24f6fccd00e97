"""Writing: one call for what is in memory, a writer for what is not."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from types import TracebackType
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt

from . import _bitnpz
from ._arrays import check_key, to_array, to_items
from ._errors import FilePresentError, InputError
from ._images import ImageSet
from ._paths import Path, shown

Encoding = Literal["contour", "packed", "plain"]
Codec = Literal["contour", "pixel", "zstd"]

#: Images that are taken at a time from an iterable or another archive.
_CHUNK = 1024


class Writer(_bitnpz.Writer):
    """Writes an archive: images and arrays, each under its key, in bounded memory.

    The archive appears when the writer is closed, whole or not at all: after an exception, or if the process ends, a file that was to
    be replaced is as it was, and nothing else is left.

    Parameters
    ----------
    file : path
    mode : {"w", "a", "x"}
        Replace what is there, add to it, or insist that there is nothing.
    encoding : {"contour", "packed", "plain"}
        Image sets, the smallest; rows as `numpy.packbits` has them; arrays as NumPy has them, which `numpy.load` reads as they were.
    codec : {"contour", "pixel", "zstd"}, optional
        How images of image sets are coded; unless given, in the way that makes a sample of them smallest. `zstd` is the fastest
        to read, at two to three times the bytes.
    level : int, optional
        How hard members are deflated, 1 to 12; 6 unless given.
    threads : int, optional
        How many compress; all there are unless given. The file does not depend on it.

    See Also
    --------
    save : writes what is in memory in one call.

    Examples
    --------
    >>> with bitnpz.Writer("training.npz") as writer:
    ...     for i in range(100):
    ...         writer[f"ix-{i:06}"] = np.eye(28, k=i % 7, dtype=bool)
    ...     writer.extend("glyphs", np.zeros((500, 16, 16), bool))
    ...     writer["outputs"] = np.arange(100)
    >>> bitnpz.load("training.npz")["ix-000007"].sum()
    np.int64(28)
    """

    def __new__(
        cls,
        file: Path,
        mode: Literal["w", "a", "x"] = "w",
        *,
        encoding: Encoding = "contour",
        codec: Codec | None = None,
        level: int | None = None,
        threads: int | None = None,
    ) -> Writer:
        path = os.fsdecode(file)
        if mode not in ("w", "a", "x"):
            raise InputError(f'mode: expected "w", "a" or "x", found {mode!r}')
        if mode == "x" and os.path.lexists(path):
            raise FilePresentError(errno.EEXIST, os.strerror(errno.EEXIST), path)
        append = "append" if mode == "a" and os.path.exists(path) else "replace"
        return super().__new__(cls, path, shown(path), encoding, codec, "deflate", level, threads, append, None)

    def __setitem__(self, key: str, value: npt.ArrayLike | ImageSet) -> None:
        """Adds an array: as images if it has two or more dimensions and two values, else as it is.

        An array of bool or uint8 with two or more dimensions is taken for images. If it has more than two values it is refused,
        as it is a grey image most likely; `add_array` stores it as it is.
        """
        check_key(key)
        if isinstance(value, ImageSet):
            self._copy(key, value)
            return
        array = to_array(key, value)
        is_image = array.ndim >= 2 and array.dtype in (np.bool_, np.uint8)
        self._add(key, to_items(array), "images" if is_image else "any")

    def add_images(self, key: str, images: npt.ArrayLike) -> None:
        """Adds an image, shape `(height, width)`, or a stack of them, shape `(..., height, width)`.

        Raises
        ------
        InputError
            If there is a third value, which the message names with its place, or NaN; if the key is taken.
        """
        self._add(check_key(key), to_items(to_array(key, images)), "images")

    def add_array(self, key: str, array: npt.ArrayLike) -> None:
        """Adds an array that any reader of archives gives back as it is."""
        self._add(check_key(key), to_items(to_array(key, array)), "array")

    def extend(self, key: str, images: npt.ArrayLike | ImageSet | Iterable[npt.ArrayLike]) -> None:
        """Adds images to the stack under a key, or starts it.

        Parameters
        ----------
        key : str
        images : array_like of shape (n, ..., height, width), ImageSet, or iterable of images
            All of one dtype and shape. In mode "a", more of the stack that is there.

        Examples
        --------
        >>> with bitnpz.Writer("stack.npz") as writer:
        ...     for batch in np.zeros((5, 100, 16, 16), bool):
        ...         writer.extend("glyphs", batch)
        >>> bitnpz.load("stack.npz")["glyphs"].shape
        (500, 16, 16)
        """
        check_key(key)
        for batch in _batches(images):
            self._add(key, to_items(to_array(key, batch)), "batch")

    def _copy(self, key: str, images: ImageSet) -> None:
        if key in self:
            raise InputError(f"{key!r}: the archive has this key already (a and a.npy are one key)")
        if images.ndim > 1 and len(images):
            self.extend(key, images)
        else:
            self._add(key, to_items(np.asarray(images)), "images")

    def close(self) -> None:
        """Writes what ends the archive, and gives it its name. Closing twice does nothing."""
        if not self.closed:
            self._finish()

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()


def _batches(images: npt.ArrayLike | ImageSet | Iterable[npt.ArrayLike]) -> Iterator[Any]:
    """Images as arrays of a size that fits in memory, if they are not one array already."""
    if isinstance(images, ImageSet):
        yield from (images[start : start + _CHUNK] for start in range(0, len(images), _CHUNK))
    elif hasattr(images, "__array__") or not isinstance(images, Iterable):
        yield images
    else:
        remaining = iter(images)
        while batch := list(islice(remaining, _CHUNK)):
            yield batch


def save(
    file: Path | IO[bytes],
    arrays: Mapping[str, npt.ArrayLike | ImageSet],
    *,
    encoding: Encoding = "contour",
    codec: Codec | None = None,
    level: int | None = None,
    threads: int | None = None,
) -> None:
    """Saves images and arrays, each under its key, as small as it gets.

    Parameters
    ----------
    file : path or file
        `.npz` is appended to a path that does not end in it, as `numpy.savez` does. An open binary file is written to.
    arrays : mapping of str to array_like
        Arrays of two or more dimensions and two values are images. Those of bool and uint8 must be; see `Writer`.
    encoding, codec, level, threads
        See `Writer`.

    Raises
    ------
    InputError
        If a uint8 array has a third value, a key is used twice or an array holds Python objects. Nothing is written then.

    Examples
    --------
    >>> bitnpz.save("training.npz", {"glyphs": np.zeros((1000, 28, 28), bool), "outputs": np.arange(1000)})
    """
    with _path(file) as path, Writer(path, encoding=encoding, codec=codec, level=level, threads=threads) as writer:
        for key, value in arrays.items():
            writer[key] = value


def savez(file: Path | IO[bytes], *args: npt.ArrayLike, allow_pickle: bool = True, **kwds: npt.ArrayLike) -> None:
    """Saves arrays as `numpy.savez` does, uncompressed: `numpy.load` reads them as they were.

    Parameters
    ----------
    file : path or file
    *args : array_like
        Under `arr_0`, `arr_1` and so on.
    allow_pickle : bool
        Taken as `numpy.savez` takes it; arrays of Python objects are refused.
    **kwds : array_like
        Each under its name.

    Examples
    --------
    >>> bitnpz.savez("two.npz", np.arange(3), y=np.eye(2))
    >>> sorted(np.load("two.npz"))
    ['arr_0', 'y']
    """
    _savez(file, args, kwds, "stored")


def savez_compressed(
    file: Path | IO[bytes], *args: npt.ArrayLike, allow_pickle: bool = True, **kwds: npt.ArrayLike
) -> None:
    """Saves arrays as `numpy.savez_compressed` does: faster, and smaller if they are images.

    Parameters
    ----------
    file, *args, allow_pickle, **kwds
        See `savez`.

    Examples
    --------
    >>> bitnpz.savez_compressed("training", **{f"ix-{i:06}": np.eye(28, dtype=bool) for i in range(100)})
    >>> np.load("training.npz")["ix-000099"].sum()
    np.int64(28)
    """
    _savez(file, args, kwds, "deflate")


def _savez(
    file: Path | IO[bytes], args: tuple[npt.ArrayLike, ...], kwds: dict[str, npt.ArrayLike], method: str
) -> None:
    arrays = dict(kwds)
    for number, value in enumerate(args):
        key = f"arr_{number}"
        if key in kwds:
            raise InputError(f"Cannot use un-named variables and keyword {key}")
        arrays[key] = value
    with _path(file) as path:
        writer = _bitnpz.Writer(path, shown(path), "plain", None, method, None, None, "replace", None)
        try:
            for key, value in arrays.items():
                writer._add(check_key(key), to_items(to_array(key, value)), "array")
        except BaseException:
            writer.abort()
            raise
        writer._finish()


@contextmanager
def _path(file: Path | IO[bytes]) -> Iterator[str]:
    """Where to write: the path, or one whose content goes to the open file in the end."""
    if isinstance(file, (str, bytes, os.PathLike)):
        path = os.fsdecode(file)
        yield path if path.endswith(".npz") else path + ".npz"
        return
    with tempfile.TemporaryDirectory(prefix="bitnpz-") as folder:
        path = os.path.join(folder, "archive.npz")
        yield path
        with open(path, "rb") as archive:
            shutil.copyfileobj(archive, file)
