"""`StoredArray`: read-only arrays, such as labels, of which only what is wanted is read."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from . import _bitnpz
from ._arithmetic import Array
from ._arrays import new
from ._errors import InputError, NoSuchImageError
from ._file_array import FileArray, IndexArray, IndexRange, contiguous
from ._indexing import is_all, is_basic, split
from ._reopen import open_array, reopen

if TYPE_CHECKING:
    from ._archive_file import ArchiveFile


class StoredArray(_bitnpz.StoredArray, FileArray):
    """An ordinary array of 1 MiB or more beside image sets, such as labels, whose items are read on demand.

    Indexing along the first axis reads what it selects, from a store too, and returns a new array; checksums are verified, but
    not of slices of an array that is stored without compression. Operators (`labels == 3`), methods of arrays (`labels.max()`)
    and functions of NumPy read all of it, as `numpy.asarray(labels)` does: use that where an `ndarray` is expected. `NpzFile` returns it for arrays that bitnpz has saved in parts, and smaller ones as `ndarray`.

    Attributes
    ----------
    shape : tuple of int
    dtype : numpy.dtype

    Examples
    --------
    >>> glyphs = np.random.default_rng(0).random((200_000, 8, 8)) < 0.2
    >>> bitnpz.save("training.npz", {"glyphs": glyphs, "labels": np.arange(200_000) // 100})
    >>> labels = bitnpz.load("training.npz")["labels"]
    >>> labels
    StoredArray training.npz['labels']: shape (200000,), int64
    >>> labels[1000:1003], labels[[7, -1]], labels.shape
    (array([10, 10, 10]), array([   0, 1999]), (200000,))
    """

    _items = "items"

    def __init__(self, base: _bitnpz.StoredArray, archive: ArchiveFile, key: str) -> None:
        self._archive, self._key = archive, key
        self._public_shape = tuple(self._shape)
        self._numpy_dtype = npy.descr_to_dtype(ast.literal_eval(self._descr))

    def __len__(self) -> int:
        return self.shape[0]

    def take(self, indices: npt.ArrayLike, out: Array | None = None, *, axis: int = 0) -> Array:
        """Reads the items with these indices along the first axis.

        Parameters
        ----------
        indices : array_like of int
            Indices in an array of any shape; negative ones count from the end.
        out : ndarray, optional
            The array to write to: of the shape and dtype of the result, C-contiguous, aligned and writeable.
        axis : int
            0. For others use `numpy.take` on `numpy.asarray(array)`.

        Raises
        ------
        NoSuchImageError
            If an index is out of bounds.
        InputError
            If `out` does not fit.
        """
        if axis not in (0, -self.ndim):
            raise InputError(f"{self._name}: axis: expected 0, found {axis}: use np.asarray(items).take(indices, axis={axis})")
        numbers = self._to_int64(indices)
        return self._read(numbers.reshape(-1), numbers.shape, out)

    def _read(
        self, indices: IndexArray | IndexRange, leading: tuple[int, ...], out: Array | None = None
    ) -> Array:
        shape = leading + self.shape[1:]
        self._check_limit(min(math.prod(shape) * self.itemsize, 2**63))
        if out is None:
            out = new(self._name, shape, self.dtype)
        else:
            self._check_out(out, shape, self.dtype)
        if out.nbytes == 0:
            if not isinstance(indices, tuple):
                self._check_indices(indices)
            return out
        data = out.reshape(-1).view(np.uint8)
        if isinstance(indices, tuple):
            start, step, count = indices
            if step == 1:
                self._read_into(start, data)
                return out
            indices = start + step * np.arange(count, dtype=np.int64)
        self._take_into(indices, data)
        return out

    def _check_indices(self, indices: IndexArray) -> None:
        outside = indices[(indices < -len(self)) | (indices >= len(self))]
        if outside.size:
            raise NoSuchImageError(f"{self._name}: index {outside[0]} is out of bounds for {len(self)} items")

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str) or (isinstance(key, list) and key and isinstance(key[0], str)):
            return np.asarray(self)[key]
        try:
            before, first, rest = split(key, self.ndim)
            batch, of_batch = self._batch(first)
            if not before and isinstance(of_batch[0], slice) and all(is_basic(part) and is_all(part) for part in rest):
                return batch
            return contiguous(batch[(*before, *of_batch, *rest)])
        except IndexError as error:
            if isinstance(error, NoSuchImageError):
                raise
            raise NoSuchImageError(f"{self._name}: {error}") from None

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """Reads several items at once. PyTorch's `DataLoader` calls this."""
        return list(self.take(indices))

    #: Grain calls it by this name.
    _getitems = __getitems__

    def __iter__(self) -> Iterator[Any]:
        return iter(np.asarray(self))

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        if copy is False:
            raise InputError(f"{self._name}: expected copy=None or True, as items that are read are always a copy")
        array = self._read((0, 1, len(self)), (len(self),))
        return array if dtype is None else array.astype(dtype, copy=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return reopen, (open_array, (self._archive._origin(), self._key))

    def __repr__(self) -> str:
        return f"StoredArray {self._name}[{self._key!r}]: shape {self.shape}, {self.dtype}"
