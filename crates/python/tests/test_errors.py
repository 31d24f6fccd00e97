"""Exceptions name what is wrong and what to do."""

import os
import shutil

import numpy as np
import pytest

import bitnpz


def test_exceptions_derive_from_built_in_ones():
    bases = {
        bitnpz.NoSuchKeyError: KeyError,
        bitnpz.NoSuchImageError: IndexError,
        bitnpz.InputError: ValueError,
        bitnpz.KeyTypeError: TypeError,
        bitnpz.ClosedError: ValueError,
        bitnpz.DamagedError: ValueError,
        bitnpz.EmptyFileError: EOFError,
        bitnpz.LimitError: ValueError,
        bitnpz.FileError: OSError,
        bitnpz.FileMissingError: FileNotFoundError,
        bitnpz.FilePermissionError: PermissionError,
        bitnpz.FilePresentError: FileExistsError,
    }
    for ours, theirs in bases.items():
        assert issubclass(ours, bitnpz.Error) and issubclass(ours, theirs)


def test_names_a_missing_file():
    with pytest.raises(FileNotFoundError) as caught:
        bitnpz.load("nothing.npz")
    assert caught.value.errno == 2 and caught.value.filename == "nothing.npz"
    assert str(caught.value) == "[Errno 2] No such file or directory: 'nothing.npz'"
    with pytest.raises(FileNotFoundError) as caught:
        bitnpz.save("no/such/folder.npz", {"x": [1]})
    assert caught.value.errno == 2 and caught.value.filename == "no/such/folder.npz"


def test_refuses_folders():
    for use in (bitnpz.load, bitnpz.Writer, lambda path: bitnpz.load(path, access="read")):
        with pytest.raises(OSError, match="directory"):
            use(".")
    assert not os.listdir()


def test_names_a_missing_key():
    bitnpz.save("a.npz", {"x": [1]})
    with pytest.raises(KeyError) as caught:
        bitnpz.load("a.npz")["y"]
    assert str(caught.value) == "a.npz: \"y\": the archive holds no such key; `bitnpz ls` lists its keys"
    with pytest.raises(KeyError, match=r"\(1, 2\)"):
        bitnpz.load("a.npz")[1, 2]
    assert 3 not in bitnpz.load("a.npz")
    with pytest.raises(KeyError, match="none"):
        bitnpz.load("a.npz").images()


@pytest.mark.parametrize("how", ["save", "add_images", "extend"])
def test_locates_a_third_value(how):
    grey = np.zeros((3, 8, 8), np.uint8)
    grey[0, 0, 0], grey[2, 3, 5] = 255, 128
    expected = r"\"x\": expected two values, found a third: pixel \(2, 3, 5\) is 128, others are 0 and 255.*threshold"
    with pytest.raises(ValueError, match=expected), bitnpz.Writer("a.npz") as writer:
        if how == "save":
            bitnpz.save("a.npz", {"x": grey}, images=["x"])
        elif how == "extend":
            writer.extend("x", grey)
        else:
            writer.add_images("x", grey)
    assert not os.listdir()
    with bitnpz.Writer("a.npz") as writer:
        writer.add_array("x", grey)
    assert (bitnpz.load("a.npz")["x"] == grey).all()


def test_checks_keys(glyphs):
    bitnpz.save("b.npz", {"x": glyphs})
    images = bitnpz.load("b.npz")["x"]
    with bitnpz.Writer("a.npz") as writer:
        writer["x"] = [1]
        for key in ("x", "x.npy"):
            with pytest.raises(ValueError, match="has this key already|two members have this name"):
                writer[key] = [2]
        assert "x" in writer and "x.npy" in writer and "y" not in writer
        writer.extend("stack", np.ones((3, 2, 2), bool))
        with pytest.raises(ValueError, match="has this key already"):
            writer["stack"] = images
        with pytest.raises(ValueError, match="the library's own"):
            writer[".bitnpz/x"] = [2]
        with pytest.raises(ValueError):
            writer["a\0b"] = [2]
        for key in (3, None, b"x", ("x",)):
            with pytest.raises(TypeError, match="expected a key of type str"):
                writer[key] = [2]
            with pytest.raises(TypeError):
                writer.extend(key, np.zeros((1, 2, 2), bool))
    assert sorted(bitnpz.load("a.npz")) == ["stack", "x"]
    with pytest.raises(TypeError):
        bitnpz.save("b.npz", {7: [1]})


@pytest.mark.parametrize("value", [np.array([None, 1]), {"a": 1}, [[1], [1, 2]], object()], ids=str)
def test_refuses_objects(value):
    for save in (bitnpz.savez, bitnpz.savez_compressed, lambda file, **arrays: bitnpz.save(file, arrays)):
        with pytest.raises(ValueError, match="'x'"):
            save("a.npz", x=value)
    assert not os.listdir()


def test_refuses_pickled_objects():
    np.savez("a.npz", x=np.array([None]), y=[1])
    archive = bitnpz.load("a.npz", allow_pickle=True)
    assert (archive["y"] == [1]).all()
    with pytest.raises(ValueError, match="Python objects"):
        archive["x"]


def test_refuses_batches_that_do_not_fit(glyphs):
    with bitnpz.Writer("a.npz") as writer:
        writer.extend("x", glyphs)
        with pytest.raises(ValueError, match=r"expected shape \(24, 20\), found \(5, 5\)"):
            writer.extend("x", np.zeros((1, 5, 5), bool))
        with pytest.raises(ValueError, match="expected images of .*b1.* found .*f8"):
            writer.extend("x", glyphs.astype(float))
        with pytest.raises(ValueError, match="images"):
            writer.extend("y", glyphs[0])
        writer.extend("x", glyphs)
    assert bitnpz.load("a.npz")["x"].shape == (1200, 24, 20)


def test_closed_archives_and_writers_refuse_use(glyphs):
    bitnpz.save("a.npz", {"x": glyphs})
    archive = bitnpz.load("a.npz")
    images = archive["x"]
    archive.close()
    archive.close()
    assert archive.closed and repr(archive) == "NpzFile 'a.npz' (closed)"
    for use in (lambda: archive["x"], lambda: list(archive), lambda: "x" in archive, lambda: len(archive), archive.images):
        with pytest.raises(ValueError, match="a.npz: the archive is closed"):
            use()
    # `Images` keep the file open.
    assert (images[3] == glyphs[3]).all()
    writer = bitnpz.Writer("b.npz")
    writer.close()
    writer.close()
    with pytest.raises(ValueError, match="the writer is closed"):
        writer["x"] = [1]


def test_replaces_an_open_file(glyphs):
    bitnpz.save("a.npz", {"x": glyphs})
    images = bitnpz.load("a.npz")["x"]
    bitnpz.save("a.npz", {"x": ~glyphs})
    assert (np.asarray(images) == glyphs).all()
    assert (np.asarray(bitnpz.load("a.npz")["x"]) == ~glyphs).all()
    os.remove("a.npz")
    assert (images[0] == glyphs[0]).all()


def test_truncation_raises_with_positional_reads(glyphs):
    bitnpz.save("a.npz", {"x": glyphs})
    images = bitnpz.load("a.npz", access="read")["x"]
    assert (np.asarray(images) == glyphs).all()
    with open("a.npz", "r+b") as file:
        file.truncate(100)
    with pytest.raises(bitnpz.FileChangedError, match="a.npz: expected a file of .* bytes, as when it was opened, found fewer: load it again"):
        np.asarray(images)


def test_names_a_damaged_archive(glyphs):
    bitnpz.save("a.npz", {"x": glyphs})
    shutil.copy("a.npz", "b.npz")
    with open("b.npz", "r+b") as file:
        file.truncate(os.path.getsize("a.npz") - 30)
    for content in (b"", b"PK", b"not an archive", open("b.npz", "rb").read()):
        with open("c.npz", "wb") as file:
            file.write(content)
        with pytest.raises(bitnpz.DamagedError, match="c.npz"):
            bitnpz.load("c.npz")


def test_an_open_file_ends_as_with_numpy():
    with open("a.npy", "wb") as file:
        for number in range(3):
            np.save(file, np.arange(number))
    for load in (np.load, bitnpz.load):
        with open("a.npy", "rb") as file:
            found = []
            with pytest.raises(EOFError):
                while True:
                    found.append(load(file).tolist())
        assert found == [[], [0], [0, 1]]
    open("empty.npy", "wb").close()
    for empty in ("empty.npy", bytearray()):
        with pytest.raises(bitnpz.EmptyFileError, match="expected an archive or a .npy file, found no bytes"):
            bitnpz.load(empty)


def test_enforces_limits(glyphs):
    bitnpz.save("a.npz", {"x": glyphs, "y": np.arange(1000)})
    archive = bitnpz.load("a.npz", limits={"array_bytes": 1000})
    with pytest.raises(bitnpz.LimitError, match="array_bytes"):
        archive["y"]
    with pytest.raises(bitnpz.LimitError, match="members"):
        bitnpz.load("a.npz", limits={"members": 1})
    with pytest.raises(ValueError, match="expected some of members"):
        bitnpz.load("a.npz", limits={"x": 1})
    with pytest.raises(ValueError, match='expected "map" or "read"'):
        bitnpz.load("a.npz", access="x")


def test_checks_options():
    for wish in ({"encoding": "x"}, {"codec": "x"}, {"level": 0}, {"level": 13}):
        with pytest.raises(ValueError, match=f"{next(iter(wish.values()))}"):
            bitnpz.save("a.npz", {"x": [1]}, **wish)
    with pytest.raises(ValueError, match="mode"):
        bitnpz.Writer("a.npz", "r")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("most", "stored", None, None, "replace", None), "expected one of fast, balanced and smallest, found \"most\""),
        (("balanced", "stored", None, None, "x", None), "existing: expected \"replace\" or \"append\", found 'x'"),
        (("balanced", "zip", None, None, "replace", None), "compression: expected \"stored\" or \"deflate\", found 'zip'"),
        (("balanced", None, None, None, "replace", None), "compression: .* found None"),
    ],
)
def test_compiled_half_refuses_unknown_names(arguments, message):
    with pytest.raises(bitnpz.InputError, match=message):
        bitnpz._bitnpz.Writer("a.npz", "a.npz", None, None, *arguments)
    with bitnpz.Writer("b.npz") as writer, pytest.raises(bitnpz.InputError, match="add_as: expected .*found 'x'"):
        writer._add("x", bitnpz._arrays.to_items(np.arange(3)), "x")


def test_bytes_are_a_file_however_they_start():
    bitnpz.save("a.npz", {"glyphs": np.eye(30, dtype=bool)[np.newaxis]})
    data = open("a.npz", "rb").read()
    with pytest.raises(bitnpz.Error) as caught:
        bitnpz.load(b"?" + data[1:])["glyphs"]
    assert "glyphs" in str(caught.value) and len(str(caught.value)) < 500
    assert bitnpz.load(b"#!/bin/sh\n" + data)["glyphs"].shape == (1, 30, 30)
    with pytest.raises(bitnpz.EmptyFileError):
        bitnpz.load(b"")
    assert bitnpz.load(b"a.npz")["glyphs"].shape == (1, 30, 30)
