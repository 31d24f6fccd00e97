"""Archives that are uploaded to a store as they are made: whole or not at all."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from tempfile import TemporaryDirectory
from typing import Any

from ._errors import ClosedError, FileError, FileMissingError, FilePermissionError, FilePresentError, InputError
from ._filesystem_file import FilesystemFile
from ._forks import Process
from ._store_failures import failure_of
from ._stored_object import StoredObject

#: A file in a store.
Stored = StoredObject | FilesystemFile

#: The bytes of a part. S3 takes 10,000 parts.
_PART_BYTES = 10 << 20

#: The most parts that are sent at a time. Few, as each must arrive within the store's time for a request, 30 seconds, and an
#: archive is seldom made faster than these are sent.
_MOST_PARTS = 2

#: So many bytes at the end of an archive tell it from others: its central directory has the checksums of its members.
_END_BYTES = 64 << 10

#: How long an upload that nobody wants may take to be removed, in seconds.
_ABORT_SECONDS = 2.0

#: What stores say of which nothing can come, before anything is written.
_HOPELESS = re.compile(
    r"\((NoSuchBucket|ContainerNotFound|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidToken"
    r"|AuthenticationFailed)\)"
)


class Upload:
    """An upload of an archive, which appears in its store when it is closed.

    It is sent in parts as it is made to a store of obstore; to a file system of fsspec when it is complete, from a temporary
    file.
    """

    def __init__(self, target: Stored) -> None:
        self.name = target.name
        self._process, self._is_open = Process(), True
        self._sink = _Parts(target) if isinstance(target, StoredObject) else _Spooled(target)

    def write(self, data: bytes) -> int:
        if not self._is_open:
            raise ClosedError(f"{self.name}: the upload is closed")
        self._sink.write(data)
        return len(data)

    def close(self) -> None:
        """Completes the upload: the object appears, or an error says why not. Closing again does nothing."""
        if self._is_open:
            self._is_open = False
            self._sink.complete()

    def abort(self) -> None:
        """Discards the upload. Does nothing once it is closed, and in a forked child."""
        if self._is_open and self._process.is_current():
            self._is_open = False
            self._sink.discard()

    def __del__(self) -> None:
        with suppress(Exception):
            self.abort()


class _Parts:
    """Parts that are sent to a store of obstore.

    Threads make the calls, so that Ctrl-C ends the wait for a store that does not answer.
    """

    def __init__(self, target: StoredObject) -> None:
        target.check_process()
        self._target, self._length, self._end = target, 0, b""
        concurrency = min(target.options().concurrency, _MOST_PARTS)
        try:
            open_writer = importlib.import_module("obstore").open_writer
            store, path = target.store_for_uploads(), target.path
            self._file = open_writer(store, path, buffer_size=_PART_BYTES, max_concurrency=concurrency)
        except (ImportError, TypeError, ValueError) as error:
            raise InputError(f"{target.name}: expected a store of obstore or a file system of fsspec: {error}") from None

    def write(self, data: bytes) -> None:
        self._call(f"writing {len(data)} bytes from byte {self._length}", lambda: self._file.write(data))
        self._length += len(data)
        self._end = (self._end + data)[-_END_BYTES:]

    def complete(self) -> None:
        try:
            self._call("completing the upload", self._file.close)
        except FileError:
            # The store may have completed it, lost the answer, and not have known it when it was asked again.
            if not self._is_there():
                raise

    def discard(self) -> None:
        # Left with an exception, it is removed from the store.
        wait([_in_thread(lambda: self._file.__exit__(InputError, InputError(), None))], _ABORT_SECONDS)

    def _call(self, what: str, call: Callable[[], Any]) -> None:
        try:
            _in_thread(call).result()
            return
        except Exception as error:  # noqa: BLE001
            failure = failure_of(error, self._target.name, what, repeats=True)
        raise failure.exception() from failure.cause

    def _is_there(self) -> bool:
        """Returns whether the object is there as it was sent."""
        try:
            return self._target.again().read_end(len(self._end)) == (self._length, self._end)
        except FileError:
            return False


def _in_thread(call: Callable[[], Any]) -> Future[Any]:
    """Makes a call in a thread of its own, which the end of the program does not wait for."""
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001
            future.set_exception(error)

    threading.Thread(target=run, name="bitnpz-upload", daemon=True).start()
    return future


class _Spooled:
    """A temporary file that is copied to a file system of fsspec.

    Most of these would show what is written before it is complete, and keep it after an exception.
    """

    def __init__(self, target: FilesystemFile) -> None:
        self._target, self._folder = target, TemporaryDirectory(prefix="bitnpz-")
        self._path = os.path.join(self._folder.name, "archive.npz")
        self._file = open(self._path, "wb")

    def write(self, data: bytes) -> None:
        self._file.write(data)

    def complete(self) -> None:
        try:
            self._file.close()
            self._target.put_file(self._path)
        finally:
            self.discard()

    def discard(self) -> None:
        self._file.close()
        self._folder.cleanup()


def start(target: Stored, mode: str) -> Upload:
    """Starts an upload. Mode "x" fails if there is such an object already; it is not looked for again at the end."""
    if mode == "x":
        check_absent(target)
    else:
        _check_reachable(target)
    return Upload(target)


def check_absent(target: Stored) -> None:
    """Checks that there is no such object yet."""
    try:
        target.again().read_end(_END_BYTES)
    except FileMissingError as error:
        if _HOPELESS.search(str(error)):
            raise
        return
    raise FilePresentError(f"{target.name}: expected no object of this name, found one")


def _check_reachable(target: Stored) -> None:
    """Raises an error if nothing can be written: before the work is done, not after it."""
    try:
        target.again().read_end(_END_BYTES)
    except (FileMissingError, FilePermissionError) as error:
        # Whoever may write need not be allowed to read.
        if _HOPELESS.search(str(error)):
            raise


@contextmanager
def uploading(target: Stored) -> Iterator[str]:
    """Yields the path of a temporary file, which is uploaded when it is complete."""
    _check_reachable(target)
    with TemporaryDirectory(prefix="bitnpz-") as folder:
        path = os.path.join(folder, "archive.npz")
        yield path
        if isinstance(target, FilesystemFile):
            target.put_file(path)
            return
        upload = Upload(target)
        try:
            with open(path, "rb") as file:
                shutil.copyfileobj(file, upload, _PART_BYTES)
        except BaseException:
            upload.abort()
            raise
        upload.close()
