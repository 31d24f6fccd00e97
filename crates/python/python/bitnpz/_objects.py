"""Converts arrays of Python objects to NumPy dtypes that hold the same values exactly."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._errors import InputError

_ADVICE = (
    "pickled objects can run code and are not stored. Convert them first: missing values to '' or NaN, mixed types to one; "
    "save images that differ in size one by one, each under its key"
)

#: Every item of an array of strings takes as many bytes as the longest, so one long text among many could fill the memory.
_MAX_STRING_BYTES = 1 << 30

_Array = np.ndarray[Any, np.dtype[Any]]


def to_plain(key: str, objects: _Array) -> _Array:
    """Returns an array of str, bytes, bool, int or float that holds exactly these items."""
    items = [item.item() if isinstance(item, np.generic) else item for item in objects.reshape(-1).tolist()]
    kinds = {type(item) for item in items} or {str}
    if len(kinds) > 1 or not kinds <= {str, bytes, bool, int, float}:
        raise InputError(f"{key!r}: expected numbers, bools or strings, found {_describe(items, objects)}: {_ADVICE}")
    (kind,) = kinds
    if kind in (str, bytes):
        _check_strings(key, items, kind)
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


def _check_strings(key: str, items: list[Any], kind: type) -> None:
    """Checks that an array of strings keeps these items, of type str or bytes, and that it is not too large."""
    zero: Any = "\0" if kind is str else b"\0"
    for number, item in enumerate(items):
        # NumPy pads strings with zeros, and strips those at the end.
        if item.endswith(zero):
            raise InputError(f"{key!r}: item {number} ends in a zero character, which an array of strings does not keep")
    longest = max((len(item) for item in items), default=0)
    if len(items) * longest * (4 if kind is str else 1) > _MAX_STRING_BYTES:
        raise InputError(
            f"{key!r}: the longest of {len(items)} strings has {longest} characters, and an array takes as many for each; "
            "store them joined, as one array of bytes and one of offsets"
        )


def _describe(items: list[Any], objects: _Array) -> str:
    """Describes the items by their type, and by the first item of another type."""
    first = type(items[0])
    for number, item in enumerate(items):
        if type(item) is not first:
            types = f"item 0 of {first.__name__}, item {number} ({item!r:.40}) of {type(item).__name__}"
            return f"an array of Python objects, {types}"
    return f"an array of Python objects ({first.__name__})"
