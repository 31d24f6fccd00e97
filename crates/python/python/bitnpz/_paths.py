"""Paths: as the operating system takes them, and as messages show them."""

from __future__ import annotations

import io
import os
from typing import IO

from ._errors import InputError
from ._urls import is_url

Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]


def shown(path: Path) -> str:
    """Returns a path for messages, with bytes that are not valid text escaped."""
    return os.fsencode(path).decode(errors="backslashreplace")


def local(path: Path) -> str:
    """Returns a path, and refuses a URL."""
    if is_url(path):
        raise InputError(
            f"{shown(path)}: expected a path, found a URL: load, commit and gc take URLs; to write to a store, give a file that obstore "
            "or fsspec has opened"
        )
    return os.fsdecode(path)


def with_ending(path: Path) -> str:
    """Returns a path to write to, with `.npz` appended as `numpy.savez` does. Devices, pipes and folders keep their names."""
    name = local(path)
    is_special = os.path.exists(name) and not os.path.isfile(name)
    return name if is_special or name.endswith(".npz") else name + ".npz"


def check_writeable(file: IO[bytes]) -> None:
    """Checks that bytes can be written to an open file."""
    if not hasattr(file, "write"):
        raise InputError(f"file: expected a path or an open binary file, found {type(file).__name__}")
    if isinstance(file, io.TextIOBase):
        raise InputError('file: expected a file opened in binary mode, found one in text mode: use open(path, "wb")')
