"""Signal handlers, progress functions and finalizers use the package while a call of their thread is at work."""

import os
import subprocess
import sys

import numpy as np
import pytest

import bitnpz

START = """
import os, signal
import numpy as np, bitnpz

stack = np.random.default_rng(0).random((600, 24, 20)) < 0.3
is_awaited = False

def open_writer(file, encoding):
    # A writer at work calls `report`.
    return bitnpz.Writer._open(file, "w", encoding=encoding, report=lambda *_: is_awaited and signal.raise_signal(signal.SIGTERM))
"""


def run(program):
    """Runs a program of its own: a call that waits for itself never ends."""
    run = [sys.executable, "-c", START + program]
    ended = subprocess.run(run, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr


USES = {
    "abort": "writer.abort()",
    "close": "writer.close()",
    "contains": "'x' in writer",
    "add": "writer.add_array('x', [1])",
    "delete": "del writer['x']",
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize(("call", "encoding"), [("writer.extend('glyphs', stack)", "sets"), ("writer.close()", "packed")])
def test_a_handler_that_uses_a_busy_writer_ends_its_call(call, encoding, use):
    run(f"""
def handle(*_):
    {USES[use]}

signal.signal(signal.SIGTERM, handle)
writer = open_writer("a.npz", {encoding!r})
writer.extend("glyphs", stack[:50])
is_awaited = True
try:
    {call}
except bitnpz.InputError as error:
    assert "busy with another call of this thread" in str(error), error
else:
    raise AssertionError("the call goes on")
is_awaited = False
writer.abort()
assert writer.closed and os.listdir() == []
""")


def test_a_handler_sees_that_a_busy_writer_is_open():
    run("""
seen = []
signal.signal(signal.SIGTERM, lambda *_: seen.append((writer.closed, repr(writer))))
writer = open_writer("a.npz", "sets")
is_awaited = True
writer.extend("glyphs", stack)
is_awaited = False
assert seen and all(not closed and text.endswith("open") for closed, text in seen), seen
writer.close()
assert writer.closed and (np.asarray(bitnpz.load("a.npz")["glyphs"]) == stack).all()
""")


def test_a_handler_that_catches_the_error_changes_nothing():
    run("""
refused = []

def handle(*_):
    for use in (writer.close, writer.abort):
        try:
            use()
        except bitnpz.InputError:
            refused.append(use)

signal.signal(signal.SIGTERM, handle)
with open("a.npz", "w+b") as file:
    writer = open_writer(file, "packed")
    writer.extend("glyphs", stack)
    is_awaited = True
    writer.close()
archive = bitnpz.load("a.npz")
assert len(refused) >= 2 and (np.asarray(archive["glyphs"]) == stack).all() and archive.verify() == []
""")


def test_a_finalizer_can_use_the_archive_that_is_closed():
    run("""
seen = []

class Source:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()

    def length(self):
        return len(self.data)

    def read_ranges(self, starts, ends):
        return [self.data[start:end] for start, end in zip(starts, ends)]

    def read_end(self, most):
        return len(self.data), self.data[-most:]

    def __del__(self):
        seen.append(archive.closed)

bitnpz.save("a.npz", {"glyphs": stack})
archive = bitnpz._bitnpz.Archive(Source("a.npz"), "a.npz", "read")
archive.close()
assert seen == [True], seen
""")


@pytest.mark.parametrize("encoding", ["sets", "packed", "plain"])
def test_a_progress_function_can_use_the_package(glyphs, encoding):
    many, calls = np.repeat(glyphs, 20, axis=0), []
    bitnpz.save("other.npz", {"glyphs": glyphs, "labels": np.arange(600)})

    def use(done):
        archive = bitnpz.load("other.npz")
        assert (np.asarray(archive["glyphs"]) == glyphs).all() and archive["labels"][7] == 7 and archive.verify() == []
        bitnpz.save("inner.npz", {"glyphs": archive["glyphs"]}, encoding=encoding, progress=calls.append)

    bitnpz.save("outer.npz", {"glyphs": many}, encoding=encoding, progress=use)
    assert calls
    for path, stack in (("inner.npz", glyphs), ("outer.npz", many)):
        assert (np.asarray(bitnpz.load(path)["glyphs"]) == stack).all()
    assert sorted(os.listdir()) == ["inner.npz", "other.npz", "outer.npz"]
