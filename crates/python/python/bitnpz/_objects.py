"""Arrays of Python objects as the arrays of NumPy that hold them exactly."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._errors import InputError

_HELP = (
    "these are programs, not data, and not stored. Convert them first: missing values to '' or NaN, mixed ones to one type; "
    "images that differ in size are saved one by one, each under its key"
)

#: Every item of an array of strings takes the bytes of the longest: no more in all than this.
_MOST_BYTES = 1 << 30

_Array = np.ndarray[Any, np.dtype[Any]]


def to_plain(key: str, objects: _Array) -> _Array:
    """The array of one dtype that holds these items exactly: of str, bytes, bool, int or float."""
    items = [item.item() if isinstance(item, np.generic) else item for item in objects.reshape(-1).tolist()]
    kinds = {type(item) for item in items} or {str}
    if len(kinds) > 1 or not kinds <= {str, bytes, bool, int, float}:
        raise InputError(f"{key!r}: expected numbers, bools or strings, found {_found(items, objects)}: {_HELP}")
    (kind,) = kinds
    if kind in (str, bytes):
        _check_texts(key, items, 4 if kind is str else 1)
    try:
        plain = np.array(items, _dtype(kind, items)).reshape(objects.shape)
    except OverflowError:
        raise InputError(f"{key!r}: expected integers of up to 64 bits, found larger ones") from None
    if kind is int and plain.dtype.kind not in "iu":
        raise InputError(f"{key!r}: expected integers of one 64-bit type, found negative ones and some of 2**63 or more")
    return plain


def _dtype(kind: type, items: list[Any]) -> Any:
    if kind is not int:
        return kind
    return np.uint64 if max(items) >= 2**63 and min(items) >= 0 else np.int64


def _check_texts(key: str, items: list[Any], size: int) -> None:
    """NumPy takes zeros at the end of a text for nothing."""
    zero: Any = "\0" if size == 4 else b"\0"
    for number, item in enumerate(items):
        if item.endswith(zero):
            raise InputError(f"{key!r}: item {number} ends in a zero character, which an array of strings does not keep")
    longest = max((len(item) for item in items), default=0)
    if len(items) * longest * size > _MOST_BYTES:
        raise InputError(
            f"{key!r}: the longest of {len(items)} strings has {longest} characters, and an array has as many for each; "
            "store them joined, as one array of bytes and one of where each starts"
        )


def _found(items: list[Any], objects: _Array) -> str:
    """What the items are, and the first that differs from the one before."""
    first = type(items[0])
    for number, item in enumerate(items):
        if type(item) is not first:
            return f"an array of Python objects, item 0 of {first.__name__}, item {number} ({item!r:.40}) of {type(item).__name__}"
    return f"an array of Python objects ({first.__name__})"
