"""Arrays on their way between NumPy and the compiled half."""

from __future__ import annotations

import ast
import io
import sys
import warnings
from typing import Any

import numpy as np
from numpy.lib import format as npy

from ._errors import DamagedError, InputError, KeyTypeError, LimitError, StorageWarning
from ._objects import to_plain

_NO_LIMIT = 2**31

#: The kinds of dtypes that a `.npy` file can have.
_KINDS = "biufcSUVMm"


def check_key(key: object) -> str:
    if not isinstance(key, str):
        raise KeyTypeError(f"expected a key, which is a str, found {key!r} of {type(key).__name__}")
    return key


def to_array(key: str, value: Any) -> np.ndarray[Any, Any]:
    """The value as an array that can be stored."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InputError(f"{key!r}: {error}; images that differ in size are saved one by one, each under its key") from None
    if array.dtype.kind in "OT":
        plain = to_plain(key, array.astype(object))
        warn(f"{key!r}: an array of {_named(array.dtype)} is stored as {plain.dtype}, and comes back as that")
        return plain
    if array.dtype.hasobject:
        raise InputError(f"{key!r}: expected fields of numbers, bools or strings, found Python objects ({array.dtype})")
    if array.dtype.isbuiltin == 2 or array.dtype.kind not in _KINDS:
        raise InputError(
            f"{key!r}: expected a dtype of NumPy's own, found {array.dtype.name}, of which files do not say what it is; "
            f"store array.view(np.uint{8 * array.dtype.itemsize}), and view it as {array.dtype.name} when it is loaded"
        )
    return array


def _named(dtype: np.dtype[Any]) -> str:
    return "Python objects" if dtype.kind == "O" else str(dtype)


def _stacklevel() -> int:
    """How many calls above the one that warns the user's own code is."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("bitnpz"):
        frame, level = frame.f_back, level + 1
    return level


def warn(message: str) -> None:
    """Warns where the user's code called the package."""
    warnings.warn(message, StorageWarning, stacklevel=_stacklevel())


def to_items(array: np.ndarray[Any, Any]) -> tuple[Any, ...]:
    """What the compiled half takes: type string, shape, order and bytes, or a `.npy` file for dtypes with fields."""
    if array.dtype.names is not None or array.dtype.subdtype is not None:
        file = io.BytesIO()
        npy.write_array(file, array, allow_pickle=False)
        return (file.getvalue(),)
    fortran_order = array.flags.f_contiguous and not array.flags.c_contiguous
    if array.nbytes == 0:
        items = np.empty(0, np.uint8)
    else:
        items = np.ascontiguousarray(array.T if fortran_order else array).reshape(-1).view(np.uint8)
    return array.dtype.str, array.shape, fortran_order, items


def new(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """A new array, or the error that NumPy has none of this shape."""
    try:
        return np.empty(shape, dtype)
    except ValueError as error:
        raise LimitError(f"{name}: expected a shape that NumPy has arrays of, found {shape} of {dtype}: {error}") from None


def empty(
    descr: str, shape: list[int], fortran_order: bool
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, np.dtype[np.uint8]]]:
    """A new array, and its bytes as they lie, for the compiled half to fill. It has checked the shape."""
    dtype: np.dtype[Any] = npy.descr_to_dtype(ast.literal_eval(descr))
    array = np.empty(shape, dtype, order="F" if fortran_order else "C")
    return array, (array.T if fortran_order else array).reshape(-1).view(np.uint8)


def from_npy(data: bytes) -> np.ndarray[Any, Any]:
    """The array of a `.npy` file that the compiled half has checked."""
    array: np.ndarray[Any, Any] = npy.read_array(io.BytesIO(data), allow_pickle=False, max_header_size=_NO_LIMIT)
    return array


def from_member(data: bytes) -> Any:
    """What `np.load` gives for a member whose name does not end in `.npy`: an array if it is one, else the bytes."""
    if not data.startswith(npy.MAGIC_PREFIX):
        return data
    try:
        return npy.read_array(io.BytesIO(data), allow_pickle=False)
    except ValueError as error:
        raise DamagedError(str(error)) from None
