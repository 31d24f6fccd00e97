"""Image sets: read-only arrays of images that lie in an archive."""

from __future__ import annotations

import base64
import math
import operator
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import _bitnpz
from ._arithmetic import ArrayArithmetic
from ._arrays import new
from ._errors import InputError, NoSuchImageError, NoSuchKeyError
from ._indexing import is_basic, split

if TYPE_CHECKING:
    from ._archive import NpzFile

Array = np.ndarray[Any, np.dtype[Any]]
Numbers = np.ndarray[Any, np.dtype[np.int64]]

#: The first of some images, the step from one to the next, and how many.
Range = tuple[int, int, int]

#: Images on a contact sheet unless told otherwise.
_SHEET = 48

#: Before more bytes are asked for it is checked whether the file accounts for them.
_LARGE = 16 << 20


class Images(_bitnpz.Images, ArrayArithmetic):
    """Images that lie in an archive, and look like a read-only array of shape `(n, ..., height, width)`.

    Indexing reads what is asked for, and nothing else: any index of arrays gives what it gives of the array, new and
    C-contiguous. `subset` gives a view. Operators (`images == other`, `~images`), methods of arrays (`images.mean()`) and functions
    of NumPy read all images, as `numpy.asarray(images)` does. Images that differ in size have the shape `(n,)` and are read one
    by one.

    Sets come from `NpzFile`. One can be used by many threads at once and after a fork, is pickled by its path, and keeps
    the archive open. It is a map-style dataset of PyTorch and a random-access source of Grain as it is.

    Attributes
    ----------
    shape : tuple of int
    dtype : numpy.dtype
        That in which the images were saved; `take` gives others.
    codec : {"contour", "pixel", "zstd", "raw"} or None
        How images are coded; None if they are not in an image set.
    stored_bytes : int
        What they take in the file; of a subset, what the whole set takes.

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

    def __init__(self, base: _bitnpz.Images, archive: NpzFile, key: str | None, number: int) -> None:
        self._archive = archive
        self._saved_as = key
        self._number = number
        self._public_shape: tuple[int, ...] = tuple(self._shape)[1 if self._is_one else 0 :]
        self._numpy_dtype: np.dtype[Any] = np.dtype(self._dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array that it looks like."""
        return self._public_shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype in which the images were saved; `take` gives others."""
        return self._numpy_dtype

    @property
    def is_ragged(self) -> bool:
        """Whether the images differ in size."""
        return self._image_size is None

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of pixels, or of images if they differ in size."""
        return math.prod(self.shape)

    @property
    def itemsize(self) -> int:
        """The bytes of a pixel in the array that it looks like."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """The bytes of the array that it looks like."""
        return self.size * self.dtype.itemsize

    def take(
        self,
        indices: npt.ArrayLike,
        out: Array | None = None,
        dtype: npt.DTypeLike | None = None,
        packed: bool = False,
        *,
        axis: int = 0,
    ) -> Array:
        """Reads several images, large batches on all cores.

        Parameters
        ----------
        indices : array_like of int
            Of any shape; negative ones count from the end.
        out : ndarray, optional
            Where they go: of the very shape and dtype of the result, C-contiguous, aligned and writeable.
        dtype : dtype, optional
            In which they are given, that of `out` or of the set unless said. `bool` gives the bits of any images; every
            other gives their values, which it must hold exactly.
        packed : bool
            Rows as `numpy.packbits(axis=-1)` has them, the last dimension `ceil(width / 8)` bytes long.
        axis : int
            The first. Along others, take of `numpy.asarray(images)`.

        Returns
        -------
        ndarray
            Of shape `indices.shape + images.shape[1:]`: `out`, or a new one.

        Raises
        ------
        NoSuchImageError
            If an index is out of bounds.
        InputError
            If `out` does not fit, the dtype does not hold the values, or images differ in size.

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
        if axis not in (0, -self.ndim):
            raise InputError(f"{self._name}: axis: expected 0, the images, found {axis}: np.asarray(images) has others")
        self._check_stack()
        places = self._places(indices)
        return self._read(places.reshape(-1), places.shape, out, dtype, packed)

    def subset(self, indices: npt.ArrayLike | slice) -> Images:
        """A view of some of the images: a set of them, of which none is read yet.

        Parameters
        ----------
        indices : array_like of int, mask of bools, or slice
            In the order in which the subset is to have them.

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
        places = self._numbers(indices)
        if places.ndim != 1:
            raise InputError(f"{self._name}: expected indices of one dimension, found {places.ndim}")
        return Images(self._subset(places), self._archive, self._saved_as, self._number)

    def popcount(self, indices: npt.ArrayLike | None = None) -> Numbers:
        """The number of pixels in each image that are 1, or the greater of the two values.

        Parameters
        ----------
        indices : array_like of int, optional
            Of which images; of all unless given.

        Returns
        -------
        ndarray of int64
            Of the shape of `indices`, or `images.shape[:-2]`.

        Examples
        --------
        >>> bitnpz.save("eyes.npz", {"eyes": np.eye(10)[None].repeat(500, 0)})
        >>> bitnpz.load("eyes.npz")["eyes"].popcount([0, 1])
        array([10, 10])
        """
        each = self.shape[1 : self.ndim - 2 - self._trailing]
        if indices is None:
            return self._count_ones(self._all()).reshape(() if self._is_one else self.shape[:1] + each)
        self._check_stack()
        places = self._places(indices)
        return self._count_ones(places.reshape(-1)).reshape(places.shape + each)

    def keys(self) -> Sequence[str]:
        """The keys under which the images were saved, in their order, worked out as they are asked for.

        Raises
        ------
        NoSuchKeyError
            If they were saved as one stack.
        """
        return Keys(self)

    def by_key(self, key: str | Sequence[str]) -> Array:
        """The image that was saved under a key, or a batch of those under several.

        Examples
        --------
        >>> bitnpz.save("named.npz", {f"ix-{i:06}": np.eye(8, k=i % 5) for i in range(100)})
        >>> images = bitnpz.load("named.npz").images()
        >>> images.by_key("ix-000004").sum(), images.by_key(["ix-000001", "ix-000099"]).shape
        (np.float64(4.0), (2, 8, 8))
        """
        if isinstance(key, str):
            image: Array = self[self._find_key(key)]
            return image
        return self.take([self._find_key(one) for one in key])

    def sheet(self, indices: npt.ArrayLike | None = None) -> Sheet:
        """A contact sheet: images side by side, as a picture.

        Parameters
        ----------
        indices : array_like of int, optional
            Of these; of 48, evenly spread, unless given.

        Examples
        --------
        >>> bitnpz.save("eyes.npz", {"eyes": np.eye(10)[None].repeat(500, 0)})
        >>> bitnpz.load("eyes.npz")["eyes"].sheet(range(20)).save("sheet.png")
        """
        if indices is None:
            images = 1 if self._is_one else len(self)
            count = min(images, _SHEET)
            indices = np.arange(count) * images // max(count, 1)
        return Sheet(self._sheet(self._places(indices).reshape(-1)))

    def _find_key(self, key: str) -> int:
        place = self._find(key)
        if place is None:
            raise NoSuchKeyError(f"{self._name}: none of the {len(self)} images was saved under {key!r}")
        return place

    def _all(self) -> Range:
        return 0, 1, 1 if self._is_one else len(self)

    def _check_stack(self) -> None:
        if self._is_one:
            raise InputError(
                f"{self._name}: expected a stack of images, found one image of shape {self.shape}: np.asarray(images)[None] is a "
                "stack of one"
            )

    def _places(self, indices: npt.ArrayLike) -> Numbers:
        """Indices as the compiled half takes them, which checks their bounds."""
        places = np.asarray(indices)
        if places.dtype.kind not in "iu":
            if places.size or isinstance(indices, np.ndarray):
                raise NoSuchImageError(f"{self._name}: expected integers as indices, found {places.dtype}")
        elif places.dtype == np.uint64:
            # The largest are no negative indices.
            places = np.minimum(places, np.uint64(2**63 - 1))
        return np.ascontiguousarray(places, np.int64).reshape(places.shape)

    def _read(
        self,
        places: Numbers | Range,
        leading: tuple[int, ...],
        out: Array | None = None,
        dtype: npt.DTypeLike | None = None,
        packed: bool = False,
    ) -> Array:
        """The images at these places, as an array of the leading shape by that of an item."""
        size = self._image_size
        if size is None:
            raise InputError(
                f"{self._name}: the images differ in size, so there is no array of them: read them one by one, images[i], or by key"
            )
        if packed:
            item = (*self._shape[1 : -1 - self._trailing], -(-size[1] // 8))
            wanted: np.dtype[Any] = np.dtype(np.uint8)
            if dtype is not None and np.dtype(dtype) != wanted:
                raise InputError(f"{self._name}: packed rows are uint8, found dtype {np.dtype(dtype)}")
        else:
            item = tuple(self._shape[1:])
            own = getattr(out, "dtype", self.dtype)
            wanted = np.dtype(own if dtype is None else dtype)
            if wanted.kind not in "biuf":
                raise InputError(f"{self._name}: expected a dtype of bool, integers or floats, found {wanted}")
        shape = leading + item
        if out is None:
            if math.prod(shape) * wanted.itemsize > _LARGE:
                size_in_bytes = size[0] * (item[-1] if packed else size[1]) * wanted.itemsize
                self._check(places, min(size_in_bytes, 2**63 - 1))
            out = new(self._name, shape, wanted)
        else:
            self._check_out(out, shape, wanted)
        # An array without pixels has no bytes to look at.
        items = out.reshape(-1).view(np.uint8) if out.size else np.empty(0, np.uint8)
        self._read_into(places, items, None if packed else wanted.str)
        return out

    def _check_out(self, out: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        if not isinstance(out, np.ndarray):
            raise InputError(f"{self._name}: out: expected an ndarray, found {type(out).__name__}")
        if out.shape != shape or out.dtype != dtype:
            raise InputError(f"{self._name}: out: expected shape {shape} of {dtype}, found {out.shape} of {out.dtype}")
        if not (out.flags.c_contiguous and out.flags.aligned and out.flags.writeable):
            flags = f"C-contiguous {out.flags.c_contiguous}, aligned {out.flags.aligned}, writeable {out.flags.writeable}"
            raise InputError(f"{self._name}: out: expected an array to write to as it lies, found one that is {flags}")

    def _select(self, key: Any) -> Any:
        """What indexing gives, integers apart."""
        try:
            if self._is_one:
                return _contiguous(np.asarray(self)[key])
            before, first, rest = split(key, self.ndim)
            if self._image_size is None and not isinstance(first, (slice, list, np.ndarray)) and not before:
                image = self[operator.index(first)]
                return _contiguous(image[tuple(rest)]) if rest else image
            if before or not all(is_basic(part) for part in rest):
                batch, again = self._batch(first)
                return _contiguous(batch[(*before, *again, *rest)])
            return self._select_first(first, [] if all(part == slice(None) for part in rest) else rest)
        except TypeError as error:
            raise NoSuchImageError(f"{self._name}: expected an index as of arrays, found {key!r}: {error}") from None
        except IndexError as error:
            if isinstance(error, NoSuchImageError):
                raise
            raise NoSuchImageError(f"{self._name}: {error}") from None

    def _select_first(self, first: Any, rest: list[Any]) -> Any:
        """What is selected along the first dimension, and of it what slices and integers select."""
        if is_basic(first) and not isinstance(first, slice) and self.ndim <= 3:
            image = self[operator.index(first)]
            return _contiguous(image[tuple(rest)]) if rest else image
        batch, again = self._batch(first)
        if not rest:
            return batch if isinstance(again[0], slice) else batch[again]
        return _contiguous(batch[(*again, *rest)])

    def _batch(self, first: Any) -> tuple[Array, tuple[Any, ...]]:
        """Reads what an index selects along the first dimension; gives an array, and the index that selects the same of it."""
        if isinstance(first, slice):
            some = range(*first.indices(len(self)))
            # A step past the end is as good as any other.
            step = min(max(some.step, ~len(self)), len(self) + 1)
            return self._read((some.start, step, len(some)), (len(some),)), (slice(None),)
        if is_basic(first):
            return self._read(self._places([operator.index(first)]), (1,)), (0,)
        if isinstance(first, Images):
            first = np.asarray(first)
        given = np.asarray(first)
        if given.dtype != bool:
            numbers = self._places(first)
            batch = self._read(numbers.reshape(-1), (numbers.size,))
            return batch, (np.arange(numbers.size).reshape(numbers.shape),)
        self._check_mask(given)
        places = np.flatnonzero(given.any(tuple(range(1, given.ndim))))
        return self._read(places, (len(places),)), (given[places],)

    def _check_mask(self, mask: Array) -> None:
        if mask.shape != self.shape[: mask.ndim]:
            expected = self.shape[: min(mask.ndim, self.ndim)]
            raise NoSuchImageError(f"{self._name}: expected a mask of shape {expected}, found {mask.shape}")

    def _numbers(self, indices: Any) -> Numbers:
        """The places that a slice, an array of indices, or a mask of images stands for."""
        if isinstance(indices, slice):
            return np.arange(*indices.indices(len(self)))
        given = np.asarray(indices)
        if given.dtype != bool:
            return self._places(indices)
        self._check_mask(given)
        return np.flatnonzero(given)

    def __iter__(self) -> Iterator[Array]:
        if self._is_one:
            return iter(np.asarray(self))
        return (self[place] for place in range(len(self)))

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        if copy is False:
            raise InputError(f"{self._name}: images are decoded, so an array of them is a copy; expected copy=None or True")
        if dtype is not None and np.dtype(dtype) == bool != self.dtype:
            # Whatever is not zero is True, as in a cast; `take` gives the bits.
            return self.__array__().astype(bool)
        if self._is_one:
            image: Array = self._read(self._all(), (1,), None, dtype)[0]
            return image
        return self._read(self._all(), (len(self),), None, dtype)

    def __getitems__(self, indices: Sequence[int]) -> list[Array]:
        """Several images at once, as PyTorch's data loader asks for them."""
        if self._image_size is None:
            return [self[index] for index in indices]
        return list(self.take(indices))

    #: As Grain asks for them.
    _getitems = __getitems__

    def __reduce__(self) -> tuple[Any, ...]:
        from ._archive import _reopen_images

        return _reopen_images, (self._archive._origin(), self._saved_as, self._number, self._selected)

    def __repr__(self) -> str:
        name = self._name if self._saved_as is None else f"{self._name}[{self._saved_as!r}]"
        size = self._image_size
        sizes = "several sizes" if size is None else f"{size[0]} x {size[1]}"
        shape = "" if self.ndim < 4 else f", shape {self.shape}"
        count = 1 if self._is_one else len(self)
        text = f"Images {name}: {count} of {sizes}{shape}, {self.dtype}, {self.codec or 'packed'}"
        if self._selected is not None:
            return f"{text}, a subset"
        images = len(self) if size is None else math.prod(self.shape[: self.ndim - 2 - self._trailing])
        each = self.stored_bytes / max(images, 1)
        return f"{text}, {each:.1f} bytes each"

    def _repr_png_(self) -> bytes:
        return self.sheet().png

    def _repr_html_(self) -> str:
        text = repr(self).replace("&", "&amp;").replace("<", "&lt;")
        return f"<figure>{self.sheet()._repr_html_()}<figcaption>{text}</figcaption></figure>"


def _contiguous(part: Any) -> Any:
    return np.ascontiguousarray(part) if isinstance(part, np.ndarray) else part


class Keys(Sequence[str]):
    """The keys of an image set, worked out as they are asked for."""

    def __init__(self, images: Images) -> None:
        self._images = images
        if len(images) and images._key(0) is None:
            raise NoSuchKeyError(f"{images._name}: the images were saved as one stack and have no keys of their own")

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self._images._key(number) for number in range(*place.indices(len(self)))]
        number = operator.index(place)
        if not -len(self) <= number < len(self):
            raise NoSuchImageError(f"{self._images._name}: index {place} is out of bounds for {len(self)} keys")
        return self._images._key(number % len(self))

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._images._find(key) is not None

    def index(self, key: str, start: int = 0, stop: int | None = None) -> int:
        """The number of the image with this key."""
        place = self._images._find(key)
        if place is None or not start <= place < (len(self) if stop is None else stop):
            raise InputError(f"{self._images._name}: none of the images was saved under {key!r}")
        return place

    def __repr__(self) -> str:
        some = ", ".join(repr(key) for key in self[:3])
        return f"Keys([{some}{', ...' if len(self) > 3 else ''}], {len(self)} in all)"


class Sheet:
    """A picture of images side by side, which notebooks show.

    Attributes
    ----------
    png : bytes
        A PNG file.
    """

    def __init__(self, png: bytes) -> None:
        self.png = png

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the PNG file."""
        with open(path, "wb") as file:
            file.write(self.png)

    def _repr_png_(self) -> bytes:
        return self.png

    def _repr_html_(self) -> str:
        return f'<img src="data:image/png;base64,{base64.b64encode(self.png).decode()}" alt="images side by side">'
