"""Progress of a call: a bar, a line, or the caller's own function."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from ._errors import InputError


class Progress(NamedTuple):
    """The images and bytes that `save` has encoded, and the bytes of all arrays. Bytes are counted as in memory."""

    images: int
    bytes: int
    total_bytes: int


#: The least seconds between two reports: ten a second look smooth and cost nothing.
_REPORT_INTERVAL = 0.1

#: The caller's function.
ProgressFunction = Callable[[Progress], object]

#: A function that takes the numbers of images and bytes done so far.
CountFunction = Callable[[int, int], None]


@contextmanager
def reporting(progress: bool | ProgressFunction, name: str, total: int) -> Iterator[CountFunction | None]:
    """Gives the function that a writer calls to report its progress, or None if nobody asked for it."""
    if not progress:
        yield None
        return
    bar = _bar(name, total) if progress is True else None
    report = bar.report if bar else progress
    if isinstance(report, bool) or not callable(report):
        raise InputError(f"progress: expected True, False or a function of one argument, found {progress!r}")
    reported_at, done = 0.0, Progress(0, 0, total)

    def count(images: int, array_bytes: int) -> None:
        nonlocal reported_at, done
        done = Progress(images, min(array_bytes, total), total)
        if time.monotonic() - reported_at >= _REPORT_INTERVAL:
            report(done)
            reported_at = time.monotonic()

    try:
        yield count
        report(done)
    finally:
        if bar:
            bar.close()


def _bar(name: str, total: int) -> _TqdmBar | _TextLine:
    try:
        return _TqdmBar(name, total)
    except ImportError:
        return _TextLine(name)


class _TqdmBar:
    """A bar of tqdm, in notebooks and in terminals."""

    def __init__(self, name: str, total: int) -> None:
        from tqdm.auto import tqdm

        self._bar = tqdm(total=total, desc=name, unit="B", unit_scale=True)

    def report(self, done: Progress) -> None:
        self._bar.set_postfix_str(f"{done.images:,} images", refresh=False)
        self._bar.update(done.bytes - self._bar.n)

    def close(self) -> None:
        self._bar.close()


class _TextLine:
    """A line on standard error that each report overwrites."""

    def __init__(self, name: str) -> None:
        self._name = name

    def report(self, done: Progress) -> None:
        share = done.bytes / done.total_bytes if done.total_bytes else 1
        text = f"{self._name}: {share:4.0%} of {done.total_bytes / 1e6:,.1f} MB, {done.images:,} images"
        print(f"\r{text}", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        print(file=sys.stderr)
