"""How far a call has come, for people to see."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from ._errors import InputError


class Progress(NamedTuple):
    """How far `save` has come: images and bytes that are done, and the bytes of all arrays, as they are in memory."""

    images: int
    bytes: int
    total_bytes: int


#: Seconds between two reports at least.
_PAUSE = 0.1

Report = Callable[[Progress], object]
Watcher = Callable[[int, int], None]


@contextmanager
def watching(progress: bool | Report, name: str, total: int) -> Iterator[Watcher | None]:
    """What is to be told how many images and bytes are done, or None if nobody asked."""
    if not progress:
        yield None
        return
    bar = _bar(name, total) if progress is True else None
    report = bar.report if bar else progress
    if isinstance(report, bool) or not callable(report):
        raise InputError(f"progress: expected True, False or a function of one argument, found {progress!r}")
    last, done = 0.0, Progress(0, 0, total)

    def watch(images: int, of_bytes: int) -> None:
        nonlocal last, done
        done = Progress(images, min(of_bytes, total), total)
        if time.monotonic() - last >= _PAUSE:
            report(done)
            last = time.monotonic()

    try:
        yield watch
        report(done)
    finally:
        if bar:
            bar.close()


def _bar(name: str, total: int) -> _Tqdm | _Line:
    try:
        return _Tqdm(name, total)
    except ImportError:
        return _Line(name)


class _Tqdm:
    """A bar of tqdm's: in notebooks, and in terminals."""

    def __init__(self, name: str, total: int) -> None:
        from tqdm.auto import tqdm

        self._bar = tqdm(total=total, desc=name, unit="B", unit_scale=True)

    def report(self, done: Progress) -> None:
        self._bar.set_postfix_str(f"{done.images:,} images", refresh=False)
        self._bar.update(done.bytes - self._bar.n)

    def close(self) -> None:
        self._bar.close()


class _Line:
    """A line that is written again and again."""

    def __init__(self, name: str) -> None:
        self._name = name

    def report(self, done: Progress) -> None:
        share = done.bytes / done.total_bytes if done.total_bytes else 1
        text = f"{self._name}: {share:4.0%} of {done.total_bytes / 1e6:,.1f} MB, {done.images:,} images"
        print(f"\r{text}", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        print(file=sys.stderr)
