"""Pieces: what is requested at a time, in place of the ranges that are wanted."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

#: Longer ranges are requested in pieces, at the same time: one stream of a store is slower than the network.
PIECE_BYTES = 4 << 20

#: Where a piece starts and ends, in bytes.
Piece = tuple[int, int]


def pieces_of(starts: Sequence[int], ends: Sequence[int], gap: int) -> list[Piece]:
    """Returns what to request for ranges in ascending order: ranges that lie close together as one, long ones as several."""
    spans: list[Piece] = []
    for start, end in zip(starts, ends, strict=True):
        if start >= end:
            continue
        if spans and start - spans[-1][1] <= gap:
            spans[-1] = spans[-1][0], max(spans[-1][1], end)
        else:
            spans.append((start, end))
    pieces = []
    for start, end in spans:
        count = -(-(end - start) // PIECE_BYTES)
        cuts = [start + (end - start) * number // count for number in range(count + 1)]
        pieces += list(zip(cuts, cuts[1:]))
    return pieces


def ranges_in(pieces: Sequence[Piece], bodies: Sequence[bytes], starts: Sequence[int], ends: Sequence[int]) -> list[bytes]:
    """Returns the bytes of ranges, which the bodies of pieces hold."""
    places = [start for start, _ in pieces]
    found = []
    for start, end in zip(starts, ends, strict=True):
        parts = []
        number = bisect_right(places, start) - 1
        while start < end:
            first, last = pieces[number]
            stop = min(end, last)
            # The whole of `bytes` is no copy.
            parts.append(bodies[number][start - first : stop - first])
            start, number = stop, number + 1
        found.append(parts[0] if len(parts) == 1 else b"".join(parts))
    return found
