"""What may be said about how an archive is written, and what is wrong with it if it may not."""

from __future__ import annotations

import operator
from typing import Literal, get_args

from ._errors import InputError

Encoding = Literal["sets", "packed", "plain"]
Codec = Literal["contour", "pixel", "zstd", "raw"]


def check_options(encoding: Encoding | None, codec: Codec | None, level: int | None, threads: int | None) -> None:
    """That these are options that a writer has, and that go together."""
    if encoding is not None and encoding not in get_args(Encoding):
        raise InputError(f"encoding: expected {_any(Encoding)}, found {encoding!r}")
    if codec is not None and codec not in get_args(Codec):
        raise InputError(f"codec: expected {_any(Codec)}, found {codec!r}")
    if codec is not None and encoding not in (None, "sets"):
        raise InputError(
            f'codec: expected none with encoding="{encoding}", found "{codec}": codecs are those of image sets, encoding="sets"'
        )
    _check_number("level", level, 12)
    _check_number("threads", threads, 2**16)


def _check_number(name: str, number: int | None, most: int) -> None:
    if number is None:
        return
    try:
        is_fit = 1 <= operator.index(number) <= most
    except TypeError:
        is_fit = False
    if not is_fit:
        raise InputError(f"{name}: expected a number from 1 to {most}, or None, found {number!r}")


def _any(names: object) -> str:
    *others, last = (f'"{name}"' for name in get_args(names))
    return f"{', '.join(others)} or {last}"
