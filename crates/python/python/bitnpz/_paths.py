"""Paths, as the system has them and as messages show them."""

from __future__ import annotations

import io
import os
from typing import IO

from ._errors import InputError

Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]


def shown(path: Path) -> str:
    """A path for people to read: what is no text in it escaped."""
    return os.fsencode(path).decode(errors="backslashreplace")


def with_ending(path: Path) -> str:
    """A path to write to, with `.npz` at its end as `numpy.savez` has it. Devices, pipes and folders keep their names."""
    name = os.fsdecode(path)
    is_other = os.path.exists(name) and not os.path.isfile(name)
    return name if is_other or name.endswith(".npz") else name + ".npz"


def check_writeable(file: IO[bytes]) -> None:
    """That bytes can be written to a file."""
    if not hasattr(file, "write"):
        raise InputError(f"file: expected a path or an open binary file, found {type(file).__name__}")
    if isinstance(file, io.TextIOBase):
        raise InputError('file: expected a file open for bytes, found one open for text: open(path, "wb")')
