"""Arrays from other programs: objects, dtypes of other libraries, ordinary data beside images, axes of frameworks."""

import warnings

import numpy as np
import pytest

import bitnpz


def loaded(array, **how):
    bitnpz.save("a.npz", {"x": array}, **how)
    return bitnpz.load("a.npz")["x"]


@pytest.mark.parametrize(
    ("items", "dtype"),
    [
        (["cat", "dog", ""], "<U3"),
        ([b"ab", b"c"], "|S2"),
        ([True, False], "|b1"),
        ([1, -5], "<i8"),
        ([2**63, 1], "<u8"),
        ([0.5, float("nan")], "<f8"),
        ([np.str_("a"), "b"], "<U1"),
        ([np.float32(0.25), 1.5], "<f8"),
        ([], "<U1"),
    ],
)
@pytest.mark.parametrize("save", [bitnpz.savez, bitnpz.savez_compressed, None])
def test_stores_objects_of_one_type(items, dtype, save):
    objects = np.empty(len(items), object)
    objects[:] = items
    with pytest.warns(bitnpz.StorageWarning, match=r"'x': an array of Python objects is stored and loaded as ") as caught:
        save("a.npz", x=objects) if save else bitnpz.save("a.npz", {"x": objects})
    assert caught[0].filename == __file__
    found = bitnpz.load("a.npz")["x"]
    assert found.dtype.str == dtype
    np.testing.assert_array_equal(found, np.array(items, found.dtype))
    assert np.load("a.npz")["x"].dtype.str == dtype


@pytest.mark.parametrize(
    ("items", "says"),
    [
        (["a", None], "item 0 of str, item 1 \\(None\\) of NoneType"),
        (["a", float("nan")], "item 1 \\(nan\\) of float"),
        ([1, "a"], "item 1 \\('a'\\) of str"),
        ([1, True], "of bool"),
        ([{}], "Python objects \\(dict\\)"),
        (["a\0"], "zero character"),
        ([2**70], "up to 64 bits"),
        ([2**63, -1], "64"),
        (["x" * (1 << 20)] + [""] * 1000, "store them joined"),
    ],
)
def test_refuses_other_objects_with_advice(items, says):
    objects = np.empty(len(items), object)
    objects[:] = items
    with pytest.raises(bitnpz.InputError, match=f"'x'.*{says}"):
        loaded(objects)


def test_stores_strings_of_varying_width():
    if not hasattr(np.dtypes, "StringDType"):
        pytest.skip("NumPy 1 has no such dtype")
    with pytest.warns(bitnpz.StorageWarning, match="StringDType"):
        assert loaded(np.array(["a", "word"], np.dtypes.StringDType())).dtype == "<U4"


def test_names_dtypes_of_other_libraries():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    for dtype in (ml_dtypes.float8_e5m2, ml_dtypes.bfloat16):
        with pytest.raises(bitnpz.InputError, match=f"'x'.*{np.dtype(dtype).name}.*view"):
            loaded(np.zeros((2, 2), dtype))


def test_saves_ordinary_data_beside_images(glyphs):
    boxes = np.arange(2400, dtype=np.uint8).reshape(600, 4)
    photo = np.arange(300, dtype=np.uint8).reshape(10, 10, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bitnpz.save("a.npz", {"masks": glyphs, "boxes": boxes, "photo": photo, "depth": np.linspace(0, 1, 500).reshape(5, 10, 10)})
    archive = bitnpz.load("a.npz")
    assert (archive["boxes"] == boxes).all() and archive["boxes"].dtype == np.uint8 and (archive["photo"] == photo).all()
    assert isinstance(archive["masks"], bitnpz.Images)


@pytest.mark.parametrize("encoding", ["sets", "packed", "plain"])
def test_warns_of_grey_images(glyphs, encoding):
    grey = np.arange(600 * 400, dtype=np.uint8).reshape(600, 20, 20)
    with pytest.warns(bitnpz.StorageWarning, match="'grey': found more than two values.*threshold.*add_array") as caught:
        bitnpz.save("a.npz", {"masks": glyphs, "grey": grey}, encoding=encoding)
    assert len(caught) == 1 and caught[0].filename == __file__
    assert (bitnpz.load("a.npz")["grey"] == grey).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bitnpz.save("a.npz", {"masks": glyphs, "grey": grey}, images=["masks"], encoding=encoding)
        bitnpz.save("a.npz", {"bytes": glyphs.astype(np.uint8)}, encoding=encoding)
    with pytest.raises(bitnpz.InputError, match="third: pixel"):
        bitnpz.save("a.npz", {"grey": grey}, images=["grey"])
    with pytest.raises(bitnpz.InputError, match="'missing'"):
        bitnpz.save("a.npz", {"grey": grey}, images=["missing"])


def test_bools_of_any_byte_round_trip():
    """Tests bools with bytes 0 and 255, which an array of a 1-bit picture opened by Pillow has."""
    image = np.eye(29, 37, dtype=np.uint8).repeat(3, 0).view(bool)
    bytes_of_pillow = (image.view(np.uint8) * 255).view(bool)
    for number, array in enumerate([bytes_of_pillow, bytes_of_pillow[None].repeat(600, 0), bytes_of_pillow[::2, 3:]]):
        expected = array.view(np.uint8) != 0 if array.flags.c_contiguous else np.array(array, copy=True).view(np.uint8) != 0
        for encoding in ("sets", "packed", "plain"):
            found = np.asarray(loaded(array, encoding=encoding))
            assert (found.view(np.uint8) == expected.view(np.uint8)).all(), (number, encoding)
        np.savez("b.npz", x=array)
        archive = bitnpz.load("b.npz")
        assert not archive.verify()
        assert (np.asarray(archive.images("x")).view(np.uint8) == expected.view(np.uint8)).all()
        with bitnpz.Writer("c.npz") as writer:
            writer.extend("x", [array, array])
            writer["y"] = archive.images("x")
        assert (np.asarray(bitnpz.load("c.npz")["x"][1]).view(np.uint8) == expected.view(np.uint8)).all()


STACK = np.stack([np.eye(28, 20, k=k * 4 % 9 - 4, dtype=bool).repeat(2, 0)[: 28] for k in range(700)])


@pytest.mark.parametrize(
    ("array", "axes"),
    [
        (STACK[..., None], None),
        (STACK[:, None], None),
        (STACK[..., None, None], None),
        (np.asfortranarray(STACK.transpose(1, 2, 0)), None),
        (np.ascontiguousarray(STACK.transpose(1, 2, 0)), "HWN"),
        (STACK.reshape(700, -1), "28x20"),
        (STACK.transpose(2, 0, 1), "WNH"),
    ],
)
def test_round_trips_any_axes(array, axes):
    bitnpz.save("plain.npz", {"x": STACK})
    size = len(open("plain.npz", "rb").read())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = loaded(array, axes={"x": axes} if axes else None)
    assert found.shape == array.shape and found.dtype == array.dtype
    assert (np.asarray(found) == array).all()
    assert len(open("a.npz", "rb").read()) < size + 200
    assert (np.asarray(bitnpz.load("a.npz").images("x")).reshape(STACK.shape) == STACK).all()


SQUARES = np.stack([np.eye(28, k=k * 4 % 9 - 4, dtype=bool).repeat(2, 0)[:28] for k in range(700)])


@pytest.mark.parametrize("encoding", ["sets", "packed", "plain"])
@pytest.mark.parametrize("shape", ["WH", "HW1", "HW11", "1WH", "1HW1", "NWH", "NCWH", "HNW", "WHN", "WNH", "NHW1", "784"])
def test_round_trips_square_images(shape, encoding):
    """Tests shapes that look the same along other axes, and axes of length 1, of one array and of images with keys of their own."""
    axes = {"784": "28x28"}.get(shape, shape.replace("1", "C"))
    letters = [letter for letter in shape if letter in "NHW"] if shape != "784" else []
    if "N" in shape:
        array = SQUARES[:, None].repeat(2, 1) if "C" in shape else SQUARES
        order = {"NWH": (0, 1, 2), "NCWH": (0, 1, 2, 3)}.get(shape)
        array = array if order else array.transpose([["N", "H", "W"].index(letter) for letter in letters])
        arrays = {"x": array[..., None] if shape.endswith("1") else array}
    elif shape == "784":
        arrays = {f"{number}": image.reshape(784) for number, image in enumerate(SQUARES[:30])}
    else:
        image_shape = [28 if letter in "HW" else 1 for letter in shape]
        arrays = {f"{number}": image.reshape(image_shape) for number, image in enumerate(SQUARES[:30])}
    bitnpz.save("a.npz", arrays, axes=dict.fromkeys(arrays, axes), encoding=encoding)
    with bitnpz.load("a.npz") as archive:
        assert list(archive) == list(arrays)
        for key, array in arrays.items():
            found = np.asarray(archive[key])
            assert found.shape == array.shape and (found == array).all(), key
    bitnpz.merge("b.npz", ["a.npz"])
    with bitnpz.Writer("b.npz", "a") as writer:
        del writer[next(iter(arrays))]
    with bitnpz.load("b.npz") as archive:
        for key, array in list(arrays.items())[1:]:
            assert np.array_equal(archive[key], array), key


@pytest.mark.parametrize(("array", "axes"), [(STACK.transpose(1, 2, 0), "HWN"), (STACK.reshape(700, -1), "28x20")])
def test_warns_of_costly_axes(array, axes):
    with pytest.warns(bitnpz.StorageWarning, match=f"'x': an array of shape .* times smaller with axes {axes}"):
        loaded(np.ascontiguousarray(array))


def test_refuses_axes_that_do_not_fit():
    for axes, says in [("HWNC", "axes HWNC, found shape \\(700, 28, 20\\)"), ("NN", "one H and one W"), ("28x21", "28x21")]:
        with pytest.raises(bitnpz.InputError, match=f"x.*{says}"):
            loaded(STACK, axes={"x": axes})
