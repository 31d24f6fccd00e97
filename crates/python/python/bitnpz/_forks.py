"""Forks of this process while its threads are at work."""

from __future__ import annotations

import os

from . import _bitnpz


class Process:
    """The process that made something. A forked child has none of that process's threads."""

    def __init__(self) -> None:
        self._id = os.getpid()

    def is_current(self) -> bool:
        """Returns whether this is the process, and not a fork of it."""
        return self._id == os.getpid()


def prepare_for_forks() -> None:
    """Makes every fork wait until no thread is in the middle of setting up what a process has only once."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=_bitnpz._before_fork, after_in_parent=_bitnpz._after_fork, after_in_child=_bitnpz._after_fork
        )
