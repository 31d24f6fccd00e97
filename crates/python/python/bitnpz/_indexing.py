"""Indices of arrays whose first axis is looked up in a file."""

from __future__ import annotations

from typing import Any

import numpy as np


def split(key: Any, ndim: int) -> tuple[list[Any], Any, list[Any]]:
    """Splits an index into the parts before that for the first axis, the part for the first axis, and the parts after it.

    An ellipsis stays where it is, even if it stands for no axis: to NumPy it parts indices that are arrays, and makes an array of
    a single item.
    """
    parts = list(key) if isinstance(key, tuple) else [key]
    axes = [_consumed_axes(part) for part in parts]
    if sum(axes) > ndim:
        raise IndexError(f"too many indices: the array has {ndim} dimensions, and {sum(axes)} were indexed")
    dots = [position for position, part in enumerate(parts) if part is ...]
    if len(dots) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    first = next((position for position, used in enumerate(axes) if used), len(parts))
    unused = dots[0] if dots else len(parts)
    if sum(axes) < ndim and unused <= first:
        first = unused
        parts[first : first + 1] = [slice(None), ...]
    return parts[:first], parts[first], parts[first + 1 :]


def _consumed_axes(part: Any) -> int:
    """Returns the number of the array's axes that a part of an index consumes."""
    if part is None or part is ... or isinstance(part, (bool, np.bool_)):
        return 0
    if isinstance(part, (slice, int)) or not hasattr(part, "__len__"):
        return 1
    array = np.asarray(part)
    return array.ndim if array.dtype == bool else 1


def is_integer(part: Any) -> bool:
    """Returns whether a part of an index is an integer, and no array of one."""
    return hasattr(part, "__index__") and not isinstance(part, (bool, np.bool_, np.ndarray))


def is_basic(part: Any) -> bool:
    """Returns whether a part of an index is basic indexing, which treats each axis by itself: a slice, an integer or `...`."""
    return isinstance(part, slice) or part is ... or is_integer(part)


def is_all(part: Any) -> bool:
    """Returns whether a part of an index for which `is_basic` holds selects all of its axes."""
    return part is ... or part == slice(None)
