"""Windows of images that are requested from a store before they are read."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from ._forks import Process
from ._images import Images

#: Ranges of images: where each starts and ends.
Window = list[tuple[int, int]]


class Windows:
    """Requests the images of one window while those of the window before it are read. Does nothing for a file on disk."""

    def __init__(self, images: Images) -> None:
        self._images = images
        self._current: Window = []
        #: The window that was requested ahead, and its request.
        self._ahead: tuple[Window, Future[None]] | None = None
        #: The thread that requests ahead, and the process that it is in: a forked child does not have it.
        self._background: tuple[Process, ThreadPoolExecutor] | None = None

    def enter(self, window: Window, following: Window) -> None:
        """Waits until the images of a window have been requested, and requests those of the one that follows it, if there is one."""
        if window == self._current or not self._images._is_read_by_range:
            return
        if self._background is None or not self._background[0].is_current():
            self._background, self._ahead = (Process(), ThreadPoolExecutor(1, thread_name_prefix="bitnpz-windows")), None
        if self._ahead is not None and self._ahead[0] == window:
            self._ahead[1].result()
        else:
            self._images._prefetch(window)
        self._current, self._ahead = window, None
        if following:
            self._ahead = following, self._background[1].submit(self._images._prefetch, following)

    def __reduce__(self) -> tuple[Any, ...]:
        return Windows, (self._images,)
