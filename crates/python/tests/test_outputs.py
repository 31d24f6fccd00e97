"""Archives that are written to open files, pipes and uploads."""

import gzip
import io
import os
import threading

import bitnpz
import numpy as np
import pytest

GLYPHS = np.random.default_rng(0).random((3000, 16, 16)) < 0.2
LABELS = np.arange(400_000) // 7


class Upload(io.RawIOBase):
    """An output that only takes bytes, a part of them at a time."""

    def __init__(self, fails_after=10**9):
        self.parts, self.left = [], fails_after

    def write(self, data):
        if self.left == 0:
            raise ConnectionError("the upload is gone")
        self.left -= 1
        taken = bytes(data[: max(len(data) // 2, 1)])
        self.parts.append(taken)
        return len(taken)


def check(data):
    archive = bitnpz.load(data)
    assert (np.asarray(archive["glyphs"]) == GLYPHS).all() and (np.asarray(archive["labels"]) == LABELS).all()
    assert archive.verify() == []


@pytest.mark.parametrize("encoding", ["sets", "packed", "plain"])
def test_a_pipe_gets_an_archive(encoding):
    reading, writing = os.pipe()
    received = []
    reader = threading.Thread(target=lambda: received.append(os.fdopen(reading, "rb").read()))
    reader.start()
    with os.fdopen(writing, "wb", buffering=0) as pipe:
        bitnpz.save(pipe, {"glyphs": GLYPHS, "labels": LABELS}, encoding=encoding)
    reader.join()
    check(received[0])


def test_an_output_may_take_parts_and_return_nothing():
    upload = Upload()
    bitnpz.save(upload, {"glyphs": GLYPHS, "labels": LABELS})
    check(b"".join(upload.parts))

    class Silent:
        def __init__(self):
            self.parts = []

        def write(self, data):
            self.parts.append(bytes(data))

    class Content(Silent):
        def write(self, data):
            super().write(data)
            return True

    content = Content()
    bitnpz.save(content, {"glyphs": GLYPHS, "labels": LABELS})
    check(b"".join(content.parts))
    silent = Silent()
    bitnpz.save(silent, {"glyphs": GLYPHS, "labels": LABELS})
    check(b"".join(silent.parts))


def test_a_full_file_is_an_error_though_it_raises_none():
    class Full:
        def write(self, data):
            return min(len(data), 1000)

    with pytest.raises(bitnpz.FileError, match="takes all bytes"):
        bitnpz.save(Full(), {"glyphs": GLYPHS})


@pytest.mark.parametrize("answer, message", [(None, "took none"), (10**9, "at most")])
def test_wrong_answers_of_raw_files_are_errors(answer, message):
    class Wrong(io.RawIOBase):
        def write(self, data):
            return answer

    with pytest.raises(bitnpz.FileError, match=message):
        bitnpz.save(Wrong(), {"glyphs": GLYPHS})


def test_a_file_that_is_sought_forwards_only_hides_no_exception(tmp_path):
    with pytest.raises(ZeroDivisionError), gzip.open(tmp_path / "a.gz", "wb") as file, bitnpz.Writer(file) as writer:
        writer["noise"] = np.random.default_rng(1).random((3_000_000,))
        1 / 0


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_a_failing_output_is_an_error_that_says_why(writes):
    with pytest.raises(bitnpz.FileError, match="ConnectionError: the upload is gone"):
        bitnpz.save(Upload(writes), {"glyphs": GLYPHS, "labels": LABELS})


def test_no_temporary_file_is_needed(monkeypatch):
    monkeypatch.setenv("TMPDIR", "/nowhere")
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    upload = Upload()
    bitnpz.save(upload, {"glyphs": GLYPHS, "labels": LABELS})
    check(b"".join(upload.parts))


def test_an_exception_leaves_an_open_file_as_it_was(tmp_path):
    for file in (io.BytesIO(b"before"), open(tmp_path / "a", "w+b")):
        with file:
            file.seek(0)
            file.write(b"before")
            with pytest.raises(ZeroDivisionError), bitnpz.Writer(file) as writer:
                writer["noise"] = np.random.default_rng(1).random((3_000_000,))
                1 / 0
            file.seek(0)
            assert file.read() == b"before"


def test_a_failing_close_leaves_an_open_file_as_it_was():
    class Disk(io.BytesIO):
        is_full = False

        def write(self, data):
            if self.is_full:
                raise OSError(28, "No space left on device")
            return super().write(data)

    file = Disk()
    file.write(b"before")
    writer = bitnpz.Writer(file)
    writer["noise"] = np.random.default_rng(1).random((3_000_000,))
    assert len(file.getvalue()) > len(b"before")
    file.is_full = True
    with pytest.raises(bitnpz.FileError, match="No space left on device"):
        writer.close()
    assert writer.closed and file.getvalue() == b"before"


def test_stores_take_archives():
    obstore, fsspec = pytest.importorskip("obstore"), pytest.importorskip("fsspec")
    store = obstore.store.MemoryStore()
    with obstore.open_writer(store, "a.npz") as file:
        bitnpz.save(file, {"glyphs": GLYPHS, "labels": LABELS})
    archive = bitnpz.load("a.npz", store=store)
    assert (archive["glyphs"][5] == GLYPHS[5]).all() and archive["labels"][100] == LABELS[100]
    filesystem = fsspec.filesystem("memory")
    with filesystem.open("/a.npz", "wb") as file:
        bitnpz.save(file, {"glyphs": GLYPHS})
    assert (bitnpz.load("/a.npz", store=filesystem)["glyphs"][7] == GLYPHS[7]).all()
