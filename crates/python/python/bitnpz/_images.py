"""`Images`: read-only arrays of images, which are read from an archive on demand."""

from __future__ import annotations

import base64
import math
import operator
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import _bitnpz
from ._arrays import new
from ._errors import InputError, NoSuchImageError, NoSuchKeyError
from ._arithmetic import Array
from ._file_array import FileArray, IndexArray, IndexRange, contiguous
from ._indexing import is_all, is_basic, is_integer, split
from ._reopen import open_images, reopen

if TYPE_CHECKING:
    from ._archive_file import ArchiveFile

#: The number of images on a contact sheet by default: a sheet that fits on a screen.
_SHEET_IMAGES = 48

#: A larger array is allocated only after a check of the limits and of the images' sizes, which small batches do not need.
_UNCHECKED_BYTES = 16 << 20


class Images(_bitnpz.Images, FileArray):
    """The images under one key, as a read-only array of shape `(n, ..., height, width)` whose items are read on demand.

    Indexing reads only the images that it selects. It takes any index of NumPy, and returns a new C-contiguous array. `subset`
    returns a view. Operators (`images == other`, `~images`), methods of arrays (`images.mean()`) and functions of NumPy read
    all images, as `numpy.asarray(images)` does, and so do the attributes `T`, `mT`, `flat`, `real` and `imag`, even for
    `hasattr`. Images that differ in size have the shape `(n,)` and are read one by one.

    `NpzFile` returns `Images`. Many threads can use them at once, as can forked processes. They are pickled by the archive's
    path, and keep the archive open. They are a map-style dataset of PyTorch and a random-access data source of Grain.

    Attributes
    ----------
    shape : tuple of int
    dtype : numpy.dtype
        The dtype in which the images were saved; `take` converts to others.
    codec : {"contour", "pixel", "zstd", "raw"} or None
        The codec of the image set; None if the images are not in one.
    stored_bytes : int
        The bytes that the images take in the file. A subset counts the images that it leaves out as well.

    Examples
    --------
    >>> stack = np.random.default_rng(0).random((1000, 16, 16)) < 0.1
    >>> bitnpz.save("noise.npz", {"noise": stack})
    >>> noise = bitnpz.load("noise.npz")["noise"]
    >>> noise[17].shape, noise[-3:].shape, noise[[5, 3, 9], 2:4, :].shape
    ((16, 16), (3, 16, 16), (3, 2, 16))
    >>> bool((np.asarray(noise) == stack).all())
    True
    """

    def __init__(self, base: _bitnpz.Images, archive: ArchiveFile, key: str | None, number: int) -> None:
        self._archive = archive
        self._saved_as = key
        self._number = number
        self._public_shape = tuple(self._shape)[1 if self._is_single else 0 :]
        self._numpy_dtype = np.dtype(self._dtype)

    @property
    def is_ragged(self) -> bool:
        """True if the images differ in size."""
        return self._image_size is None

    def take(
        self,
        indices: npt.ArrayLike,
        out: Array | None = None,
        dtype: npt.DTypeLike | None = None,
        packed: bool = False,
        *,
        axis: int = 0,
    ) -> Array:
        """Reads several images; large batches are decoded on all cores.

        Parameters
        ----------
        indices : array_like of int
            Indices in an array of any shape; negative ones count from the end.
        out : ndarray, optional
            The array to write to: of the shape and dtype of the result, C-contiguous, aligned and writeable.
        dtype : dtype, optional
            The dtype of the result. Default: that of `out`, or the one in which the images were saved. `bool` converts the two
            pixel values to False and True, the greater one; of images of one value, 0 and negative ones are False. Every other
            dtype must hold them exactly.
        packed : bool
            Whether to return packed rows, as by `numpy.packbits(axis=-1)`: uint8, with a last axis of `ceil(width / 8)` bytes,
            and without axes of length 1 behind it.
        axis : int
            0, the axis of images. For others use `numpy.take` on `numpy.asarray(images)`.

        Returns
        -------
        ndarray
            `out` or a new array, of shape `indices.shape + images.shape[1:]`.

        Raises
        ------
        NoSuchImageError
            If an index is out of bounds.
        InputError
            If `out` does not fit, if the dtype does not hold the values exactly, or if images differ in size.

        Examples
        --------
        >>> bitnpz.save("eyes.npz", {"eyes": np.eye(10)[None].repeat(500, 0)})
        >>> eyes = bitnpz.load("eyes.npz")["eyes"]
        >>> batch = np.empty((2, 10, 10), np.float32)
        >>> eyes.take([17, -1], out=batch) is batch
        True
        >>> eyes.take([17], packed=True).shape
        (1, 10, 2)
        """
        if out is None and dtype is None and axis == 0:
            # A small batch does not go through Python.
            batch: Array | None = self._take(indices, packed)
            if batch is not None:
                return batch
        if axis not in (0, -self.ndim):
            raise InputError(f"{self._name}: axis: expected 0, found {axis}: use np.asarray(images).take(indices, axis={axis})")
        self._check_stack()
        numbers = self._to_int64(indices)
        return self._read(numbers.reshape(-1), numbers.shape, out, dtype, packed=packed)

    def subset(self, indices: npt.ArrayLike | slice) -> Images:
        """Returns a view of some of the images, without reading any.

        Parameters
        ----------
        indices : array_like of int, mask of bools, or slice
            The images of the subset, in its order. A mask has an item for each image.

        Examples
        --------
        >>> bitnpz.save("eyes.npz", {"eyes": np.eye(10)[None].repeat(500, 0)})
        >>> eyes = bitnpz.load("eyes.npz")["eyes"]
        >>> order = np.random.default_rng(0).permutation(len(eyes))
        >>> training, validation = eyes.subset(order[:400]), eyes.subset(order[400:])
        >>> training.shape, len(bitnpz.Loader(validation, batch_size=50))
        ((400, 10, 10), 2)
        """
        self._check_stack()
        indices = self._to_indices(indices)
        if indices.ndim != 1:
            raise InputError(f"{self._name}: expected a one-dimensional array of indices, found {indices.ndim} dimensions")
        return Images(self._subset(indices), self._archive, self._saved_as, self._number)

    def popcount(self, indices: npt.ArrayLike | None = None) -> IndexArray:
        """Returns the number of pixels in each image that have the greater of the two values, such as 1 or True.

        Parameters
        ----------
        indices : array_like of int, optional
            The images. Default: all.

        Returns
        -------
        ndarray of int64
            The counts, in the shape of `indices`, or of `images.shape[:-2]`.

        Examples
        --------
        >>> bitnpz.save("eyes.npz", {"eyes": np.eye(10)[None].repeat(500, 0)})
        >>> bitnpz.load("eyes.npz")["eyes"].popcount([0, 1])
        array([10, 10])
        """
        each = self.shape[1 : self.ndim - 2 - self._trailing_axes]
        if indices is None:
            return self._count_ones(self._all_indices()).reshape(() if self._is_single else self.shape[:1] + each)
        self._check_stack()
        numbers = self._to_int64(indices)
        return self._count_ones(numbers.reshape(-1)).reshape(numbers.shape + each)

    def keys(self) -> Sequence[str]:
        """Returns the keys under which the images were saved, in order, as a sequence that reads keys on demand.

        Raises
        ------
        NoSuchKeyError
            If the images were saved as one stack.
        """
        return Keys(self)

    def by_key(self, key: str | Sequence[str]) -> Array:
        """Reads the image that was saved under a key, or a batch of images under several keys.

        Examples
        --------
        >>> bitnpz.save("named.npz", {f"ix-{i:06}": np.eye(8, k=i % 5) for i in range(100)})
        >>> images = bitnpz.load("named.npz").images()
        >>> images.by_key("ix-000004").sum(), images.by_key(["ix-000001", "ix-000099"]).shape
        (np.float64(4.0), (2, 8, 8))
        """
        if isinstance(key, str):
            image: Array = self[self._index_of(key)]
            return image
        return self.take([self._index_of(one) for one in key])

    def sheet(self, indices: npt.ArrayLike | None = None) -> Sheet:
        """Draws a contact sheet: a picture that shows images side by side.

        Parameters
        ----------
        indices : array_like of int, optional
            The images. Default: 48 of them, evenly spaced.

        Examples
        --------
        >>> bitnpz.save("eyes.npz", {"eyes": np.eye(10)[None].repeat(500, 0)})
        >>> bitnpz.load("eyes.npz")["eyes"].sheet(range(20)).save("sheet.png")
        """
        if indices is None:
            images = 1 if self._is_single else len(self)
            count = min(images, _SHEET_IMAGES)
            indices = np.arange(count, dtype=np.int64) * images // max(count, 1)
        return Sheet(self._sheet(self._to_int64(indices).reshape(-1)))

    def _index_of(self, key: str) -> int:
        index = self._find(key)
        if index is None:
            raise NoSuchKeyError(f"{self._name}: none of the {len(self)} images was saved under {key!r}")
        return index

    def _all_indices(self) -> IndexRange:
        return 0, 1, 1 if self._is_single else len(self)

    def _check_stack(self) -> None:
        if self._is_single:
            raise InputError(
                f"{self._name}: expected a stack of images, found one image of shape {self.shape}: use np.asarray(images)[None], "
                "a stack of one"
            )

    def _read(
        self,
        indices: IndexArray | IndexRange,
        leading: tuple[int, ...],
        out: Array | None = None,
        dtype: npt.DTypeLike | None = None,
        *,
        packed: bool = False,
    ) -> Array:
        """Reads images into an array of shape `leading + item`, where `item` is the shape of an item or of its packed rows."""
        size = self._image_size
        if size is None:
            raise InputError(
                f"{self._name}: the images differ in size and do not fit in one array: read them one by one, images[i], or by key"
            )
        item, wanted = self._packed_item(size[1], dtype) if packed else self._item(out, dtype)
        shape = leading + item
        if out is None:
            if math.prod(shape) * wanted.itemsize > _UNCHECKED_BYTES:
                image_bytes = size[0] * (item[-1] if packed else size[1]) * wanted.itemsize
                self._check_batch(indices, min(image_bytes, 2**63 - 1))
            out = new(self._name, shape, wanted)
        else:
            self._check_out(out, shape, wanted)
        # An array without pixels cannot be viewed as bytes.
        data = out.reshape(-1).view(np.uint8) if out.size else np.empty(0, np.uint8)
        if packed:
            self._read_packed_into(indices, data)
        else:
            self._read_into(indices, data, wanted.str)
        return out

    def _read_each(self, indices: Sequence[int], dtype: npt.DTypeLike | None = None) -> list[Array]:
        """Reads images into an array each, converted as by `take`. They may differ in size."""
        if self._image_size is not None:
            return list(self.take(indices, dtype=dtype))
        if dtype is None:
            return [self[index] for index in indices]
        _, wanted = self._item(None, dtype)
        return [self._read_as(operator.index(index), wanted.str).astype(wanted, copy=False) for index in indices]

    def _item(self, out: Array | None, dtype: npt.DTypeLike | None) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Returns the shape of an item, and the dtype to read it as."""
        default = getattr(out, "dtype", self.dtype)
        wanted: np.dtype[Any] = np.dtype(default if dtype is None else dtype)
        if wanted.kind not in "biuf":
            raise InputError(f"{self._name}: expected a dtype of bool, integers or floats, found {wanted}")
        return tuple(self._shape[1:]), wanted

    def _packed_item(self, width: int, dtype: npt.DTypeLike | None) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Returns the shape of an item's packed rows, and their dtype."""
        wanted: np.dtype[Any] = np.dtype(np.uint8)
        if dtype is not None and np.dtype(dtype) != wanted:
            raise InputError(f"{self._name}: packed rows are uint8, found dtype {np.dtype(dtype)}")
        return (*self._shape[1 : -1 - self._trailing_axes], -(-width // 8)), wanted

    def _select(self, key: Any) -> Any:
        """Returns what an index selects. The compiled half handles the most frequent, a single integer, by itself."""
        try:
            if self._is_single:
                return contiguous(np.asarray(self)[key])
            if self._image_size is None:
                return self._select_ragged(key)
            before, first, rest = split(key, self.ndim)
            if before or not all(is_basic(part) for part in rest):
                batch, of_batch = self._batch(first)
                return contiguous(batch[(*before, *of_batch, *rest)])
            return self._select_first(first, [] if all(is_all(part) for part in rest) else rest)
        except IndexError as error:
            if isinstance(error, NoSuchImageError):
                raise
            raise NoSuchImageError(f"{self._name}: {error}") from None

    def _select_first(self, first: Any, rest: list[Any]) -> Any:
        """Returns what an index selects if `rest`, the part for all axes after the first, is of slices and integers."""
        if is_integer(first) and self.ndim <= 3:
            return self._select_one(first, rest)
        batch, of_batch = self._batch(first)
        if not rest:
            return batch if isinstance(of_batch[0], slice) else batch[of_batch]
        return contiguous(batch[(*of_batch, *rest)])

    def _select_one(self, index: Any, rest: list[Any]) -> Any:
        """Returns what an index with an integer in front selects of the image with this number."""
        image = self[operator.index(index)]
        return contiguous(image[tuple(rest)]) if rest else image

    def _select_ragged(self, key: Any) -> Any:
        """Returns what an index selects of images that differ in size: one of them, or a part of one."""
        first, *rest = key if isinstance(key, tuple) and key else (key,)
        if is_integer(first):
            return self._select_one(first, rest)
        # Several do not fit in one array, which is an error, as is what is no index.
        return self._batch(slice(None) if first is None or first is ... else first)[0]

    def __iter__(self) -> Iterator[Array]:
        if self._is_single:
            return iter(np.asarray(self))
        return (self[index] for index in range(len(self)))

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        if copy is False:
            raise InputError(f"{self._name}: expected copy=None or True, as decoded images are always a copy")
        if dtype is None or np.dtype(dtype) == self.dtype:
            return self._read_all(None)
        # A cast to bool makes every value but zero True; `take` would convert the two pixel values to False and True.
        if np.dtype(dtype) != bool:
            # Images are decoded as other numbers if these hold the values.
            with suppress(InputError):
                return self._read_all(dtype)
        return self._read_all(None).astype(dtype)

    def _read_all(self, dtype: npt.DTypeLike | None) -> Array:
        """Reads all images, converted as by `take`."""
        batch = self._read(self._all_indices(), (1 if self._is_single else len(self),), None, dtype)
        array: Array = batch[0] if self._is_single else batch
        return array

    def __getitems__(self, indices: Sequence[int]) -> list[Array]:
        """Reads several images at once. PyTorch's `DataLoader` calls this."""
        return self._read_each(indices)

    #: Grain calls it by this name.
    _getitems = __getitems__

    def __reduce__(self) -> tuple[Any, ...]:
        return reopen, (open_images, (self._archive._origin(), self._saved_as, self._number, self._selected))

    def __repr__(self) -> str:
        name = self._name if self._saved_as is None else f"{self._name}[{self._saved_as!r}]"
        size = self._image_size
        sizes = "several sizes" if size is None else f"{size[0]} x {size[1]}"
        shape = "" if self.ndim < 4 else f", shape {self.shape}"
        count = 1 if self._is_single else len(self)
        text = f"Images {name}: {count} of {sizes}{shape}, {self.dtype}, {self.codec or 'packed'}"
        if self._selected is not None:
            return f"{text}, a subset"
        images = len(self) if size is None else math.prod(self.shape[: self.ndim - 2 - self._trailing_axes])
        each = self.stored_bytes / max(images, 1)
        return f"{text}, {each:.1f} bytes each"

    def _repr_png_(self) -> bytes:
        return self.sheet().png

    def _repr_html_(self) -> str:
        text = repr(self).replace("&", "&amp;").replace("<", "&lt;")
        return f"<figure>{self.sheet()._repr_html_()}<figcaption>{text}</figcaption></figure>"


class Keys(Sequence[str]):
    """The keys of images that were saved under keys of their own, read on demand."""

    def __init__(self, images: Images) -> None:
        self._images = images
        if len(images) and images._key(0) is None:
            raise NoSuchKeyError(f"{images._name}: the images were saved as one stack and have no keys of their own")

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self._images._key(number) for number in range(*index.indices(len(self)))]
        number = operator.index(index)
        if not -len(self) <= number < len(self):
            raise NoSuchImageError(f"{self._images._name}: index {index} is out of bounds for {len(self)} keys")
        return self._images._key(number % len(self))

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._images._find(key) is not None

    def index(self, key: str, start: int = 0, stop: int | None = None) -> int:
        """Returns the index of the first image with this key, in this slice of the keys."""
        start, stop, _ = slice(start, stop).indices(len(self))
        found = self._images._find(key)
        selected = self._images._selected
        if found is not None and found < start and selected is not None:
            # Another image of a subset may be the same.
            places = start + np.flatnonzero(selected[start:stop] == selected[found])
            found = int(places[0]) if places.size else None
        if found is None or not start <= found < stop:
            raise InputError(f"{self._images._name}: none of the images was saved under {key!r}")
        return found

    def __repr__(self) -> str:
        first = ", ".join(repr(key) for key in self[:3])
        return f"Keys([{first}{', ...' if len(self) > 3 else ''}], {len(self)} in all)"


class Sheet:
    """A picture that shows images side by side; notebooks display it.

    Attributes
    ----------
    png : bytes
        The picture as a PNG file.
    """

    def __init__(self, png: bytes) -> None:
        self.png = png

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the PNG file. A file that it replaces is unchanged until it is complete, and after an exception."""
        _bitnpz._write_file(os.fsdecode(path), self.png)

    def _repr_png_(self) -> bytes:
        return self.png

    def _repr_html_(self) -> str:
        return f'<img src="data:image/png;base64,{base64.b64encode(self.png).decode()}" alt="images side by side">'
