"""Paths: as the operating system takes them, and as messages show them."""

from __future__ import annotations

import io
import os
from contextlib import suppress
from typing import IO

from ._errors import InputError
from ._urls import Url, is_url

Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]


def shown(path: Path) -> str:
    """Returns a path or URL for messages, without a password, and with bytes that are not valid text escaped."""
    if is_url(path):
        return Url(str(path)).shown
    return os.fsencode(path).decode(errors="backslashreplace")


def check_apart(source: str, target: str) -> None:
    """Checks that what is written does not replace the file that is read meanwhile."""
    with suppress(OSError):
        if os.path.samefile(source, target):
            raise InputError(f"{shown(target)}: expected another file than the one that is read, found the same")


def local(path: Path) -> str:
    """Returns a path, that of a `file://` URL as well, and refuses other URLs."""
    if not is_url(path):
        return os.fsdecode(path)
    url = Url(str(path))
    if not url.is_local:
        raise InputError(
            f"{url.shown}: expected a path, found a URL: load, commit and gc read what is at a URL, and save, Writer, merge, split "
            "and shard write to one; all others need a file of this machine"
        )
    return url.local_path


def with_ending(path: Path) -> str:
    """Returns a path to write to, with `.npz` appended as `numpy.savez` does. Devices and pipes keep their names."""
    name = local(path)
    # A folder `train` is no reason not to write `train.npz`, but `train/` and `..` can only be folders.
    may_be_file = os.path.basename(name) not in ("", os.curdir, os.pardir)
    is_special = os.path.exists(name) and not os.path.isfile(name) and not (os.path.isdir(name) and may_be_file)
    return name if is_special or name.endswith(".npz") else name + ".npz"


def check_writeable(file: IO[bytes]) -> None:
    """Checks that bytes can be written to an open file."""
    if not hasattr(file, "write"):
        raise InputError(f"file: expected a path or an open binary file, found {type(file).__name__}")
    if isinstance(file, io.TextIOBase):
        raise InputError('file: expected a file opened in binary mode, found one in text mode: use open(path, "wb")')
