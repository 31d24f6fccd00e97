"""Passes arrays between NumPy and the compiled half."""

from __future__ import annotations

import ast
import io
import sys
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.lib import format as npy

from . import _bitnpz
from ._errors import InputError, KeyTypeError, LimitError, StorageWarning
from ._objects import to_plain

#: The compiled half has checked the header already, so its length needs no limit.
_NO_HEADER_LIMIT = 2**31

#: So many arrays that have as many rows as there are images may be labels of them; more are images.
_MOST_LABELS = 7

#: The kinds of dtypes that a `.npy` file can hold without pickling.
_NPY_KINDS = "biufcSUVMm"

#: An array as the compiled half takes it: the dtype's type string, shape, memory order and bytes; or a `.npy` file.
Items = tuple[str, tuple[int, ...], Literal["C", "F"], np.ndarray[Any, np.dtype[np.uint8]]] | tuple[bytes]


def check_key(key: object) -> str:
    """Checks that a key is a str."""
    if not isinstance(key, str):
        raise KeyTypeError(f"expected a key of type str, found {key!r} of type {type(key).__name__}")
    return key


def to_array(key: str, value: Any) -> np.ndarray[Any, Any]:
    """Converts a value to an array that can be stored."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InputError(f"{key!r}: {error}; save images that differ in size one by one, each under its key") from None
    if array.dtype.kind in "OT":
        plain = to_plain(key, array.astype(object))
        warn(f"{key!r}: an array of {_dtype_name(array.dtype)} is stored and loaded as {plain.dtype}")
        return plain
    if array.dtype.hasobject:
        raise InputError(f"{key!r}: expected fields of numbers, bools or strings, found Python objects ({array.dtype})")
    if array.dtype.isbuiltin == 2 or array.dtype.kind not in _NPY_KINDS:
        raise InputError(
            f"{key!r}: expected a built-in dtype of NumPy, found {array.dtype.name}, which a .npy file cannot name; "
            f"store array.view(np.uint{8 * array.dtype.itemsize}), and view it as {array.dtype.name} after loading"
        )
    return array


def _dtype_name(dtype: np.dtype[Any]) -> str:
    return "Python objects" if dtype.kind == "O" else str(dtype)


def _stacklevel() -> int:
    """Returns the number of calls between `warnings.warn` and the user's code."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("bitnpz"):
        frame, level = frame.f_back, level + 1
    return level


def warn(message: str) -> None:
    """Issues a warning at the line of the user's code that called the package."""
    warnings.warn(message, StorageWarning, stacklevel=_stacklevel())


def to_items(array: np.ndarray[Any, Any]) -> Items:
    """Converts an array for the compiled half; dtypes with fields go as a `.npy` file."""
    if array.dtype.names is not None or array.dtype.subdtype is not None:
        file = io.BytesIO()
        npy.write_array(file, array, allow_pickle=False)
        return (file.getvalue(),)
    order: Literal["C", "F"] = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    # An array without items has no last axis that could be viewed as bytes.
    if array.nbytes == 0:
        data = np.empty(0, np.uint8)
    else:
        data = np.ascontiguousarray(array.T if order == "F" else array).reshape(-1).view(np.uint8)
    return array.dtype.str, array.shape, order, data


def new(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """Creates an array, or raises `LimitError` if NumPy does not support the shape."""
    try:
        return np.empty(shape, dtype)
    except ValueError as error:
        raise LimitError(f"{name}: expected a shape that NumPy supports, found {shape} of {dtype}: {error}") from None


def empty(
    descr: str, shape: list[int], order: Literal["C", "F"]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, np.dtype[np.uint8]]]:
    """Creates an array for the compiled half, which has checked the shape; also returns its bytes, to be filled."""
    dtype: np.dtype[Any] = npy.descr_to_dtype(ast.literal_eval(descr))
    array = np.empty(shape, dtype, order=order)
    return array, (array.T if order == "F" else array).reshape(-1).view(np.uint8)


def from_npy(data: bytes) -> np.ndarray[Any, Any]:
    """Reads the array of a `.npy` file that the compiled half has checked."""
    array: np.ndarray[Any, Any] = npy.read_array(io.BytesIO(data), allow_pickle=False, max_header_size=_NO_HEADER_LIMIT)
    return array


def from_member(data: bytes, name: str, limits: dict[str, int] | None) -> Any:
    """Returns what `np.load` returns for a member whose name does not end in `.npy`: its array if it has one, else its bytes."""
    return _bitnpz._read_npy(data, name, limits) if data.startswith(npy.MAGIC_PREFIX) else data


def labels_in(items: Sequence[tuple[str, object]]) -> set[str]:
    """Returns the keys of arrays that have an item for each of the images, which have keys of their own."""
    shapes = {key: value.shape for key, value in items if isinstance(value, np.ndarray) and value.ndim == 2}
    if not shapes:
        return set()
    (shape, count), *_ = Counter(shapes.values()).most_common(1)
    labels = {key for key, other in shapes.items() if other != shape and other[0] == count > other[1]}
    rows = max(other[0] for key, other in shapes.items() if key not in labels)
    return labels if len(labels) <= _MOST_LABELS < count and count >= 2 * rows else set()
