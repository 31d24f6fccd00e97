"""`FileArray`: what arrays in a file have in common whose items along the first axis are read on demand."""

from __future__ import annotations

import math
import operator
from abc import abstractmethod
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ._arithmetic import Array, ArrayArithmetic
from ._errors import InputError, NoSuchImageError
from ._indexing import is_integer

IndexArray = np.ndarray[Any, np.dtype[np.int64]]

#: The first index, the step, and the number of indices.
IndexRange = tuple[int, int, int]


class FileArray(ArrayArithmetic):
    """Reads what an index selects along the first axis."""

    _public_shape: tuple[int, ...]
    _numpy_dtype: np.dtype[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of `numpy.asarray(self)`, or `(n,)` for images that differ in size."""
        return self._public_shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype in which the array was saved."""
        return self._numpy_dtype

    @property
    def size(self) -> int:
        """The number of elements, or of images if they differ in size."""
        return math.prod(self.shape)

    @property
    def itemsize(self) -> int:
        """The bytes of an element of `numpy.asarray(self)`."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """The bytes of `numpy.asarray(self)`."""
        return self.size * self.itemsize

    @abstractmethod
    def __len__(self) -> int:
        """The number of items along the first axis."""

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @abstractmethod
    def _read(self, indices: IndexArray | IndexRange, leading: tuple[int, ...]) -> Array:
        """Reads items into an array of shape `leading + item`."""

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def _to_int64(self, indices: npt.ArrayLike) -> IndexArray:
        """Converts indices for the compiled half, which checks their bounds."""
        numbers = np.asarray(indices)
        if numbers.dtype.kind not in "iu":
            if numbers.size or isinstance(indices, np.ndarray):
                raise NoSuchImageError(f"{self._name}: expected integers as indices, found {numbers.dtype}")
        elif numbers.dtype == np.uint64:
            # Indices of 2**63 and more would become negative; clipped, they are out of bounds as they should be.
            numbers = np.minimum(numbers, np.uint64(2**63 - 1))
        return np.ascontiguousarray(numbers, np.int64).reshape(numbers.shape)

    def _check_out(self, out: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        if not isinstance(out, np.ndarray):
            raise InputError(f"{self._name}: out: expected an ndarray, found {type(out).__name__}")
        if out.shape != shape or out.dtype != dtype:
            raise InputError(f"{self._name}: out: expected shape {shape} of {dtype}, found {out.shape} of {out.dtype}")
        if not (out.flags.c_contiguous and out.flags.aligned and out.flags.writeable):
            flags = f"C-contiguous {out.flags.c_contiguous}, aligned {out.flags.aligned}, writeable {out.flags.writeable}"
            raise InputError(f"{self._name}: out: expected a C-contiguous, aligned and writeable array, found {flags}")

    def _batch(self, first: Any) -> tuple[Array, tuple[Any, ...]]:
        """Reads what an index selects along the first axis. Returns an array, and the index that selects the same from it."""
        if isinstance(first, slice):
            selected = range(*first.indices(len(self)))
            # A step that leads past the end may be any such step: this one fits in 64 bits.
            step = min(max(selected.step, ~len(self)), len(self) + 1)
            return self._read((selected.start, step, len(selected)), (len(selected),)), (slice(None),)
        if is_integer(first):
            return self._read(self._to_int64([operator.index(first)]), (1,)), (0,)
        if isinstance(first, FileArray):
            first = np.asarray(first)
        given = np.asarray(first)
        if given.dtype != bool:
            numbers = self._to_int64(first)
            batch = self._read(numbers.reshape(-1), (numbers.size,))
            return batch, (np.arange(numbers.size).reshape(numbers.shape),)
        self._check_mask(given)
        numbers = self._to_int64(np.flatnonzero(given.any(tuple(range(1, given.ndim)))))
        return self._read(numbers, (len(numbers),)), (given[numbers],)

    def _check_mask(self, mask: Array) -> None:
        if mask.shape != self.shape[: mask.ndim]:
            expected = self.shape[: min(mask.ndim, self.ndim)]
            raise NoSuchImageError(f"{self._name}: expected a mask of shape {expected}, found {mask.shape}")

    def _to_indices(self, selection: Any) -> IndexArray:
        """Converts a slice, an array of indices or a mask of images to indices."""
        if isinstance(selection, slice):
            return np.arange(*selection.indices(len(self)), dtype=np.int64)
        given = np.asarray(selection)
        if given.dtype != bool:
            return self._to_int64(selection)
        # A mask of pixels, or one without axes, selects no images.
        if given.ndim != 1:
            raise NoSuchImageError(f"{self._name}: expected a mask of shape {self.shape[:1]}, found {given.shape}")
        self._check_mask(given)
        return self._to_int64(np.flatnonzero(given))


def contiguous(part: Any) -> Any:
    """Returns a part of an array in C order. An array without axes stays one."""
    return np.asarray(part, order="C") if isinstance(part, np.ndarray) else part
