"""The options of a writer, and the messages for those that it refuses."""

from __future__ import annotations

import operator
from typing import Literal, get_args

from ._errors import InputError

Encoding = Literal["sets", "packed", "plain"]
Codec = Literal["contour", "pixel", "zstd", "raw"]
Effort = Literal["fast", "balanced", "smallest"]

#: The highest level of libdeflate.
_MAX_LEVEL = 12

#: Names of shards have five digits.
MAX_SHARDS = 99_999

#: More than any machine has cores: what is above is a mistake.
MAX_THREADS = 2**16


def check_options(
    encoding: Encoding | None,
    codec: Codec | None,
    effort: Effort,
    level: int | None,
    threads: int | None,
    model: object = None,
) -> None:
    """Checks that a writer has these options, and that they go together."""
    if encoding is not None and encoding not in get_args(Encoding):
        raise InputError(f"encoding: expected {_any_of(Encoding)}, found {encoding!r}")
    if codec is not None and codec not in get_args(Codec):
        raise InputError(f"codec: expected {_any_of(Codec)}, found {codec!r}")
    if codec is not None and encoding not in (None, "sets"):
        raise InputError(
            f'codec: expected none with encoding="{encoding}", found "{codec}": only image sets, encoding="sets", have a codec'
        )
    if model is not None and not hasattr(model, "codec"):
        raise InputError(f"model: expected a Model, as bitnpz.train returns it, found {type(model).__name__}")
    if model is not None and encoding not in (None, "sets"):
        raise InputError(f'model: expected none with encoding="{encoding}": only image sets, encoding="sets", have a model')
    if model is not None and codec not in (None, model.codec):
        raise InputError(f'codec: expected that of the model, "{model.codec}", or none, found "{codec}"')
    if effort not in get_args(Effort):
        raise InputError(f"effort: expected {_any_of(Effort)}, found {effort!r}")
    check_number("level", level, _MAX_LEVEL)
    check_number("threads", threads, MAX_THREADS)


def check_number(name: str, number: int | None, most: int) -> None:
    if number is None:
        return
    try:
        is_valid = 1 <= operator.index(number) <= most
    except TypeError:
        is_valid = False
    if not is_valid:
        raise InputError(f"{name}: expected a number from 1 to {most}, or None, found {number!r}")


def _any_of(names: object) -> str:
    *others, last = (f'"{name}"' for name in get_args(names))
    return f"{', '.join(others)} or {last}"
