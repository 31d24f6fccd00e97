"""Writing: `save` and `savez` for arrays in memory, `Writer` for data that arrives bit by bit."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from types import TracebackType
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt

from . import _bitnpz
from ._arrays import Items, check_key, labels_in, to_array, to_items, warn
from ._errors import InputError
from ._images import Images
from ._model import Model
from ._options import Codec, Effort, Encoding, check_options
from ._paths import Path, shown
from ._progress import CountFunction, Progress, reporting
from ._store_options import StoreOptions
from ._target import Target, place_in, target_of
from ._upload import Upload

#: A writer tries other axes for this many arrays, of at least this many items. Trying takes time, and a program that has the axes
#: wrong once has them wrong for all its arrays.
_MAX_AXES_TRIALS = 16
_MIN_TRIAL_ITEMS = 1 << 16

#: The least height and width at which an array of bytes looks like grey images: boxes have four columns, colours three.
_MIN_GREY_SIDE = 8

#: The number of images that are read at a time from an iterable or from `Images`: a few MB of small ones.
_BATCH_IMAGES = 1024


class Writer(_bitnpz.Writer):
    """Writes an archive: images and arrays, each under its key, in bounded memory.

    The archive appears when the writer is closed, complete or not at all: after an exception, or if the process dies, a file that
    was to be replaced is unchanged, and nothing else is left.

    A signal handler, or another function that runs within a call of the writer, cannot use it: it gets an `InputError`, which ends
    the call unless it is caught.

    Parameters
    ----------
    file : path or file
        See `save`. An archive in a store is uploaded in parts as it is made; to a file system of fsspec when it is complete. An
        open binary file or a pipe, which requires mode "w", gets the archive as it is made, without a temporary file. What an
        exception leaves of it there is removed if the file can be sought.
    mode : {"w", "a", "x"}
        "w" replaces an existing file, "a" appends to it, but not in a store, and "x" fails if it exists when the writer is made.
        In mode "a", `del writer[key]` leaves out an existing key, before anything is added; the key can then be written again.
    encoding : {"sets", "packed", "plain"}, optional
        "sets" writes image sets, the smallest. "packed" writes rows as `numpy.packbits` packs them. "plain" writes arrays as
        NumPy does: `numpy.load` returns them as they were. Default: that of the archive appended to, else "sets".
    codec : {"contour", "pixel", "zstd", "raw"}, optional
        The codec of image sets. "zstd" is the fastest to read of those that compress, and for glyphs 2.6 to 3.6 times as large;
        "raw" is packed rows.
        Default: the one that makes a sample of the images smallest, but "pixel", which is slow to read, and "zstd", which is slow
        to write, only where they save a tenth or more.
    effort : {"fast", "balanced", "smallest"}, optional
        How much time it may take to make image sets small. "fast" trains on fewer images. "smallest" trains on more, tries
        several ways to encode each image, and takes the smallest codec however slow it is to read. Default: "balanced".
    model : Model, optional
        The model of all image sets, with its codec; see `train`. Sets of an archive that is appended to keep theirs where it fits.
        Default: each set trains one of its own.
    level : int, optional
        The level at which members are deflated, 1 to 12; the higher, the slower. Arrays of two values that the encoder for
        images makes about as small are not made smaller by a higher one. Default: 7, about as small as NumPy's.
    threads : int, optional
        The number of threads that train and compress. Default: as many as the environment variable `BITNPZ_THREADS` says, or one
        per core. The bytes of the file do not depend on it.
    store, store_options : optional
        See `load`.

    See Also
    --------
    save : writes arrays in memory in one call.

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

    _axes_trials = 0
    _keys: int
    _mode: str
    _name: str
    _target: Target
    #: Where the archive starts in an open file that can be sought.
    _start: int | None

    def __new__(
        cls,
        file: Path | IO[bytes],
        mode: Literal["w", "a", "x"] = "w",
        *,
        encoding: Encoding | None = None,
        codec: Codec | None = None,
        effort: Effort = "balanced",
        model: Model | None = None,
        level: int | None = None,
        threads: int | None = None,
        store: Any = None,
        store_options: StoreOptions | None = None,
    ) -> Writer:
        return cls._open(
            file,
            mode,
            encoding=encoding,
            codec=codec,
            effort=effort,
            model=model,
            level=level,
            threads=threads,
            store=store,
            store_options=store_options,
        )

    @classmethod
    def _open(
        cls,
        file: Path | IO[bytes],
        mode: str,
        *,
        encoding: Encoding | None = None,
        codec: Codec | None = None,
        effort: Effort = "balanced",
        model: Model | None = None,
        level: int | None = None,
        threads: int | None = None,
        store: Any = None,
        store_options: StoreOptions | None = None,
        report: CountFunction | None = None,
        compression: Literal["stored", "deflate"] = "deflate",
    ) -> Writer:
        if mode not in ("w", "a", "x"):
            raise InputError(f'mode: expected "w", "a" or "x", found {mode!r}')
        check_options(encoding, codec, effort, level, threads, model)
        target, name = target_of(file, mode, store, store_options)
        appends = mode == "a" and isinstance(target, str) and os.path.exists(target)
        existing: Literal["append", "replace"] = "append" if appends else "replace"
        data = None if model is None else bytes(model)
        self = super().__new__(cls, target, name, encoding, codec, effort, compression, level, threads, existing, report, data)
        self._keys, self._mode, self._name = 0, f"{mode!r}, encoding {encoding!r}", name
        self._target, self._start = target, place_in(target)
        return self

    def __setitem__(self, key: str, value: npt.ArrayLike | Images) -> None:
        """Adds an array: as images if it has two or more dimensions and at most two values, else as an ordinary array.

        Warns
        -----
        StorageWarning
            If the array looks like grey images, which are stored as an ordinary array; `add_array` does so without a warning.
            If the images would take less than half the bytes with other axes; `add_images` takes axes.
        """
        check_key(key)
        if isinstance(value, Images):
            self._copy(key, value)
            return
        array = to_array(key, value)
        items = to_items(array)
        is_images = self._add(key, items, "inferred")
        if is_images:
            self._warn_of_axes(key, array, items)
        elif _looks_grey(array):
            warn(
                f"{key!r}: found more than two values: stored as an ordinary array. If these are grey images, compare them with "
                "a threshold first (images >= 128). If not, use add_array, or name the images in save(..., images=[...]), to "
                "avoid this warning"
            )
        self._keys += 1

    def __delitem__(self, key: str) -> None:
        """Leaves out a key of the archive that is appended to, in mode "a", before anything is added."""
        self._leave_out(check_key(key))

    def _warn_of_axes(self, key: str, array: np.ndarray[Any, Any], items: Items) -> None:
        """Warns if the images would be much smaller with other axes."""
        if self._axes_trials >= _MAX_AXES_TRIALS or array.size < _MIN_TRIAL_ITEMS:
            return
        self._axes_trials += 1
        if better := _bitnpz._better_axes(items):
            axes, factor = better
            warn(
                f"{key!r}: an array of shape {array.shape} would be about {factor:.0f} times smaller with axes {axes}: use "
                f"add_images({key!r}, array, axes={axes!r}) or save(..., axes={{{key!r}: {axes!r}}})"
            )

    def add_images(self, key: str, images: npt.ArrayLike, axes: str | None = None) -> None:
        """Adds an image of shape `(height, width)`, or a stack of shape `(..., height, width)`.

        Parameters
        ----------
        key : str
        images : array_like
        axes : str, optional
            One letter for each axis, `H` for the height and `W` for the width: `"HWN"`; or the height and width of flattened
            images, which are the last axis: `"28x28"`. Default: the last two axes, not counting axes of length 1 at the end; in
            an array in Fortran order the first two, if they make squarer images, as in masks that COCO's tools decode. The array
            is loaded with the shape that it has now.

        Raises
        ------
        InputError
            If there is a third value, which the message names with its position, or NaN; if the key is taken.
        """
        self._add(check_key(key), to_items(to_array(key, images)), "images", axes)
        self._keys += 1

    def add_array(self, key: str, array: npt.ArrayLike) -> None:
        """Adds an ordinary array, which any reader of `.npz` files can load."""
        self._add(check_key(key), to_items(to_array(key, array)), "array")
        self._keys += 1

    def extend(
        self, key: str, images: npt.ArrayLike | Images | Iterable[npt.ArrayLike], axes: str | None = None
    ) -> None:
        """Appends images to the stack under a key, or starts a stack.

        Parameters
        ----------
        key : str
        images : array_like of shape (n, ..., height, width), Images, or iterable of images
            Images of one dtype and shape. In mode "a" they may continue a stack of the existing archive.
        axes : str, optional
            See `add_images`; the first axis is the number of images.

        Examples
        --------
        >>> with bitnpz.Writer("stack.npz") as writer:
        ...     for batch in np.zeros((5, 100, 16, 16), bool):
        ...         writer.extend("glyphs", batch)
        >>> bitnpz.load("stack.npz")["glyphs"].shape
        (500, 16, 16)
        """
        is_new = check_key(key) not in self
        for batch in _batches(images):
            self._add(key, to_items(to_array(key, batch)), "batch", axes)
            self._keys, is_new = self._keys + is_new, False

    def _copy(self, key: str, images: Images) -> None:
        if key in self:
            raise InputError(f"{key!r}: the archive has this key already (a and a.npy are one key)")
        if images.ndim > 2 and len(images):
            self.extend(key, images)
        else:
            self._add(key, to_items(np.asarray(images)), "images")
            self._keys += 1

    def close(self) -> None:
        """Completes the archive, and gives it its name. Closing again does nothing."""
        if self.closed:
            return
        try:
            is_complete = self._finish()
        except BaseException:
            # It stays open if another call of this thread is at work.
            if self.closed:
                self._discard()
            raise
        if is_complete and isinstance(self._target, Upload):
            self._target.close()

    def abort(self) -> None:
        """Discards the archive; a file that was to be replaced stays as it was. What an open file that can be sought has of it is
        removed."""
        if self._abort():
            self._discard()

    def _discard(self) -> None:
        """Removes what an upload, or an open file that can be sought, has of the archive."""
        if isinstance(self._target, Upload):
            self._target.abort()
        elif self._start is not None and not isinstance(self._target, str):
            # Some, as of gzip, can only be sought forwards.
            with suppress(Exception):
                self._target.seek(self._start)
                self._target.truncate()

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
    """Returns whether an array may hold grey images: bytes in enough rows and columns."""
    return array.ndim >= 2 and array.dtype == np.uint8 and min(array.shape[-2:]) >= _MIN_GREY_SIDE


def _batches(images: npt.ArrayLike | Images | Iterable[npt.ArrayLike]) -> Iterator[Any]:
    """Yields images in batches that fit in memory; an array is one batch, also if it is empty."""
    if isinstance(images, Images):
        starts = range(0, max(len(images), 1), _BATCH_IMAGES)
        yield from (images[start : start + _BATCH_IMAGES] for start in starts)
    elif hasattr(images, "__array__") or not isinstance(images, Iterable):
        yield images
    else:
        remaining = iter(images)
        while batch := list(islice(remaining, _BATCH_IMAGES)):
            yield _joined(batch)


def _joined(images: list[Any]) -> Any:
    """Returns arrays of one dtype and shape as one array of that dtype: from a list, NumPy makes one of the machine's byte order."""
    kinds = {(image.dtype, image.shape) if isinstance(image, np.ndarray) else None for image in images}
    return images if None in kinds or len(kinds) > 1 else np.array(images, images[0].dtype)


def save(
    file: Path | IO[bytes],
    arrays: Mapping[str, npt.ArrayLike | Images],
    *,
    images: Collection[str] | None = None,
    axes: Mapping[str, str] | None = None,
    encoding: Encoding | None = None,
    codec: Codec | None = None,
    effort: Effort = "balanced",
    model: Model | None = None,
    level: int | None = None,
    threads: int | None = None,
    progress: bool | Callable[[Progress], object] = False,
    store: Any = None,
    store_options: StoreOptions | None = None,
) -> None:
    """Saves images and arrays, each under its key, in as few bytes as possible.

    Parameters
    ----------
    file : path or file
        A path or URL, to which `.npz` is appended if it does not end in it, as by `numpy.savez`; or an open binary file. An
        existing file is replaced.
    arrays : mapping of str to array_like
        Arrays with two or more dimensions and at most two values are saved as images, all others as ordinary arrays. So are
        labels of shape `(n, classes)` beside `n` images of one shape with keys of their own: up to seven such arrays with at
        least twice as many rows as any image. `.npy` at the end of a key does not count: `k.npy` is the key `k`, and is found as
        either.
    images : collection of str, optional
        The keys of the images, which must not have more than two values. All others are saved as ordinary arrays, without a
        warning.
    axes : mapping of str to str, optional
        The axes of images by key; see `Writer.add_images`.
    encoding, codec, effort, model, level, threads
        See `Writer`.
    progress : bool or callable, optional
        True shows a bar, that of `tqdm.auto` if tqdm is installed. A function is called with a `Progress` from time to time; an
        exception that it raises ends `save`, and a file at the path stays as it was. Only the last one or two calls come when the
        archive is complete and has replaced the file.
    store, store_options : optional
        See `load`.

    Raises
    ------
    InputError
        If a key is used twice, if an array that `images` or `axes` names has more than two values, or if an array holds Python
        objects that are not all str, bytes, bool, int or float. Nothing is written then.

    Warns
    -----
    StorageWarning
        See `Writer.__setitem__`; also if an array of Python objects is stored with their dtype.

    Examples
    --------
    >>> bitnpz.save("training.npz", {"glyphs": np.zeros((1000, 28, 28), bool), "outputs": np.arange(1000)})
    """
    items = _items(file, arrays)
    if isinstance(images, str):
        raise InputError(f"images: expected a collection of keys, found a str: use images=[{images!r}]")
    strict = frozenset(images if images is not None else ()) | frozenset(axes or ())
    if missing := strict - {key for key, _ in items}:
        raise InputError(f"images, axes: expected keys of the arrays to save, found {sorted(missing)}")
    total = sum(_nbytes(key, value) for key, value in items) if progress else 0
    with (
        reporting(progress, _shown(file), total) as report,
        Writer._open(
            file,
            "w",
            encoding=encoding,
            codec=codec,
            effort=effort,
            model=model,
            level=level,
            threads=threads,
            store=store,
            store_options=store_options,
            report=report,
        ) as writer,
    ):
        labels = labels_in(items) - strict if images is None else set()
        for key, value in items:
            if isinstance(value, Images) or (key not in strict | labels and images is None):
                writer[key] = value
            elif key in strict:
                writer.add_images(key, value, axes=(axes or {}).get(key))
            else:
                writer.add_array(key, value)


def _shown(file: Path | IO[bytes]) -> str:
    """Returns the name of a file for messages."""
    return shown(file) if isinstance(file, (str, bytes, os.PathLike)) else "archive"


def _nbytes(key: str, value: npt.ArrayLike | Images) -> int:
    return value.nbytes if isinstance(value, Images) else to_array(key, value).nbytes


def _items(file: object, arrays: Mapping[str, npt.ArrayLike | Images]) -> list[tuple[str, npt.ArrayLike | Images]]:
    """Returns keys and arrays, or raises an error that says how to pass them."""
    if isinstance(file, Mapping) and not isinstance(arrays, Mapping):
        raise InputError("expected save(file, arrays), found the arrays before the file: swap the two")
    if not callable(getattr(arrays, "items", None)):
        kind = f"an array of shape {np.shape(arrays)}" if hasattr(arrays, "__array__") else f"a {type(arrays).__name__}"
        target = repr(_shown(file)) if isinstance(file, str) else "file"
        raise InputError(f'arrays: expected a dict of arrays by key, found {kind}: bitnpz.save({target}, {{"images": images}})')
    return list(arrays.items())


def savez(file: Path | IO[bytes], *args: npt.ArrayLike, allow_pickle: bool = True, **kwds: npt.ArrayLike) -> None:
    """Saves arrays uncompressed, as `numpy.savez` does: `numpy.load` returns them as they were.

    Parameters
    ----------
    file : path or file
        See `save`.
    *args : array_like
        Arrays that are saved under `arr_0`, `arr_1` and so on.
    allow_pickle : bool
        Ignored: nothing is pickled. See `save` for arrays of Python objects.
    **kwds : array_like
        Arrays that are saved under the names of their arguments, without any `.npy` at their end.

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
    """Saves arrays as `numpy.savez_compressed` does: glyphs and masks in fewer bytes and faster, others in about as many.

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
    file: Path | IO[bytes],
    args: tuple[npt.ArrayLike, ...],
    kwds: dict[str, npt.ArrayLike],
    compression: Literal["stored", "deflate"],
) -> None:
    arrays = dict(kwds)
    for number, value in enumerate(args):
        key = f"arr_{number}"
        if key in kwds:
            raise InputError(f"Cannot use un-named variables and keyword {key}")
        arrays[key] = value
    with Writer._open(file, "w", encoding="plain", compression=compression) as writer:
        for key, value in arrays.items():
            writer.add_array(key, value)

