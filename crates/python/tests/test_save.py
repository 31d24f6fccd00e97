"""Arrays and images that Python saves are loaded again, by bitnpz and by NumPy."""

import io
import os
import pathlib
import zipfile

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import bitnpz

DTYPES = [
    "?", "i1", "u2", ">i4", "<u8", "f2", ">f4", "f8", "c8", ">c16", "g", "S5", "U3", ">U2", "V4", "M8[ns]", "m8[D]",
    [("x", "i4"), ("y", ">f8", (2,))], np.dtype([("a", "i1"), ("b", "f8")], align=True),
]  # fmt: skip


def an_array(dtype, shape=(3, 4)):
    count = int(np.prod(shape))
    size = np.dtype(dtype).itemsize
    letters = np.resize(np.frombuffer(b"AB\0\0", np.uint8), count * size)
    if np.dtype(dtype).kind == "b":
        return np.resize([True, False, True], shape)
    if np.dtype(dtype).kind in "US":
        return np.resize(np.array(["a", "", "bcé"[: 2 if np.dtype(dtype).kind == "S" else 3]]).astype(dtype), shape)
    if np.dtype(dtype).kind in "iufcMm":
        return np.arange(count).astype(dtype).reshape(shape)
    return letters.view(dtype).reshape(shape).copy()


@pytest.mark.parametrize("save", [bitnpz.savez, bitnpz.savez_compressed, None])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(3, 4), (5,), (), (0, 3), (2, 3, 4)], ids=str)
def test_round_trips_every_dtype(save, dtype, shape):
    array = an_array(dtype, shape)
    arrays = {"c": array, "f": np.asfortranarray(array), "part": array[..., ::2] if array.ndim else array}
    if save is None:
        bitnpz.save("a.npz", arrays)
    else:
        save("a.npz", **arrays)
    for archive in (np.load("a.npz"), bitnpz.load("a.npz")):
        if save is None and isinstance(archive, np.lib.npyio.NpzFile):
            continue
        for key, expected in arrays.items():
            found = np.asarray(archive[key])
            assert found.dtype == expected.dtype and found.shape == expected.shape
            # Padding between fields may have any bytes.
            assert (found == expected).all() if found.dtype.names else found.tobytes() == expected.tobytes()
        if save is not None:
            assert archive["f"].flags.fnc == arrays["f"].flags.fnc


@pytest.mark.parametrize("save", [bitnpz.savez, bitnpz.savez_compressed])
def test_uses_the_names_of_numpy(save):
    x, y = np.arange(3), np.eye(2)
    np.savez("numpy.npz", x, y, z=x)
    save("ours", x, y, z=x)
    save(pathlib.Path("path.npz"), x, y, z=x)
    memory = io.BytesIO()
    save(memory, x, y, z=x)
    memory.seek(0)
    for file in ("ours.npz", "path.npz", memory):
        with np.load(file) as theirs, np.load("numpy.npz") as expected:
            assert sorted(theirs.files) == sorted(expected.files)
            assert all((theirs[key] == expected[key]).all() for key in expected.files)
    with pytest.raises(ValueError, match="Cannot use un-named variables and keyword arr_0"):
        save("clash.npz", x, arr_0=y)
    assert not os.path.exists("clash.npz")
    save("empty.npz")
    assert np.load("empty.npz").files == []


@pytest.mark.parametrize("encoding", ["sets", "packed", "plain"])
@pytest.mark.parametrize("dtype", ["?", "u1", "f4", ">i2"])
def test_round_trips_images_in_every_encoding(glyphs, encoding, dtype):
    stack = glyphs.astype(dtype) * np.array(255 if dtype == "u1" else 1, dtype)
    named = {f"ix-{i:06}": image for i, image in enumerate(stack[:50])}
    labels = np.arange(len(stack))
    floats = np.random.default_rng(0).random((7, 3))
    bitnpz.save("a.npz", {"glyphs": stack, "outputs": labels, "floats": floats, **named}, encoding=encoding)
    archive = bitnpz.load("a.npz")
    assert set(archive) == {"glyphs", "outputs", "floats", *named}
    assert len(archive) == 53 and "ix-000049" in archive and "ix-000049.npy" in archive and "ix-000050" not in archive
    assert (archive["outputs"] == labels).all() and (archive["floats"] == floats).all()
    for key, image in named.items():
        assert archive[key].dtype == image.dtype and (archive[key] == image).all()
        assert (archive[key + ".npy"] == image).all()
    found = archive["glyphs"]
    assert isinstance(found, np.ndarray if encoding == "plain" else bitnpz.Images)
    assert found.dtype == stack.dtype and found.shape == stack.shape and (np.asarray(found) == stack).all()
    assert (archive.images("glyphs")[7] == stack[7]).all()
    assert archive.get("nothing") is None


def test_writer_extends_stacks_and_appends_to_archives(glyphs):
    with bitnpz.Writer("a.npz") as writer:
        writer.extend("glyphs", glyphs[:100])
        writer["first"] = glyphs[0]
        writer.extend("glyphs", (image for image in glyphs[100:300]))
        writer.extend("glyphs", list(glyphs[300:310]))
    with bitnpz.Writer("a.npz", "a") as writer:
        writer.extend("glyphs", glyphs[310:])
        writer["outputs"] = [1, 2, 3]
        writer["second"] = glyphs[1]
    archive = bitnpz.load("a.npz")
    assert sorted(archive) == ["first", "glyphs", "outputs", "second"]
    assert (np.asarray(archive["glyphs"]) == glyphs).all()
    with bitnpz.Writer("copy.npz", encoding="packed") as writer:
        writer["glyphs"] = archive["glyphs"]
    assert (np.asarray(bitnpz.load("copy.npz")["glyphs"]) == glyphs).all()
    with pytest.raises(FileExistsError):
        bitnpz.Writer("a.npz", "x")


@pytest.mark.parametrize("encoding", ["sets", "packed", "plain"])
@pytest.mark.parametrize("dtype", [">i4", ">f8", "<u2", "?"])
def test_extends_by_iterables_in_their_byte_order(glyphs, encoding, dtype):
    images = glyphs.astype(dtype)
    with bitnpz.Writer("order.npz", encoding=encoding) as writer:
        writer.extend("lists", list(images))
        writer.extend("lists", images)
        writer.extend("lists", iter(images))
        writer.extend("numbers", images.tolist())
        with pytest.raises(bitnpz.InputError, match="save images that differ in size one by one"):
            writer.extend("ragged", [images[0], images[1][1:]])
    archive = bitnpz.load("order.npz")
    assert archive["lists"].dtype == np.dtype(dtype)
    assert (np.asarray(archive["lists"]) == np.concatenate([images] * 3)).all()


def test_exception_leaves_no_file_behind(glyphs):
    bitnpz.save("a.npz", {"x": [1]})
    with pytest.raises(ZeroDivisionError), bitnpz.Writer("a.npz") as writer:
        writer["glyphs"] = glyphs
        1 / 0
    assert bitnpz.load("a.npz")["x"] == [1]
    with pytest.raises(ValueError):
        bitnpz.save("a.npz", {"glyphs": glyphs, "grey": np.arange(100, dtype=np.uint8).reshape(10, 10)}, images=["glyphs", "grey"])
    writer = bitnpz.Writer("b.npz", encoding="plain")
    writer.extend("glyphs", glyphs)
    del writer
    assert bitnpz.load("a.npz")["x"] == [1] and os.listdir() == ["a.npz"]


def test_reads_members_that_are_not_npy():
    with zipfile.ZipFile("a.npz", "w") as archive:
        archive.writestr("note.txt", "hello")
        with archive.open("bare", "w") as file:
            np.save(file, np.arange(3))
        with archive.open("x.npy", "w") as file:
            np.save(file, np.arange(4))
    archive = bitnpz.load("a.npz")
    assert archive["note.txt"] == b"hello" and (archive["bare"] == np.arange(3)).all()
    assert sorted(archive.files) == ["bare", "note.txt", "x"] == sorted(np.load("a.npz").files)
    assert "note.txt" in archive and len(archive) == 3 and len(archive["x"]) == 4


def test_members_that_are_not_npy_are_checked_as_others_are():
    claims = b"\x93NUMPY\x01\x00"
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (%s,), }"
    for name, text, message in [
        ("large", header % 99_999_999_999, "large"),
        ("torn", "{'descr': '<f8', 'shape': (", "torn"),
        ("types", header.replace("(%s,)", "3"), "types"),
        ("order", "{'descr': [()], 'fortran_order': False, 'shape': (1,), }", "order"),
        ("objects", header.replace("<f8", "|O") % 1, "objects"),
    ]:
        with zipfile.ZipFile("a.npz", "w") as archive:
            archive.writestr(name, claims + len(text).to_bytes(2, "little") + text.encode() + b"12345678")
        with pytest.raises(bitnpz.DamagedError, match=f"a.npz: .*{message}"):
            bitnpz.load("a.npz")[name]
    with zipfile.ZipFile("a.npz", "w") as archive, archive.open("bare", "w") as file:
        np.save(file, np.arange(1000))
    with pytest.raises(bitnpz.LimitError, match="a.npz: .*bare.*array_bytes"):
        bitnpz.load("a.npz", limits={"array_bytes": 1000})["bare"]


@pytest.mark.parametrize("encoding", ["sets", "packed", "plain"])
def test_extends_by_no_images(glyphs, encoding):
    bitnpz.save("a.npz", {"x": glyphs})
    images = bitnpz.load("a.npz")["x"]
    with bitnpz.Writer("b.npz", encoding=encoding) as writer:
        writer.extend("nothing", [])
        assert "nothing" not in writer and repr(writer).count(" 0 keys added")
        writer.extend("images", images.subset([]))
        writer.extend("array", glyphs[:0])
        writer.extend("later", images.subset([]))
        writer.extend("later", images)
        assert repr(writer).count(" 3 keys added")
    archive = bitnpz.load("b.npz")
    assert list(archive) == ["images", "array", "later"]
    assert archive["images"].shape == archive["array"].shape == (0, 24, 20) and archive["images"].dtype == bool
    assert (np.asarray(archive["later"]) == glyphs).all()


def test_a_key_counts_when_something_was_added(glyphs):
    with bitnpz.Writer("a.npz") as writer:
        with pytest.raises(bitnpz.InputError):
            writer.extend("x", glyphs[0])
        assert repr(writer).count(" 0 keys added")
        writer.extend("x", (image for image in glyphs))
        assert repr(writer).count(" 1 keys added")


def test_folders_of_the_same_name_are_no_obstacle(glyphs):
    os.makedirs("train/inner")
    os.symlink("train", "link", target_is_directory=True)
    bitnpz.save("train", {"x": glyphs})
    bitnpz.savez("link", x=glyphs)
    bitnpz.merge("train/inner", ["train.npz"])
    with bitnpz.Writer("train", "a") as writer:
        writer["y"] = [1]
    assert list(bitnpz.load("train.npz")) == ["x", "y"] and os.path.exists("link.npz") and os.path.exists("train/inner.npz")
    for folder in ("train/", ".", "..", "train/.", "train/.."):
        for mode in ("w", "a"):
            with pytest.raises(bitnpz.FileError, match="directory"):
                bitnpz.Writer(folder, mode)
    assert sorted(os.listdir()) == ["link", "link.npz", "train", "train.npz"]


@pytest.mark.parametrize("encoding", ["sets", "packed", "plain"])
def test_npy_at_the_end_of_a_key_does_not_count(glyphs, encoding):
    arrays = {"k.npy": np.arange(5), "m": glyphs, "s.npy": glyphs[:, :9], **{f"{i}.npy": glyphs[i] for i in range(40)}}
    bitnpz.save("a", arrays, encoding=encoding)
    archive = bitnpz.load("a.npz")
    assert list(archive) == [key.removesuffix(".npy") for key in arrays] and archive.verify() == []
    for key, array in arrays.items():
        assert key in archive and (np.asarray(archive[key]) == array).all()
        assert (np.asarray(archive[key.removesuffix(".npy")]) == array).all()


def test_keys_of_numpy_that_are_no_keys_elsewhere(glyphs):
    arrays = {"k.npy": np.arange(5), "x\ny": glyphs, "\x7f": glyphs[0], "": np.arange(3)}
    np.savez("a.npz", **arrays)
    bitnpz.savez("b.npz", **{key: array for key, array in arrays.items() if key})
    for path in ("a.npz", "b.npz"):
        ours, theirs = bitnpz.load(path), np.load(path)
        assert list(ours) == [key.removesuffix(".npy") for key in theirs.files] and ours.verify() == []
        assert all((ours[key] == arrays[key]).all() and (theirs[key] == arrays[key]).all() for key in theirs.files if key != "k")
        assert (ours["k.npy"] == arrays["k.npy"]).all() and (theirs["k.npy"] == arrays["k.npy"]).all()


def test_load_behaves_like_numpy(glyphs):
    np.save("a.npy", glyphs)
    assert (bitnpz.load("a.npy") == glyphs).all()
    assert isinstance(bitnpz.load("a.npy", mmap_mode="r"), np.memmap)
    content = pathlib.Path("a.npy").read_bytes()
    for pathless in (content, bytearray(content), io.BytesIO(content)):
        with pytest.raises(bitnpz.InputError, match="mmap_mode: expected the path"):
            bitnpz.load(pathless, mmap_mode="r")
    np.savez("a.npz", x=glyphs, y=[1])
    with bitnpz.load("a.npz") as ours, np.load("a.npz") as theirs:
        assert repr(ours) == "NpzFile 'a.npz' with keys: x, y" and ours.files == theirs.files and dict(ours).keys() == dict(theirs).keys()
        assert [key for key in ours] == list(ours.keys()) and (ours.f.x == theirs.f.x).all()
        assert len(ours.items()) == len(ours.values()) == 2
    with open("a.npz", "rb") as file:
        assert (bitnpz.load(file, mmap_mode="r")["x"] == glyphs).all() and not file.closed
    assert (bitnpz.NpzFile(pathlib.Path("a.npz").read_bytes(), access="read")["y"] == [1]).all()


def test_writes_the_same_bytes_with_any_number_of_threads(glyphs):
    for threads in (1, 2, 5):
        bitnpz.save(f"{threads}.npz", {"glyphs": glyphs, "x": np.arange(9)}, threads=threads)
    one, *others = [pathlib.Path(f"{threads}.npz").read_bytes() for threads in (1, 2, 5)]
    assert all(other == one for other in others)


@pytest.mark.parametrize("codec", ["contour", "pixel", "zstd", "raw", None])
def test_uses_the_codec_asked_for(glyphs, codec):
    bitnpz.save("a.npz", {"glyphs": glyphs}, codec=codec)
    images = bitnpz.load("a.npz")["glyphs"]
    assert images.codec == codec or codec is None
    assert (np.asarray(images) == glyphs).all()


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_noise_is_no_larger_than_with_numpy(share):
    noise = {f"ix-{i}": image for i, image in enumerate(np.random.default_rng(0).random((50, 64, 64)) < share)}
    bitnpz.savez_compressed("ours.npz", **noise)
    np.savez_compressed("theirs.npz", **noise)
    assert os.path.getsize("ours.npz") <= os.path.getsize("theirs.npz")
    theirs = np.load("ours.npz")
    assert all((theirs[key] == image).all() for key, image in noise.items())


def test_labels_of_two_values_are_no_images_beside_images_with_keys():
    random = np.random.default_rng(0)
    glyphs = {f"ix-{i:03}": random.random((28, 28)) < 0.2 for i in range(100)}
    classes = np.eye(10, dtype=bool)[random.integers(0, 10, 100)]
    bitnpz.save("a.npz", {**glyphs, "classes": classes, "tall": random.random((50, 5)) < 0.5})
    archive = bitnpz.load("a.npz")
    assert not isinstance(archive["classes"], bitnpz.Images)
    assert_array_equal(archive["classes"], classes)
    assert len(archive.images()) == 101
    # As high as there are images, but not much higher than these.
    bitnpz.save("b.npz", {**dict(list(glyphs.items())[:40]), "page": random.random((40, 70)) < 0.2})
    assert len(bitnpz.load("b.npz").images()) == 41
    # As high as there are images, but wider.
    bitnpz.save("c.npz", {**glyphs, "page": random.random((100, 2000)) < 0.2})
    assert len(bitnpz.load("c.npz").images()) == 101
