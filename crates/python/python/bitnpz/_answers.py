"""What stores answer: bytes of pieces, of a version of a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ._pieces import Piece
from ._store_failures import Kind, WrongAnswerError

#: The size of a file and its ETag, or when it was changed: what tells one version of it from another.
Version = tuple[int, str | None]


def shown(piece: Piece) -> str:
    """Returns a piece for messages."""
    return f"bytes {piece[0]} to {piece[1]}"


def check_version(found: Version, expected: Version) -> None:
    """Checks that an answer is of the version that was opened."""
    if found != expected:
        raise WrongAnswerError("changed", f"expected {_described(expected)}, found {_described(found)}")


def check_lengths(parts: Sequence[bytes], pieces: Sequence[Piece]) -> None:
    """Checks that answers are as long as what was requested."""
    if len(parts) != len(pieces):
        raise WrongAnswerError("truncated", f"expected {len(pieces)} ranges, found {len(parts)}")
    for part, (start, end) in zip(parts, pieces, strict=True):
        if len(part) != end - start:
            # A server that does not know ranges answers with the whole file.
            kind: Kind = "unsupported" if len(part) > end - start else "truncated"
            raise WrongAnswerError(kind, f"expected {end - start} bytes from byte {start}, found {len(part)}")


def read_end(file: Any, most: int) -> tuple[int, bytes]:
    """Returns the length of a file and its last bytes, at most so many, with two requests."""
    length = file.length()
    start = max(length - most, 0)
    return length, file.read_ranges([start], [length])[0] if start < length else b""


def _described(version: Version) -> str:
    return f"{version[0]} bytes of version {version[1]}"
