"""Requests: many at a time, and again after a failure that may pass."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from ._forks import Process
from ._store_failures import Failure
from ._store_options import StoreOptions

_Answer = TypeVar("_Answer")

#: What is requested, for messages, and the function that requests it.
Request = tuple[str, Callable[[], Any]]

#: The longest pause before the second attempt, in seconds; it doubles with each further one.
_FIRST_PAUSE = 0.2

#: The longest pause of all.
_LONGEST_PAUSE = 10.0


class Requests:
    """Makes the requests of an archive, and of those beside it, in threads of its own.

    Threads let Ctrl-C end the wait for a store that does not answer, and they work where an event loop runs already.
    """

    def __init__(self, options: StoreOptions) -> None:
        self.options = options
        self._threads: tuple[Process, ThreadPoolExecutor] | None = None

    def make(self, requests: Sequence[Request], failure_of: Callable[[Exception, str], Failure]) -> list[Any]:
        """Returns the answers to requests. `failure_of` says what an exception means, given what was requested."""
        stop = threading.Event()

        def persist(what: str, request: Callable[[], Any]) -> Any:
            return repeat(request, lambda error: failure_of(error, what), self.options, stop)

        pool = self._pool()
        futures = [pool.submit(persist, *request) for request in requests]
        try:
            return _answers(futures)
        finally:
            # After a failure, or Ctrl-C, nobody wants the rest.
            stop.set()
            while futures:
                futures.pop().cancel()

    def _pool(self) -> ThreadPoolExecutor:
        """Returns the threads; a forked child makes its own."""
        if self._threads is None or not self._threads[0].is_current():
            self._threads = Process(), ThreadPoolExecutor(self.options.concurrency, thread_name_prefix="bitnpz-requests")
        return self._threads[1]


def _answers(futures: list[Future[Any]]) -> list[Any]:
    """Waits for all answers, or raises the first failure.

    The failure has this call in its traceback, so that a variable with the future that failed would keep it, and all the callers'
    variables, until garbage is collected.
    """
    wait(futures, return_when=FIRST_EXCEPTION)
    failed = (future.exception() for future in futures if future.done() and not future.cancelled())
    if (failure := next((error for error in failed if error is not None), None)) is not None:
        try:
            raise failure
        finally:
            del failure, failed
    return [future.result() for future in futures]


def repeat(
    request: Callable[[], _Answer],
    failure_of: Callable[[Exception], Failure],
    options: StoreOptions,
    stop: threading.Event | None = None,
) -> _Answer:
    """Makes a request until it succeeds, fails for good, or was made as often and as long as the options say.

    Raises the last failure. A `stop` that is set ends it early.
    """
    stop = stop or threading.Event()
    started, attempts = time.monotonic(), 0
    while True:
        attempts += 1
        try:
            return request()
        except Exception as error:  # noqa: BLE001
            failure = failure_of(error)
        # At random, so that many readers do not come back at the same time.
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (attempts - 1)) * random.uniform(0.5, 1)
        is_late = time.monotonic() + pause - started > options.timeout
        if not failure.may_pass or attempts >= options.attempts or is_late or stop.wait(pause):
            # Raised here, outside `except`: the cause may show a password, and is given only where it does not.
            raise failure.exception(attempts) from failure.cause
