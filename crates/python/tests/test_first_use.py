"""Calls as newcomers write them work, or raise an error that says what to write."""

import io
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import bitnpz

MISTAKES = {
    "an array alone": (lambda x: bitnpz.save("a.npz", x), r'found an array of shape \(600, 24, 20\): bitnpz.save\(\'a.npz\', {"images": images}\)'),
    "a list of arrays": (lambda x: bitnpz.save("a.npz", [x, x]), r'found a list: bitnpz.save\(\'a.npz\', {"images": images}\)'),
    "arguments swapped": (lambda x: bitnpz.save({"x": x}, "a.npz"), "found the arrays before the file: swap the two"),
    "no file": (lambda x: bitnpz.save(3, {"x": x}), "expected a path or an open binary file, found int"),
    "a file for text": (lambda x: bitnpz.save(io.StringIO(), {"x": x}), r'open\(path, "wb"\)'),
    "no threads": (lambda x: bitnpz.save("a.npz", {"x": x}, threads=0), "threads: expected a number from 1 to 65536, or None, found 0"),
    "threads below": (lambda x: bitnpz.save("a.npz", {"x": x}, threads=-1), "threads: .*found -1"),
    "threads in words": (lambda x: bitnpz.save("a.npz", {"x": x}, threads="all"), "threads: .*found 'all'"),
    "level": (lambda x: bitnpz.save("a.npz", {"x": x}, level=13), "level: expected a number from 1 to 12, or None, found 13"),
    "encoding": (lambda x: bitnpz.save("a.npz", {"x": x}, encoding="zip"), 'encoding: expected "sets", "packed" or "plain", found'),
    "encoding of no text": (lambda x: bitnpz.save("a.npz", {"x": x}, encoding=3), "encoding: expected .* found 3"),
    "codec": (lambda x: bitnpz.save("a.npz", {"x": x}, codec="png"), 'codec: expected "contour", "pixel", "zstd" or "raw", found'),
    "effort": (lambda x: bitnpz.save("a.npz", {"x": x}, effort="most"), 'effort: expected "fast", "balanced" or "smallest", found'),
    "codec without sets": (lambda x: bitnpz.save("a.npz", {"x": x}, encoding="packed", codec="pixel"), 'codec: expected none with encoding="packed"'),
    "progress": (lambda x: bitnpz.save("a.npz", {"x": x}, progress=3), "progress: expected True, False or a function"),
    "one image to extend": (lambda x: bitnpz.Writer("a.npz").extend("g", x[0]), r"one image, shape \(24, 20\): as a stack of one it has shape \(1, 24, 20\)"),
    "append to a file": (lambda x: bitnpz.Writer(io.BytesIO(), "a"), 'expected a path with mode "a", found an open file'),
    "load a number": (lambda x: bitnpz.load(3), "expected a path, an open binary file or bytes, found int"),
    "load text": (lambda x: bitnpz.load(io.StringIO("x")), r'open\(path, "rb"\)'),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_error_says_what_to_write(glyphs, name):
    call, message = MISTAKES[name]
    with pytest.raises(bitnpz.InputError, match=message):
        call(glyphs)
    assert not os.listdir()


def test_loads_bytes(glyphs):
    file = io.BytesIO()
    bitnpz.save(file, {"glyphs": glyphs})
    for content in (file.getvalue(), bytearray(file.getvalue()), memoryview(file.getvalue())):
        assert_array_equal(bitnpz.load(content)["glyphs"], glyphs)
        assert_array_equal(bitnpz.NpzFile(content)["glyphs"], glyphs)
    npy = io.BytesIO()
    np.save(npy, glyphs)
    assert_array_equal(bitnpz.load(npy.getvalue()), glyphs)
    bitnpz.save(b"by.npz", {"x": [1]})
    assert bitnpz.load(b"by.npz")["x"] == [1]


def test_writer_takes_open_files_and_paths(glyphs):
    file = io.BytesIO()
    with bitnpz.Writer(file) as writer:
        writer["glyphs"] = glyphs
    assert_array_equal(bitnpz.load(file.getvalue())["glyphs"], glyphs)
    with pytest.raises(ZeroDivisionError), bitnpz.Writer(io.BytesIO()) as writer:
        1 / 0
    with bitnpz.Writer("training") as writer:
        writer["x"] = [1]
    with bitnpz.Writer("training", "a") as writer:
        writer["y"] = [2]
    assert os.listdir() == ["training.npz"]
    os.rename("training.npz", "training.dat")
    with bitnpz.Writer("training.dat", "a") as writer:
        writer["z"] = [3]
    assert sorted(bitnpz.load("training.dat")) == ["x", "y", "z"] and os.listdir() == ["training.dat"]


def test_repr_of_a_writer(glyphs):
    with bitnpz.Writer("a.npz", encoding="packed") as writer:
        writer["x"] = glyphs[0]
        writer.extend("glyphs", glyphs)
        writer.extend("glyphs", glyphs)
        assert repr(writer) == "Writer 'a.npz' (mode 'w', encoding 'packed'): 2 keys added, open"
    assert repr(writer).endswith("closed")


@pytest.mark.parametrize("encoding", ["sets", "packed", "plain"])
def test_deletes_and_replaces_keys(glyphs, encoding):
    named = {f"ix-{i:03}": image for i, image in enumerate(glyphs[:50])}
    bitnpz.save("a.npz", {"glyphs": glyphs, "other": glyphs[:90], "labels": np.arange(600), **named}, encoding=encoding)
    before = os.path.getsize("a.npz")
    with bitnpz.Writer("a.npz", "a", encoding=encoding) as writer:
        del writer["labels"], writer["glyphs"], writer["ix-007"], writer["ix-009.npy"]
        assert "labels" not in writer and "ix-007.npy" not in writer and "ix-008" in writer
        with pytest.raises(KeyError, match="labels"):
            del writer["labels"]
        with pytest.raises(KeyError, match="nothing"):
            del writer["nothing"]
        writer["labels"] = np.arange(3)
        writer["ix-007"] = ~glyphs[7]
        with pytest.raises(ValueError, match="before anything is added"):
            del writer["other"]
    archive = bitnpz.load("a.npz")
    assert set(archive) == {"other", "labels", *named} - {"ix-009"}
    assert_array_equal(archive["labels"], np.arange(3))
    assert_array_equal(archive["other"], glyphs[:90])
    for key, image in named.items():
        if key != "ix-009":
            assert_array_equal(archive[key], ~image if key == "ix-007" else image)
    assert archive.verify() == [] and os.path.getsize("a.npz") < before
    with bitnpz.Writer("a.npz", "a") as writer:
        del writer["other"]
    assert "other" not in bitnpz.load("a.npz") and len(bitnpz.load("a.npz")) == len(named)
    with bitnpz.Writer("b.npz") as writer:
        writer["x"] = [1]
        with pytest.raises(ValueError, match="before anything is added"):
            del writer["x"]


def test_deletes_from_the_archive_that_was_opened(glyphs, tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    bitnpz.save("a.npz", {"glyphs": glyphs, "labels": np.arange(600)})
    bitnpz.save("other/a.npz", {"labels": np.arange(3), "more": np.arange(3)})
    with bitnpz.Writer("a.npz", "a") as writer:
        del writer["labels"]
        monkeypatch.chdir(tmp_path / "other")
        writer["labels"] = np.arange(5)
    assert sorted(bitnpz.load(tmp_path / "a.npz")) == ["glyphs", "labels"] and len(bitnpz.load(tmp_path / "a.npz")["labels"]) == 5
    assert sorted(bitnpz.load("a.npz")) == ["labels", "more"] and len(bitnpz.load("a.npz")["labels"]) == 3


def test_archive_shows_and_completes_its_keys(glyphs):
    bitnpz.save("a.npz", {"glyphs": glyphs, "labels": np.arange(600), **{f"ix-{i}": image for i, image in enumerate(glyphs)}})
    archive = bitnpz.load("a.npz")
    assert set(archive._ipython_key_completions_()) == set(archive)
    text = repr(archive)
    assert "labels (600,) int64" in text and text.endswith("... 602 in all") and text.count("(") == 5
    bitnpz.save("b.npz", {"glyphs": glyphs})
    assert repr(bitnpz.load("b.npz")) == "NpzFile 'b.npz' with keys: glyphs (600, 24, 20) bool"
    with zipfile.ZipFile("c.npz", "w") as foreign:
        foreign.writestr("note.txt", "hello")
        foreign.writestr("x.npy", "no array")
    assert sorted(repr(bitnpz.load("c.npz")).split("keys: ")[1].split(", ")) == ["note.txt", "x"]


@pytest.mark.parametrize("encoding", ["sets", "packed", "plain"])
def test_reports_progress(glyphs, encoding):
    arrays = {"glyphs": glyphs.astype(np.float32), "random": np.random.default_rng(0).random(3_000_000), "ix": glyphs[0], "x": 3}
    total = sum(np.asarray(array).nbytes for array in arrays.values())
    reports = []
    bitnpz.save("a.npz", arrays, encoding=encoding, progress=reports.append)
    assert reports[-1].bytes == reports[-1].total_bytes == total and reports == sorted(reports)
    assert reports[-1].images == 601
    bitnpz.save("b.npz", arrays, encoding=encoding)
    assert open("a.npz", "rb").read() == open("b.npz", "rb").read()


def test_exception_of_a_progress_function_ends_the_call(glyphs):
    def stop(done):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        bitnpz.save("a.npz", {"glyphs": np.concatenate([glyphs] * 20)}, progress=stop)
    assert not os.listdir()
    # The last calls come when the file is there.
    present = []
    bitnpz.save("a.npz", {"glyphs": glyphs}, progress=lambda done: present.append(os.path.exists("a.npz")))
    assert present[-1] and present == sorted(present)


@pytest.mark.parametrize("has_tqdm", [False, True])
def test_shows_a_progress_bar(glyphs, capsys, monkeypatch, has_tqdm):
    if has_tqdm:
        pytest.importorskip("tqdm")
    else:
        monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    bitnpz.save("a.npz", {"glyphs": glyphs}, progress=True)
    said = capsys.readouterr().err
    assert "100%" in said and "600 images" in said and said.endswith("\n")


def command(*arguments, **options):
    return subprocess.run([sys.executable, "-m", "bitnpz", *arguments], capture_output=True, text=True, **options)


def test_package_has_the_command(glyphs):
    bitnpz.save("a.npz", {"glyphs": glyphs})
    listed = command("ls", "a.npz")
    assert listed.returncode == 0 and "glyphs" in listed.stdout and listed.stderr == ""
    assert "Usage: bitnpz" in command("--help").stdout and bitnpz.__version__ in command("--version").stdout
    wrong = command("pack")
    assert wrong.returncode == 2 and "Usage: bitnpz pack" in wrong.stderr
    missing = command("ls", "none.npz")
    assert missing.returncode == 1 and missing.stderr.startswith("bitnpz: error: none.npz")


@pytest.mark.skipif(sys.platform != "linux", reason="signals and pipes of Linux")
def test_ctrl_c_and_a_broken_pipe_end_the_command(glyphs):
    bitnpz.save("a.npz", {f"ix-{i}": image for i, image in enumerate(np.concatenate([glyphs] * 40))}, encoding="packed")
    run = [sys.executable, "-m", "bitnpz"]
    with subprocess.Popen([*run, "ls", "a.npz"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as listing:
        assert listing.stdout.readline()
        listing.stdout.close()
        assert listing.stderr.read() == b"" and listing.wait() == 0
    noise = np.random.default_rng(0).integers(0, 2, (4000, 256, 256), dtype=np.uint8)
    bitnpz.save("noise.npz", {"noise": noise}, encoding="packed")
    with subprocess.Popen([*run, "-q", "convert", "noise.npz", "-o", "b.npz"], stderr=subprocess.PIPE) as converting:
        while "noise.npz" not in Path(f"/proc/{converting.pid}/maps").read_text():
            time.sleep(0.01)  # Once the file is mapped, the command has begun; encoding this much noise takes seconds.
        converting.send_signal(signal.SIGINT)
        assert (converting.wait(), converting.stderr.read()) == (130, b"")
    assert sorted(os.listdir()) == ["a.npz", "noise.npz"]
