"""`Images` behave like the array that was saved."""

import itertools
import os
import pickle
import stat
import struct
import sys
import zlib

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import bitnpz


@pytest.fixture(params=["sets", "packed", "plain"])
def pair(request, glyphs):
    """`Images`, and the array that was saved."""
    stack = glyphs.astype(np.uint8) * 255
    bitnpz.save("a.npz", {"glyphs": stack}, encoding=request.param)
    return bitnpz.load("a.npz").images("glyphs"), stack


INDICES = [
    0, -1, 599, -600, np.int64(7), np.array(3), slice(None), slice(5, 2), slice(590, 700), slice(None, None, -7), ...,
    [], [5, 3, 9, 3], [-1, 0], np.arange(12).reshape(3, 4), np.array([], int), (3, slice(10, 20)), (3, 4, 5), (-1, ..., 2),
    (..., 3), (5, ..., 2, 3), (..., 1, 2, 3), (slice(2, 9), slice(None, None, 2), slice(3, 1, -1)), ([1, 2], slice(4, 6)), ([1, 2], 5), (slice(3), 0, 1),
    None, (None, 3), (3, None), (slice(2, 5), None, 1), (0, [1, 2]), (0, slice(None), [1, 2]), ([1, 2, 1], [3, 4, 5]), ([[1], [2]], [3, 4]),
    (None, [1, 2], slice(None), [3, 4]), (slice(1, 9), [3, 4], [5, 6]), (..., [0, 1]), ([5, 3], None, ..., None), True, False, (True, 3),
    (np.array(5), [2, 3]), ([5, 3], 4, [1, 2]), ([5, 3], slice(None), 4), ((5, 3),), (slice(3), np.ones(24, bool)), np.ones((600, 24), bool),
    np.uint8([200, 3]), slice(None, None, 10**30), slice(None, None, -(10**30)), (np.array([[1], [2]]), slice(0, 2)), (),
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_indexing_agrees_with_numpy(pair, index):
    images, stack = pair
    found, expected = images[index], stack[index]
    assert_array_equal(found, expected)
    assert found.dtype == expected.dtype and found.shape == expected.shape
    if isinstance(found, np.ndarray):
        assert found.flags.c_contiguous and found.flags.writeable


def test_masks_select_images_and_pixels(pair):
    images, stack = pair
    mask = stack.sum((1, 2)) > 20000
    assert_array_equal(images[mask], stack[mask])
    assert_array_equal(images[list(mask)], stack[mask])
    assert_array_equal(images[mask, 3:5], stack[mask, 3:5])
    for whole in (stack > 0, stack > 300, stack[:, :, 0] > 0, images > 0):
        assert_array_equal(images[whole], stack[np.asarray(whole)])
    with pytest.raises(IndexError, match=r"mask of shape \(600,\), found \(5,\)"):
        images[np.ones(5, bool)]
    with pytest.raises(IndexError, match=r"mask of shape \(600, 24, 20\), found \(600, 24, 21\)"):
        images[np.ones((600, 24, 21), bool)]


OUT_OF_BOUNDS = [600, -601, [0, 600], np.array([-601]), 10**30, (700, 1), np.array([2**64 - 1], np.uint64)]


@pytest.mark.parametrize("index", OUT_OF_BOUNDS, ids=str)
def test_refuses_indices_out_of_bounds(pair, index):
    with pytest.raises(IndexError, match=r"a.npz: index -?\d+ is out of bounds for 600 images") as caught:
        pair[0][index]
    assert isinstance(caught.value, bitnpz.Error)


@pytest.mark.parametrize("index", ["x", 1.5, [1.5], (0, "x"), (0, 1.5), (0, 0, 0, 0), (..., ...), ["a"], object(), {}], ids=str)
def test_refuses_invalid_indices(pair, index):
    with pytest.raises(bitnpz.NoSuchImageError):
        pair[0][index]


def test_behaves_like_an_array(pair):
    images, stack = pair
    assert len(images) == 600 and images.shape == (600, 24, 20) and images.ndim == 3 and images.dtype == np.uint8
    assert images.size == stack.size and images.nbytes == stack.nbytes
    assert_array_equal(np.asarray(images), stack)
    assert_array_equal(np.array(images, dtype=np.float32), stack.astype(np.float32))
    assert_array_equal(np.stack(list(images)), stack)
    assert_array_equal(images.popcount(), (stack > 0).sum((1, 2)))
    assert_array_equal(images.popcount([[3, -1]]), (stack[[[3, -1]]] > 0).sum((2, 3)))
    with pytest.raises(ValueError, match="copy"):
        np.asarray(images, copy=False)


@pytest.mark.parametrize("dtype", ["?", "u1", ">u2", "i4", "f2", "f4", ">f8", "u8"])
def test_take_converts_to_every_dtype(pair, dtype):
    images, stack = pair
    indices = np.random.default_rng(0).integers(-600, 600, 700)
    expected = stack[indices].astype(dtype)
    found = images.take(indices, dtype=dtype)
    assert found.dtype == expected.dtype
    assert_array_equal(found, expected)
    out = np.empty_like(expected)
    assert images.take(indices, out=out) is out
    assert_array_equal(out, expected)


def test_take_returns_packed_rows(pair):
    images, stack = pair
    expected = np.packbits(stack[[5, 3]], axis=-1)
    assert_array_equal(images.take([5, 3], packed=True), expected)
    out = np.empty((2, 24, 3), np.uint8)
    assert images.take([5, 3], out=out, packed=True) is out
    assert_array_equal(out, expected)
    with pytest.raises(ValueError, match="packed rows are uint8, found dtype float32"):
        images.take([1], packed=True, dtype=np.float32)


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (np.empty((2, 24, 21), np.uint8), r"expected shape \(2, 24, 20\) of uint8, found \(2, 24, 21\) of uint8"),
        (np.empty((2, 24, 40), np.uint8)[:, :, ::2], "C-contiguous False"),
        (np.asfortranarray(np.empty((2, 24, 20), np.uint8)), "C-contiguous False"),
        (np.frombuffer(bytes(960), np.uint8).reshape(2, 24, 20), "writeable False"),
        (np.empty(3841, np.uint8)[1:].view(np.float32).reshape(2, 24, 20), "aligned False"),
        ([[0]], "expected an ndarray, found list"),
        (np.empty((2, 24, 20), np.int8), "can hold, found other values"),
        (np.empty((2, 24, 20), complex), "a dtype of bool, integers or floats, found complex128"),
        (np.empty((2, 24, 20), object), "a dtype of bool, integers or floats, found object"),
    ],
)
def test_refuses_an_out_that_does_not_fit(pair, out, message):
    with pytest.raises(ValueError, match=message) as caught:
        pair[0].take([1, 2], out=out)
    assert isinstance(caught.value, bitnpz.InputError)


def test_refuses_a_dtype_that_contradicts_out(pair):
    with pytest.raises(ValueError, match="expected shape .* of float32"):
        pair[0].take([1], out=np.empty((1, 24, 20), np.uint8), dtype=np.float32)


def test_stacks_of_more_dimensions():
    stack = np.random.default_rng(0).random((40, 3, 2, 16, 9)) < 0.3
    bitnpz.save("a.npz", {"x": stack})
    images = bitnpz.load("a.npz")["x"]
    assert images.shape == stack.shape and len(images) == 40
    for index in (0, -1, np.int8(3), [3, 1], slice(2, 9), (5, 1), (5, 1, 0), ([1, 2], 2, slice(None), 3), ...):
        assert_array_equal(images[index], stack[index])
    assert_array_equal(images.take([[1], [2]], packed=True), np.packbits(stack[[[1], [2]]], axis=-1))
    assert_array_equal(images.popcount(), stack.sum((3, 4)))
    assert "shape (40, 3, 2, 16, 9)" in repr(images)


def test_keyed_images_are_one_set(glyphs):
    bitnpz.save("a.npz", {f"ix-{i:04}": image for i, image in enumerate(glyphs)})
    images = bitnpz.load("a.npz").images()
    assert_array_equal(np.asarray(images), glyphs)
    keys = images.keys()
    assert len(keys) == 600 and keys[-1] == "ix-0599" and keys[2:4] == ["ix-0002", "ix-0003"] and "ix-0004" in keys
    assert keys.index("ix-0005") == 5 and "ix-600" not in keys and list(keys)[7] == "ix-0007"
    assert_array_equal(images.by_key("ix-0017"), glyphs[17])
    assert_array_equal(images.by_key(["ix-0017", "ix-0003"]), glyphs[[17, 3]])
    with pytest.raises(KeyError, match="'x'"):
        images.by_key("x")


def test_reads_images_of_several_sizes_one_by_one():
    pictures = {f"p{i}": np.eye(i % 5 + 2, i % 3 + 4, dtype=">i2") for i in range(60)}
    bitnpz.save("a.npz", pictures)
    images = bitnpz.load("a.npz").images()
    assert images.shape == (60,) and "several sizes" in repr(images)
    for number, (key, picture) in enumerate(pictures.items()):
        for found in (images[number], images.by_key(key), images[np.int64(number)], images[number, :]):
            assert found.dtype == picture.dtype
            assert_array_equal(found, picture)
    assert [image.shape for image in images.__getitems__([0, 1])] == [(2, 4), (3, 5)]
    with pytest.raises(ValueError, match="differ in size"):
        images.take([0, 1])
    with pytest.raises(ValueError, match="differ in size"):
        np.asarray(images)


@pytest.mark.parametrize("dtype", ["?", "u1", ">i2", "f2", "f4", "f8"])
def test_images_of_several_sizes_are_converted_as_those_of_one(dtype):
    pictures = [np.where(np.eye(i % 5 + 2, i % 3 + 4, dtype=bool), 255, 1).astype(np.uint8) for i in range(60)]
    bitnpz.save("several.npz", {f"p{i}": picture for i, picture in enumerate(pictures)})
    bitnpz.save("one.npz", {f"p{i}": picture[:2, :4] for i, picture in enumerate(pictures)})
    several, one = bitnpz.load("several.npz").images(), bitnpz.load("one.npz").images()
    indices = [3, -1, np.int64(7), 0]
    for found, of_one, index in zip(several._read_each(indices, dtype), one._read_each(indices, dtype), indices, strict=True):
        expected = pictures[index] == 255 if dtype == "?" else pictures[index].astype(dtype)
        assert found.dtype == of_one.dtype == np.dtype(dtype)
        assert_array_equal(found, expected)
        assert_array_equal(of_one, expected[:2, :4])
    for images in (several, one):
        with pytest.raises(bitnpz.InputError, match="can hold, found other values"):
            images._read_each([0], np.int8)
        with pytest.raises(bitnpz.InputError, match="a dtype of bool, integers or floats"):
            images._read_each([0], complex)
        with pytest.raises(bitnpz.NoSuchImageError, match="index 60 is out of bounds for 60 images"):
            images._read_each([60], dtype)


def test_a_subset_finds_keys_at_their_first_places(glyphs):
    bitnpz.save("a.npz", {f"ix-{i:04}": image for i, image in enumerate(glyphs)})
    images = bitnpz.load("a.npz").images()
    order = np.random.default_rng(0).permutation(600)[:400].tolist()
    subset = images.subset(order + order[::-1])
    keys = subset.keys()
    assert [keys.index(f"ix-{stored:04}") for stored in order] == list(range(400))
    assert not any(f"ix-{stored:04}" in keys for stored in set(range(600)) - set(order))
    assert_array_equal(subset.by_key([f"ix-{order[399]:04}", f"ix-{order[0]:04}"]), glyphs[[order[399], order[0]]])
    part = subset.subset([5, 3]).keys()
    assert part.index(f"ix-{order[3]:04}") == 1 and f"ix-{order[4]:04}" not in part


def test_keys_are_looked_up_as_in_a_list(glyphs):
    bitnpz.save("a.npz", {f"ix-{i:04}": image for i, image in enumerate(glyphs)})
    images = bitnpz.load("a.npz").images()
    for keys in (images.subset([5, 3, 5, 9, 3]).keys(), images.subset(slice(2, 6)).keys(), images.subset([]).keys()):
        expected = list(keys)
        for bounds in itertools.product([-9, -2, -1, 0, 1, 2, 4, 9], [-9, -2, 0, 3, 9, None]):
            for key in {*expected, "ix-0007", "no"}:
                start, stop = bounds
                # `list.index` takes no None.
                found = [place for place in range(len(expected))[start:stop] if expected[place] == key]
                if found:
                    assert keys.index(key, start, stop) == found[0]
                else:
                    with pytest.raises(ValueError):
                        keys.index(key, start, stop)


def test_images_without_pixels():
    for shape in [(0, 5, 5), (3, 0, 4), (3, 4, 0)]:
        bitnpz.save("a.npz", {"x": np.zeros(shape, bool)})
        images = bitnpz.load("a.npz")["x"]
        assert images.shape == shape and np.asarray(images).shape == shape
        assert images.take([0] if shape[0] else []).shape[1:] == shape[1:]


def test_pickle_opens_the_file_again(glyphs, monkeypatch, tmp_path):
    bitnpz.save("a.npz", {"glyphs": glyphs, **{f"ix-{i}": image for i, image in enumerate(glyphs[:50])}})
    archive = bitnpz.load("a.npz")
    handles = pickle.dumps((archive, archive["glyphs"], archive.images()))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    archive, stack, keyed = pickle.loads(handles)
    assert len(archive) == 51
    assert_array_equal(np.asarray(stack), glyphs)
    assert_array_equal(np.asarray(keyed), glyphs[:50])
    stack, keyed = archive["glyphs"], archive.images()
    archive.close()
    archive.close()
    for images in (stack, keyed, stack.subset([7, 9])):
        again = pickle.loads(pickle.dumps(images))
        assert_array_equal(again[0], images[0])
    with pytest.raises(bitnpz.ClosedError):
        pickle.dumps(archive)
    memory = bitnpz.NpzFile((tmp_path / "a.npz").read_bytes())
    assert_array_equal(pickle.loads(pickle.dumps(memory["glyphs"]))[3], glyphs[3])


def test_repr_of_images(pair):
    text = repr(pair[0])
    assert text.startswith("Images a.npz['glyphs']: 600 of 24 x 20, uint8, ") and text.endswith("bytes each")


def png_size(png):
    """Returns width and height, after a check of the whole file."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    offset, size, kinds = 8, None, []
    while offset < len(png):
        length, kind = struct.unpack(">I4s", png[offset : offset + 8])
        body = png[offset + 4 : offset + 8 + length]
        assert struct.unpack(">I", png[offset + 8 + length : offset + 12 + length])[0] == zlib.crc32(body)
        size = size or struct.unpack(">II", body[4:12])
        kinds.append(kind)
        offset += 12 + length
    assert kinds[-1] == b"IEND"
    return size


def test_sheet_is_a_valid_png(pair, tmp_path):
    images, _ = pair
    for png in (images._repr_png_(), images.sheet(range(30)).png, images.sheet([]).png):
        assert min(png_size(png)) > 0
    images.sheet([0]).save("one.png")
    assert (tmp_path / "one.png").stat().st_size > 0
    assert "data:image/png;base64," in images._repr_html_() and "600 of 24 x 20" in images._repr_html_()


@pytest.mark.skipif(sys.platform != "linux", reason="limits, links and devices of Linux")
def test_a_sheet_replaces_a_picture_whole_or_not_at_all(pair):
    import resource

    sheet = pair[0].sheet(range(30))
    with open("old.png", "wb") as file:
        file.write(b"old")
    os.chmod("old.png", 0o640)
    os.symlink("old.png", "link.png")
    before = sorted(os.listdir())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(sheet.png) // 2, hard))
    try:
        with pytest.raises(bitnpz.FileError, match="File too large: 'old.png'"):
            sheet.save("old.png")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert open("old.png", "rb").read() == b"old" and sorted(os.listdir()) == before
    sheet.save("link.png")
    assert open("old.png", "rb").read() == sheet.png and os.path.islink("link.png")
    assert stat.S_IMODE(os.stat("old.png").st_mode) == 0o640 and sorted(os.listdir()) == before
    sheet.save("/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_an_ellipsis_parts_indices_even_where_it_stands_for_no_axis():
    stack = np.random.default_rng(0).random((60, 7, 12, 17)) < 0.3
    bitnpz.save("a.npz", {"x": stack})
    images = bitnpz.load("a.npz")["x"]
    for index in [(slice(None), slice(None), [0, 1], ..., 3), ([0, 1], ..., slice(None), slice(None), 3), ([0, 1], ..., 2, 3, 4)]:
        assert images[index].shape == stack[index].shape and (images[index] == stack[index]).all(), index
    assert images[:, :, [0, 1], ..., 3].shape == (2, 60, 7)


def test_items_without_axes_are_scalars_or_arrays_as_in_numpy(pair):
    images, stack = pair
    for index in [(5, 4, 3), (..., 5, 4, 3), (5, 4, 3, ...), (5, ..., 4, 3)]:
        assert type(images[index]) is type(stack[index]) and images[index] == stack[index], index


@pytest.mark.parametrize("index", [slice(1.0, 2), (slice(None), slice(0, 2.5)), (0, slice("a", None)), ([1, 2], slice(0.0))], ids=str)
def test_slices_are_of_integers(pair, index):
    with pytest.raises(TypeError, match="slice indices must be integers"):
        pair[0][index]


@pytest.mark.parametrize("index", [(slice(None),) * 4, (..., *(slice(None),) * 4), (0, slice(None), slice(None), slice(None))], ids=str)
def test_indices_for_more_axes_than_there_are_read_nothing(pair, index, monkeypatch):
    monkeypatch.setattr(type(pair[0]), "_read", None)
    with pytest.raises(bitnpz.NoSuchImageError, match="a.npz: too many indices: the array has 3 dimensions, and 4 were indexed"):
        pair[0][index]


def an_index(random, shape):
    """Returns a random index: of parts of every kind, in any order, and more of them than there are axes now and then."""
    parts, axis = [], 0
    while axis < len(shape) and random.random() < 0.85:
        length = shape[axis]
        bounds = [None, *range(-length - 2, length + 3)]
        numbers = random.integers(-length, length, random.integers(1, 4)) if length else np.zeros(0, int)
        few = lambda: random.integers(-length, length, 3) if length else np.zeros(0, int)
        one = int(random.integers(-length - (random.random() < 0.02), max(length, 1)))
        masked = shape[axis : axis + int(random.integers(1, 3))]
        kinds = [
            lambda: slice(None),
            lambda: slice(random.choice(bounds), random.choice(bounds), random.choice([None, 1, 2, -1, -3])),
            lambda: one,
            lambda: np.int64(one),
            lambda: np.array(one),
            lambda: few(),
            lambda: few().tolist(),
            lambda: abs(few()).astype(np.uint16),
            lambda: numbers.reshape(-1, 1),
            lambda: random.random(masked) < 0.4,
            lambda: (random.random(length) < 0.4).tolist() or [False] * length,
        ]
        weights = np.array([6, 4, 4, 1, 1, 3, 2, 1, 1, 2, 1])
        part = kinds[random.choice(len(kinds), p=weights / weights.sum())]()
        parts.append(part)
        axis += part.ndim if isinstance(part, np.ndarray) and part.dtype == bool else 1
    extra = [(None, 0.15), (..., 0.4), (..., 0.03), (True, 0.03), (False, 0.02), (slice(None), 0.05), (slice(0, 1.5), 0.01), ("x", 0.005)]
    for part, probability in extra:
        if random.random() < probability:
            parts.insert(random.integers(len(parts) + 1), part)
    return parts[0] if len(parts) == 1 and random.random() < 0.5 else tuple(parts)


def agree(found_in, expected_in, index):
    """Checks that an index selects the same of two arrays, or is an error for both."""
    try:
        expected = expected_in[index]
    except (IndexError, TypeError):
        with pytest.raises((IndexError, TypeError)):
            found_in[index]
        return
    found = found_in[index]
    assert type(found) is type(expected) and found.shape == expected.shape and found.dtype == expected.dtype, index
    assert found.tobytes() == expected.tobytes(), index
    assert not isinstance(found, np.ndarray) or (found.flags.c_contiguous and found.flags.writeable), index


@pytest.mark.parametrize("seed", range(30))
def test_random_indices_agree_with_numpy(seed):
    random = np.random.default_rng(seed)
    lengths = [0, 1, 2, 9, 17, 33]
    shape = (int(random.choice([0, 1, 3, 50, 130])), *(int(random.choice(lengths)) for _ in range(random.integers(2, 5))))
    dtype = np.dtype(random.choice(["?", "u1", "i1", ">u2", "f2", "f4", ">f8", "i8"]))
    pairs = {"b": [(0, 1)], "u": [(0, 1), (1, 3)], "i": [(-1, 1), (0, 7)], "f": [(-0.0, 0.0), (0.5, np.inf)]}[dtype.kind]
    values = np.array(pairs[random.integers(len(pairs))]).astype(dtype)
    stack = values[(random.random(shape) < random.choice([0.05, 0.5])).astype(int)]
    bitnpz.save("a.npz", {"x": stack}, encoding=random.choice(["sets", "packed", "plain"]))
    images = bitnpz.load("a.npz").images("x")
    for _ in range(100):
        agree(images, stack, an_index(random, shape))


@pytest.mark.parametrize("shape", [(140_000,), (600, 250), (90, 33, 50), (70, 11, 20, 9)], ids=str)
def test_random_indices_of_stored_arrays_agree_with_numpy(shape):
    random = np.random.default_rng(len(shape))
    array = random.integers(0, 2**60, shape)
    bitnpz.save("a.npz", {"x": array, "glyphs": random.random((3000, 8, 8)) < 0.3})
    stored = bitnpz.load("a.npz")["x"]
    assert isinstance(stored, bitnpz.StoredArray)
    for _ in range(500):
        agree(stored, array, an_index(random, shape))
