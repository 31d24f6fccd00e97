"""`Images` do what the array does, or say that `np.asarray(images)` would."""

import copy
import operator
import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import bitnpz


@pytest.fixture(params=["sets", "packed"])
def pair(request, glyphs):
    """`Images`, and the array that was saved."""
    stack = np.where(glyphs, 7.0, -1.0).astype(np.float32)
    bitnpz.save("a.npz", {"glyphs": stack}, encoding=request.param)
    return bitnpz.load("a.npz")["glyphs"], stack


ARRAY_OPERATIONS = {
    "equal": lambda x: x == 7,
    "equal to itself": lambda x: x == x,
    "unequal": lambda x: x != x[3],
    "less": lambda x: x < 0,
    "not": lambda x: ~(x > 0),
    "not of a comparison": lambda x: ~x.astype(bool),
    "plus": lambda x: x + 1,
    "plus from the right": lambda x: 1 + x,
    "array plus": lambda x: np.ones((24, 20), np.float32) + x,
    "minus": lambda x: -x,
    "mean of two": lambda x: (x + x) / 2,
    "power": lambda x: x**2,
    "matrix product": lambda x: x[:4] @ np.ones((20, 3), np.float32),
    "products": lambda x: np.ones((3, 24), np.float32) @ x,
    "mean": lambda x: x.mean(),
    "mean of images": lambda x: x.mean(axis=(1, 2)),
    "sum": lambda x: x.sum(0),
    "any": lambda x: x.any(axis=0),
    "max": lambda x: (x.max(), x.min(), x.std(), x.var()),
    "argmax": lambda x: x.argmax(),
    "astype": lambda x: x.astype(np.uint8),
    "reshape": lambda x: x.reshape(len(x), -1),
    "T": lambda x: x.T,
    "transpose": lambda x: x.transpose(0, 2, 1),
    "swapaxes": lambda x: x.swapaxes(1, 2),
    "copy": lambda x: x.copy(),
    "flatten": lambda x: (x.flatten(), x.ravel()),
    "squeeze": lambda x: x.squeeze(),
    "nonzero": lambda x: x.nonzero()[1],
    "clip": lambda x: x.clip(0, 1),
    "round": lambda x: x.round(),
    "tolist": lambda x: x.tolist(),
    "tobytes": lambda x: x.tobytes(),
    "item sizes": lambda x: (x.size, x.nbytes, x.itemsize, x.ndim, len(x), x.shape, x.dtype),
    "contains": lambda x: (7 in x, 3 in x),
    "np.concatenate": lambda x: np.concatenate([x, x[:2], x]),
    "np.stack": lambda x: np.stack([x, x]),
    "np.vstack": lambda x: np.vstack([x, x]),
    "np.append": lambda x: np.append(x, x[:1], axis=0),
    "np.array_equal": lambda x: np.array_equal(x, x),
    "np.allclose": lambda x: np.allclose(x, x + 1e-9),
    "np.mean": lambda x: np.mean(x, axis=(1, 2)),
    "np.sum": lambda x: np.sum(x),
    "np.unique": lambda x: np.unique(x),
    "np.reshape": lambda x: np.reshape(x, (600, -1)),
    "np.transpose": lambda x: np.transpose(x, (0, 2, 1)),
    "np.moveaxis": lambda x: np.moveaxis(x, 0, -1),
    "np.expand_dims": lambda x: np.expand_dims(x, 1),
    "np.newaxis": lambda x: x[:5, np.newaxis],
    "np.pad": lambda x: np.pad(x, ((0, 0), (1, 1), (2, 2))),
    "np.flip": lambda x: np.flip(x, axis=2),
    "np.rot90": lambda x: np.rot90(x, axes=(1, 2)),
    "np.where": lambda x: np.where(x > 0, 1, 0),
    "np.packbits": lambda x: np.packbits(x > 0, axis=-1),
    "np.count_nonzero": lambda x: np.count_nonzero(x > 0),
    "np.split": lambda x: np.split(x, 3)[1],
    "np.take": lambda x: np.take(x, [5, 3], axis=0),
    "np.take of pixels": lambda x: np.take(x, [5, 3]),
    "take": lambda x: x.take([5, 3], axis=0),
    "np.float32": lambda x: np.asarray(x, dtype=np.float64),
    "np.array": lambda x: np.array(x, copy=True, order="F"),
    "np.shape": lambda x: (np.shape(x), np.size(x), np.ndim(x)),
    "np.add.reduce": lambda x: np.add.reduce(x),
    "np.maximum.accumulate": lambda x: np.maximum.accumulate(x, axis=1),
    "np.from_dlpack": lambda x: np.from_dlpack(x),
    "permutation": lambda x: x[np.random.default_rng(0).permutation(len(x))],
    "iteration": lambda x: [image for image in x][-1],
    "enumerate": lambda x: [i for i, image in enumerate(x) if image.any()],
    "zip": lambda x: [pair for pair in zip(x, range(3))][2][0],
    "reversed": lambda x: next(reversed(x)),
    "sorted by sum": lambda x: x[np.argsort(x.sum((1, 2)))],
    "dir": lambda x: {"mean", "astype", "T", "tolist"} <= set(dir(x)),
    "np.testing": lambda x: np.testing.assert_array_equal(x, x),
}


@pytest.mark.parametrize("name", ARRAY_OPERATIONS)
def test_agrees_with_the_array(pair, name):
    images, stack = pair
    found, expected = ARRAY_OPERATIONS[name](images), ARRAY_OPERATIONS[name](stack)
    if isinstance(expected, np.ndarray):
        assert isinstance(found, np.ndarray) and found.dtype == expected.dtype
    np.testing.assert_equal(found, expected)


def test_bitwise_operators_of_bool_images(glyphs):
    bitnpz.save("a.npz", {"glyphs": glyphs})
    images = bitnpz.load("a.npz")["glyphs"]
    assert_array_equal(~images, ~glyphs)
    assert_array_equal(images ^ glyphs[0], glyphs ^ glyphs[0])
    assert_array_equal(images & images, glyphs)


def change(images, value=0):
    images[3] = value


CHANGES = {
    "assignment": change,
    "in place": lambda images: operator.iadd(images, 1),
    "out": lambda images: np.add(images, 1, out=images),
    "at": lambda images: np.add.at(images, 0, 5),
    "at without an operand": lambda images: np.negative.at(images, 0),
}


@pytest.mark.parametrize("name", CHANGES)
def test_refuses_changes(pair, name):
    with pytest.raises(bitnpz.InputError, match=r"read-only: change np\.asarray\(images\)"):
        CHANGES[name](pair[0])


def test_changes_of_other_arrays_and_of_flat_items(pair):
    images, stack = pair
    sums = np.zeros_like(stack)
    np.add.at(sums, slice(None), images)
    assert_array_equal(sums, stack)
    assert images.flat[7] == stack.flat[7]
    with pytest.raises(ValueError, match="read-only"):
        images.flat[7] = 5
    bitnpz.save("cube.npz", {"cube": np.random.default_rng(0).random((40, 40, 40)) < 0.3})
    with pytest.raises(ValueError, match="read-only"):
        np.fill_diagonal(bitnpz.load("cube.npz")["cube"], True)


@pytest.mark.parametrize("name", ["sort", "fill", "resize", "flags", "data", "base", "ctypes", "setflags", "partition", "itemset"])
def test_missing_attribute_points_to_asarray(pair, name):
    expected = r"np\.asarray\(images\)" if hasattr(np.ndarray, name) else "no attribute"
    with pytest.raises(AttributeError, match=expected):
        getattr(pair[0], name)


def test_refuses_a_truth_value(pair):
    for value in pair:
        with pytest.raises(ValueError, match="truth value"):
            bool(value)


def test_hashes_pickles_and_copies(pair):
    images = pair[0]
    assert {images: 1}[images] == 1 and images not in {object(): 1}
    assert_array_equal(pickle.loads(pickle.dumps(images)), pair[1])
    assert copy.copy(images) is images and copy.deepcopy([images])[0] is images
    with pytest.raises(AttributeError, match="'Images' object has no attribute 'images'"):
        images.images
    with pytest.raises(BufferError, match="copy"):
        images.__dlpack__(copy=False)


def test_hasattr_reads_nothing(pair, monkeypatch):
    monkeypatch.setattr(bitnpz.Images, "_read", None)
    images = pair[0]
    assert all(hasattr(images, name) for name in ("mean", "astype", "tolist", "__array__", "__dlpack__"))
    assert not any(hasattr(images, name) for name in ("iloc", "__array_interface__", "__cuda_array_interface__", "columns"))
    # What one version of NumPy has and another has not, as `ptp` and `mT`.
    monkeypatch.setattr(bitnpz._arithmetic, "_READ_ONLY_ATTRIBUTES", {"an_attribute_of_no_array"})
    assert not hasattr(images, "an_attribute_of_no_array")
    assert images.subset([3, 4]).shape == (2, 24, 20)


@pytest.mark.parametrize("indices", [[5, 3, 5], slice(None, None, -7), np.arange(0), np.arange(600) % 3 == 0, [-1, -600]], ids=str)
def test_subset_is_a_view(pair, indices):
    images, stack = pair
    subset, expected = images.subset(indices), stack[indices]
    assert isinstance(subset, bitnpz.Images) and subset.shape == expected.shape and "subset" in repr(subset)
    assert_array_equal(subset, expected)
    assert_array_equal(subset[::-1], expected[::-1])
    assert_array_equal(subset.take(np.arange(len(subset)), packed=True), np.packbits(expected > 0, axis=-1))
    assert_array_equal(subset.popcount(), (expected > 0).sum((1, 2)))
    assert_array_equal(pickle.loads(pickle.dumps(subset)), expected)
    assert len(subset.sheet().png) > 0
    for place in range(-len(subset), len(subset)):
        assert_array_equal(subset[place], expected[place])
    with pytest.raises(IndexError, match="out of bounds"):
        subset[len(subset)]
    if len(subset):
        assert_array_equal(subset.subset([-1, 0]), expected[[-1, 0]])
        assert_array_equal(pickle.loads(pickle.dumps(subset.subset([0]))), expected[:1])
    bitnpz.save("copy.npz", {"subset": subset})
    assert_array_equal(bitnpz.load("copy.npz")["subset"], expected)


def test_subsets_of_keyed_ragged_and_deeper_images(glyphs):
    bitnpz.save("a.npz", {f"ix-{i:04}": image for i, image in enumerate(glyphs)})
    subset = bitnpz.load("a.npz").images().subset([7, 3])
    assert list(subset.keys()) == ["ix-0007", "ix-0003"] and "ix-0004" not in subset.keys()
    assert_array_equal(subset.by_key("ix-0003"), glyphs[3])
    with pytest.raises(KeyError):
        subset.by_key("ix-0004")
    bitnpz.save("b.npz", {f"p{i}": np.eye(i % 5 + 2, i % 3 + 4) for i in range(60)})
    ragged = bitnpz.load("b.npz").images().subset([9, 4])
    assert len(ragged) == 2 and ragged[0].shape == (6, 4) and [image.shape for image in ragged] == [(6, 4), (6, 5)]
    stacks = np.random.default_rng(0).random((40, 3, 16, 9)) < 0.3
    bitnpz.save("c.npz", {"x": stacks})
    assert_array_equal(bitnpz.load("c.npz")["x"].subset([9, 4])[1, 2], stacks[4, 2])
    masks = [np.ones(5, bool), np.ones((600, 24), bool), glyphs, np.ones((600, 1), bool), True, np.zeros((), bool)]
    for wrong in ([600], [[1, 2]], [1.5], "x", *masks):
        with pytest.raises((IndexError, ValueError)):
            bitnpz.load("a.npz").images().subset(wrong)


def test_loads_training_and_validation_subsets(pair):
    images, stack = pair
    order = np.random.default_rng(1).permutation(600)
    for part in (order[:500], order[500:]):
        loader = bitnpz.Loader(images.subset(part), part, batch_size=64, shuffle=True)
        seen = [(batch, numbers) for batch, numbers in loader]
        assert_array_equal(np.sort(np.concatenate([numbers for _, numbers in seen])), np.sort(part))
        assert all((batch == stack[numbers]).all() for batch, numbers in seen)


@pytest.mark.parametrize("dtype", [complex, object, str, np.float32, np.float16, "S4", np.int8, bool, ">f8"])
def test_converts_as_an_array_is_cast(glyphs, dtype):
    stack = np.where(glyphs, 0.9, 0.1)
    bitnpz.save("a.npz", {"x": stack})
    images = bitnpz.load("a.npz")["x"]
    found = np.asarray(images, dtype=dtype)
    assert found.dtype == stack.astype(dtype).dtype
    assert_array_equal(found, stack.astype(dtype))
    assert_array_equal(np.array(images.subset([3]), dtype), stack[[3]].astype(dtype))
    with pytest.raises(bitnpz.InputError):
        images.take([0], dtype=complex)


def test_counts_images_where_the_default_integer_has_32_bits(pair, monkeypatch):
    """As on Windows with NumPy 1."""
    arange = np.arange
    monkeypatch.setattr(np, "arange", lambda *bounds, dtype=np.int32: arange(*bounds, dtype=dtype))
    images, stack = pair
    assert_array_equal(images.subset(slice(5, 90, 3)), stack[5:90:3])
    bitnpz.save("b.npz", {"glyphs": images, "numbers": arange(300_000)})
    numbers = bitnpz.load("b.npz")["numbers"]
    assert isinstance(numbers, bitnpz.StoredArray)
    assert_array_equal(numbers[5:90:3], arange(5, 90, 3))
