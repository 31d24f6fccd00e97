"""Indices of arrays whose first axis is looked up in a file."""

from __future__ import annotations

from typing import Any

import numpy as np


def split(key: Any, ndim: int) -> tuple[list[Any], Any, list[Any]]:
    """Splits an index into the parts that add axes in front, the part for the first axis, and the parts after it."""
    parts = list(key) if isinstance(key, tuple) else [key]
    used = sum(_consumed_axes(part) for part in parts)
    fill = [slice(None)] * max(ndim - used, 0)
    dots = [position for position, part in enumerate(parts) if part is ...]
    if len(dots) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    parts[dots[0] if dots else len(parts) : dots[0] + 1 if dots else len(parts)] = fill
    first = next(position for position, part in enumerate(parts) if _consumed_axes(part))
    return parts[:first], parts[first], parts[first + 1 :]


def _consumed_axes(part: Any) -> int:
    """Returns the number of the array's axes that a part of an index consumes."""
    if part is None or part is ... or isinstance(part, (bool, np.bool_)):
        return 0
    if isinstance(part, (slice, int)) or not hasattr(part, "__len__"):
        return 1
    array = np.asarray(part)
    return array.ndim if array.dtype == bool else 1


def is_basic(part: Any) -> bool:
    """Returns whether a part of an index is a slice or an integer: basic indexing, which treats each axis by itself."""
    return isinstance(part, slice) or (hasattr(part, "__index__") and not isinstance(part, (bool, np.bool_, np.ndarray)))
