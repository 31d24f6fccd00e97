"""Indices of arrays of which only the first dimension is looked up in a file."""

from __future__ import annotations

from typing import Any

import numpy as np


def split(key: Any, ndim: int) -> tuple[list[Any], Any, list[Any]]:
    """Splits an index into what makes new dimensions, what selects along the first dimension, and what is behind it."""
    parts = list(key) if isinstance(key, tuple) else [key]
    used = sum(_dimensions(part) for part in parts)
    fill = [slice(None)] * max(ndim - used, 0)
    dots = [place for place, part in enumerate(parts) if part is ...]
    if len(dots) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    parts[dots[0] if dots else len(parts) : dots[0] + 1 if dots else len(parts)] = fill
    first = next(place for place, part in enumerate(parts) if _dimensions(part))
    return parts[:first], parts[first], parts[first + 1 :]


def _dimensions(part: Any) -> int:
    """How many dimensions of the array a part of an index stands for."""
    if part is None or part is ... or isinstance(part, (bool, np.bool_)):
        return 0
    if isinstance(part, (slice, int)) or not hasattr(part, "__len__"):
        return 1
    array = np.asarray(part)
    return array.ndim if array.dtype == bool else 1


def is_basic(part: Any) -> bool:
    """Whether it is a slice or an integer, of which each works on a dimension of its own."""
    return isinstance(part, slice) or (hasattr(part, "__index__") and not isinstance(part, (bool, np.bool_, np.ndarray)))
