"""Writing: one call for what is in memory, a writer for what is not."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from types import TracebackType
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt

from . import _bitnpz
from ._arrays import check_key, to_array, to_items, warn
from ._errors import FilePresentError, InputError
from ._images import ImageSet
from ._paths import Path, shown

Encoding = Literal["contour", "packed", "plain"]
Codec = Literal["contour", "pixel", "zstd"]

#: Of so many arrays of a writer it is looked whether images along other axes would be smaller, and of no smaller ones.
_LOOKED_AT = 16
_WORTH_A_LOOK = 1 << 16

#: Grey images have more pixels on each side: boxes have four numbers, colours three.
_SMALLEST_IMAGE = 8

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
    encoding : {"contour", "packed", "plain"}, optional
        Image sets, the smallest; rows as `numpy.packbits` has them; arrays as NumPy has them, which `numpy.load` reads as they were.
        Unless given, image sets, or what the archive has that is added to.
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

    _looked_at = 0

    def __new__(
        cls,
        file: Path,
        mode: Literal["w", "a", "x"] = "w",
        *,
        encoding: Encoding | None = None,
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
        return super().__new__(cls, path, shown(path), encoding, codec, "deflate", level, threads, append)

    def __setitem__(self, key: str, value: npt.ArrayLike | ImageSet) -> None:
        """Adds an array: as images if it has two or more dimensions and two values, else as it is.

        Warns
        -----
        StorageWarning
            If the array looks like grey images, which are stored as they are; `add_array` stores them without a word. If images
            along other axes would take less than half of the bytes; `add_images` takes these axes.
        """
        check_key(key)
        if isinstance(value, ImageSet):
            self._copy(key, value)
            return
        array = to_array(key, value)
        items = to_items(array)
        if self._add(key, items, "any"):
            self._warn_of_axes(key, array, items)
        elif _looks_grey(array):
            warn(
                f"{key!r}: found more than two values: stored as an ordinary array. If these are grey images, compare them with "
                "a threshold first (images >= 128); add_array, or save(..., images=[...]) with the keys of images, stores it "
                "without this warning"
            )

    def _warn_of_axes(self, key: str, array: np.ndarray[Any, Any], items: tuple[Any, ...]) -> None:
        """Warns if images along other axes would be much smaller; of the first few arrays, as it takes a while."""
        if self._looked_at >= _LOOKED_AT or array.size < _WORTH_A_LOOK:
            return
        self._looked_at += 1
        if better := _bitnpz._better_axes(items):
            axes, factor = better
            warn(
                f"{key!r}: an array of shape {array.shape} would take about {factor:.0f} times less if its axes were {axes}: "
                f"add_images({key!r}, array, axes={axes!r}) or save(..., axes={{{key!r}: {axes!r}}})"
            )

    def add_images(self, key: str, images: npt.ArrayLike, axes: str | None = None) -> None:
        """Adds an image, shape `(height, width)`, or a stack of them, shape `(..., height, width)`.

        Parameters
        ----------
        key : str
        images : array_like
        axes : str, optional
            A letter for each axis, of which `H` is the height and `W` the width: `"HWN"`; or the size of flat images, `"28x28"`,
            which are the last axis. Unless given, the last two axes but those of length 1 behind them; of an array in Fortran
            order the first two, if they make squarer images, as COCO's tools decode masks. The array comes back as it is.

        Raises
        ------
        InputError
            If there is a third value, which the message names with its place, or NaN; if the key is taken.
        """
        self._add(check_key(key), to_items(to_array(key, images)), "images", axes)

    def add_array(self, key: str, array: npt.ArrayLike) -> None:
        """Adds an array that any reader of archives gives back as it is."""
        self._add(check_key(key), to_items(to_array(key, array)), "array")

    def extend(
        self, key: str, images: npt.ArrayLike | ImageSet | Iterable[npt.ArrayLike], axes: str | None = None
    ) -> None:
        """Adds images to the stack under a key, or starts it.

        Parameters
        ----------
        key : str
        images : array_like of shape (n, ..., height, width), ImageSet, or iterable of images
            All of one dtype and shape. In mode "a", more of the stack that is there.
        axes : str, optional
            See `add_images`; the first axis counts images.

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
            self._add(key, to_items(to_array(key, batch)), "batch", axes)

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


def _looks_grey(array: np.ndarray[Any, Any]) -> bool:
    """Whether these may be grey images: bytes in rows and columns."""
    return array.ndim >= 2 and array.dtype == np.uint8 and min(array.shape[-2:]) >= _SMALLEST_IMAGE


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
    images: Collection[str] | None = None,
    axes: Mapping[str, str] | None = None,
    encoding: Encoding | None = None,
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
        Arrays of two or more dimensions and two values are images, all others are stored as they are.
    images : collection of str, optional
        The keys of arrays that are images, which must have two values; all others are stored as they are, without a warning.
    axes : mapping of str to str, optional
        Which axes of images are height and width; see `Writer.add_images`.
    encoding, codec, level, threads
        See `Writer`.

    Raises
    ------
    InputError
        If a key is used twice, if an array that `images` or `axes` names has more than two values, or if one holds Python objects
        other than all str, bytes, bool, int or float. Nothing is written then.

    Warns
    -----
    StorageWarning
        See `Writer.__setitem__`; also of an array of Python objects, which is stored as one of their type.

    Examples
    --------
    >>> bitnpz.save("training.npz", {"glyphs": np.zeros((1000, 28, 28), bool), "outputs": np.arange(1000)})
    """
    with _path(file) as path, Writer(path, encoding=encoding, codec=codec, level=level, threads=threads) as writer:
        strict = frozenset(images if images is not None else ()) | frozenset(axes or ())
        if missing := strict - frozenset(arrays):
            raise InputError(f"images, axes: expected keys of arrays that are saved, found {sorted(missing)}")
        for key, value in arrays.items():
            if isinstance(value, ImageSet) or (key not in strict and images is None):
                writer[key] = value
            elif key in strict:
                writer.add_images(key, value, axes=(axes or {}).get(key))
            else:
                writer.add_array(key, value)


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
        writer = _bitnpz.Writer(path, shown(path), "plain", None, method, None, None, "replace")
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
