"""Windows of images that are requested from a store before they are read."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

from ._images import Images

#: Ranges of images: where each starts and ends.
Window = list[tuple[int, int]]


class Windows:
    """Requests the images of one window while those of the window before it are read. Does nothing for a file on disk. For one thread."""

    def __init__(self, images: Images) -> None:
        self._images = images
        self._current: Window = []
        #: The window that was requested ahead, and its request.
        self._ahead: tuple[Window, Future[None]] | None = None
        #: The thread that requests ahead.
        self._background: ThreadPoolExecutor | None = None

    def enter(self, window: Window, following: Window) -> None:
        """Waits until the images of a window have been requested, and requests those of the one that follows it, if there is one."""
        if window == self._current or not self._images._is_read_by_range:
            return
        if self._background is None:
            self._background = ThreadPoolExecutor(1, thread_name_prefix="bitnpz-windows")
        # A request that failed is not waited for again.
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[0] == window:
            ahead[1].result()
        else:
            self._images._prefetch(window)
        self._current = window
        if following:
            self._ahead = following, self._background.submit(self._images._prefetch, following)
