"""Writing: one call for what is in memory, a writer for what is not."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import islice
from types import TracebackType
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt

from . import _bitnpz
from ._arrays import check_key, to_array, to_items, warn
from ._errors import FilePresentError, InputError
from ._images import Images
from ._options import Codec, Encoding, check_options
from ._paths import Path, check_writeable, shown, with_ending
from ._progress import Progress, Watcher, watching

#: Of so many arrays of a writer it is looked whether images along other axes would be smaller, and of no smaller ones.
_LOOKED_AT = 16
_WORTH_A_LOOK = 1 << 16

#: Grey images have more pixels on each side: boxes have four numbers, colours three.
_SMALLEST_IMAGE = 8

#: Images that are taken at a time from an iterable or another archive.
_CHUNK = 1024


#: What the archive for an open file is called meanwhile.
_ARCHIVE = "archive.npz"

Target = tuple[IO[bytes], tempfile.TemporaryDirectory[str]]


class Writer(_bitnpz.Writer):
    """Writes an archive: images and arrays, each under its key, in bounded memory.

    The archive appears when the writer is closed, whole or not at all: after an exception, or if the process ends, a file that was to
    be replaced is as it was, and nothing else is left.

    Parameters
    ----------
    file : path or file
        As of `save`. An open binary file gets the archive when the writer is closed; it has the mode "w" only.
    mode : {"w", "a", "x"}
        Replace what is there, add to it, or insist that there is nothing. In mode "a", `del writer[key]` leaves out what is
        there under a key, also to give it another value; before anything is added.
    encoding : {"sets", "packed", "plain"}, optional
        Image sets, the smallest; rows as `numpy.packbits` has them; arrays as NumPy has them, which `numpy.load` reads as they were.
        Unless given, image sets, or what the archive has that is added to.
    codec : {"contour", "pixel", "zstd", "raw"}, optional
        How images of image sets are coded; unless given, in the way that makes a sample of them smallest. `zstd` is the fastest
        to read, at two to three times the bytes; `raw` is packed rows.
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
    >>> with bitnpz.Writer("training.npz", "a") as writer:
    ...     del writer["outputs"]
    ...     writer["outputs"] = np.arange(100) % 7
    >>> archive = bitnpz.load("training.npz")
    >>> archive["ix-000007"].sum(), archive["outputs"].max()
    (np.int64(28), np.int64(6))
    """

    _looked_at = 0
    _keys: int
    _mode: str
    _name: str
    _target: Target | None

    def __new__(
        cls,
        file: Path | IO[bytes],
        mode: Literal["w", "a", "x"] = "w",
        *,
        encoding: Encoding | None = None,
        codec: Codec | None = None,
        level: int | None = None,
        threads: int | None = None,
    ) -> Writer:
        return cls._open(file, mode, encoding, codec, level, threads, None)

    @classmethod
    def _open(
        cls,
        file: Path | IO[bytes],
        mode: str,
        encoding: Encoding | None,
        codec: Codec | None,
        level: int | None,
        threads: int | None,
        watcher: Watcher | None,
        method: str = "deflate",
    ) -> Writer:
        if mode not in ("w", "a", "x"):
            raise InputError(f'mode: expected "w", "a" or "x", found {mode!r}')
        check_options(encoding, codec, level, threads)
        path, name, target = _target(file, mode)
        if mode == "x" and os.path.lexists(path):
            raise FilePresentError(errno.EEXIST, os.strerror(errno.EEXIST), path)
        append = "append" if mode == "a" and os.path.exists(path) else "replace"
        self = super().__new__(cls, path, name, encoding, codec, method, level, threads, append, watcher)
        self._keys, self._mode, self._name, self._target = 0, f"{mode!r}, encoding {encoding!r}", name, target
        return self

    def __setitem__(self, key: str, value: npt.ArrayLike | Images) -> None:
        """Adds an array: as images if it has two or more dimensions and two values, else as it is.

        Warns
        -----
        StorageWarning
            If the array looks like grey images, which are stored as they are; `add_array` stores them without a word. If images
            along other axes would take less than half of the bytes; `add_images` takes these axes.
        """
        check_key(key)
        if isinstance(value, Images):
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
        self._keys += 1

    def __delitem__(self, key: str) -> None:
        """Leaves out what the archive has under a key that is added to, in mode "a", before anything is added."""
        self._leave_out(check_key(key))

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
        self._keys += 1

    def add_array(self, key: str, array: npt.ArrayLike) -> None:
        """Adds an array that any reader of archives gives back as it is."""
        self._add(check_key(key), to_items(to_array(key, array)), "array")
        self._keys += 1

    def extend(
        self, key: str, images: npt.ArrayLike | Images | Iterable[npt.ArrayLike], axes: str | None = None
    ) -> None:
        """Adds images to the stack under a key, or starts it.

        Parameters
        ----------
        key : str
        images : array_like of shape (n, ..., height, width), Images, or iterable of images
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
        self._keys += check_key(key) not in self
        for batch in _batches(images):
            self._add(key, to_items(to_array(key, batch)), "batch", axes)

    def _copy(self, key: str, images: Images) -> None:
        if key in self:
            raise InputError(f"{key!r}: the archive has this key already (a and a.npy are one key)")
        if images.ndim > 2 and len(images):
            self.extend(key, images)
        else:
            self._add(key, to_items(np.asarray(images)), "images")
            self._keys += 1

    def close(self) -> None:
        """Writes what ends the archive, and gives it its name. Closing twice does nothing."""
        if self.closed:
            return
        self._finish()
        if self._target is not None:
            file, folder = self._target
            with folder, open(os.path.join(folder.name, _ARCHIVE), "rb") as archive:
                shutil.copyfileobj(archive, file)

    def abort(self) -> None:
        """Leaves what was there before, and nothing else."""
        super().abort()
        if self._target is not None:
            self._target[1].cleanup()

    def __repr__(self) -> str:
        state = "closed" if self.closed else "open"
        return f"Writer {self._name!r} (mode {self._mode}): {self._keys} keys added, {state}"

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


def _batches(images: npt.ArrayLike | Images | Iterable[npt.ArrayLike]) -> Iterator[Any]:
    """Images as arrays of a size that fits in memory, if they are not one array already."""
    if isinstance(images, Images):
        yield from (images[start : start + _CHUNK] for start in range(0, len(images), _CHUNK))
    elif hasattr(images, "__array__") or not isinstance(images, Iterable):
        yield images
    else:
        remaining = iter(images)
        while batch := list(islice(remaining, _CHUNK)):
            yield batch


def save(
    file: Path | IO[bytes],
    arrays: Mapping[str, npt.ArrayLike | Images],
    *,
    images: Collection[str] | None = None,
    axes: Mapping[str, str] | None = None,
    encoding: Encoding | None = None,
    codec: Codec | None = None,
    level: int | None = None,
    threads: int | None = None,
    progress: bool | Callable[[Progress], object] = False,
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
    progress : bool or callable, optional
        True shows a bar, that of `tqdm.auto` if tqdm is installed. A function is called with a `Progress` now and then: the
        images and bytes that are done, and the bytes of all arrays. An exception that it raises ends the call.

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
    items = _items(file, arrays)
    if isinstance(images, str):
        raise InputError(f"images: expected a collection of keys, found one str: images=[{images!r}]")
    strict = frozenset(images if images is not None else ()) | frozenset(axes or ())
    if missing := strict - {key for key, _ in items}:
        raise InputError(f"images, axes: expected keys of arrays that are saved, found {sorted(missing)}")
    total = sum(_nbytes(key, value) for key, value in items) if progress else 0
    name = shown(file) if isinstance(file, (str, bytes, os.PathLike)) else "archive"
    with (
        watching(progress, name, total) as watcher,
        Writer._open(file, "w", encoding, codec, level, threads, watcher) as writer,
    ):
        for key, value in items:
            if isinstance(value, Images) or (key not in strict and images is None):
                writer[key] = value
            elif key in strict:
                writer.add_images(key, value, axes=(axes or {}).get(key))
            else:
                writer.add_array(key, value)


def _nbytes(key: str, value: npt.ArrayLike | Images) -> int:
    return value.nbytes if isinstance(value, Images) else to_array(key, value).nbytes


def _items(file: object, arrays: Mapping[str, npt.ArrayLike | Images]) -> list[tuple[str, npt.ArrayLike | Images]]:
    """Keys and arrays, or an error that says how to give them."""
    if isinstance(file, Mapping) and not isinstance(arrays, Mapping):
        raise InputError("expected save(file, arrays), found the arrays before the file: swap the two")
    if not callable(getattr(arrays, "items", None)):
        kind = f"an array of shape {np.shape(arrays)}" if hasattr(arrays, "__array__") else f"a {type(arrays).__name__}"
        where = repr(file) if isinstance(file, str) else "file"
        raise InputError(f'arrays: expected a dict of arrays by key, found {kind}: bitnpz.save({where}, {{"images": images}})')
    return list(arrays.items())


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
    with Writer._open(file, "w", "plain", None, None, None, None, method) as writer:
        for key, value in arrays.items():
            writer.add_array(key, value)


def _target(file: Path | IO[bytes], mode: str = "w") -> tuple[str, str, Target | None]:
    """Where to write, and what messages call it. What is for an open file is written to a folder first, which comes with it."""
    if isinstance(file, (str, bytes, os.PathLike)):
        # What is there is added to whatever it is called.
        path = os.fsdecode(file) if mode == "a" and os.path.exists(file) else with_ending(file)
        return path, shown(path), None
    check_writeable(file)
    if mode != "w":
        raise InputError(f'file: expected a path with mode "{mode}", found an open file')
    folder = tempfile.TemporaryDirectory(prefix="bitnpz-")
    return os.path.join(folder.name, _ARCHIVE), "archive", (file, folder)
