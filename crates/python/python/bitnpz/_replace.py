"""Replacing a file: readers find the old one or the new one, whole."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from uuid import uuid4


def replace_file(path: str | os.PathLike[str], data: bytes) -> None:
    """Writes a file. A file that it replaces keeps its permissions, and is unchanged after an exception."""
    # A link stays one.
    target = os.path.realpath(os.fsdecode(path))
    if os.path.exists(target) and not os.path.isfile(target):
        # A device or a pipe is written to, not replaced.
        with open(target, "wb") as file:
            file.write(data)
        return
    temporary = os.path.join(os.path.dirname(target), f".{uuid4().hex}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(target):
            os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))
        os.replace(temporary, target)
    except BaseException as error:
        with suppress(OSError):
            os.remove(temporary)
        if isinstance(error, OSError):
            error.filename = os.fsdecode(path)
        raise
