"""Paths, as the system has them and as messages show them."""

from __future__ import annotations

import os

Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]


def shown(path: Path) -> str:
    """A path for people to read: what is no text in it escaped."""
    return os.fsencode(path).decode(errors="backslashreplace")
