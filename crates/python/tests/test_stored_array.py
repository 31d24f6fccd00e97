"""Arrays of which only what is wanted is read."""

import copy
import pickle

import bitnpz
import numpy as np
import pytest

GLYPHS = np.random.default_rng(1).random((900, 8, 8)) < 0.2


def arrays():
    numbers = np.arange(300_000) * 7919 % 1000
    rng = np.random.default_rng(0)
    boxes = np.zeros(100_000, [("box", "<f4", (4,)), ("name", "<U3")])
    boxes["box"] = rng.integers(0, 50, (100_000, 4))
    boxes["name"] = np.array(["a", "bc", "def"])[rng.integers(0, 3, 100_000)]
    return {
        "labels": numbers,
        "big_endian": numbers.astype(">i4"),
        "points": rng.standard_normal((50_000, 3)),
        "noise": rng.integers(0, 2**63, 200_000),
        "boxes": boxes,
        "times": np.datetime64("2020-01-01") + numbers.astype("timedelta64[D]"),
        "flags": rng.random(1_500_000) < 0.1,
    }


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("arrays") / "a.npz"
    bitnpz.save(path, {"glyphs": GLYPHS, "few": np.arange(10), **arrays()})
    return path


INDICES = [
    5,
    -1,
    np.int64(7),
    slice(None),
    slice(8190, 8195),
    slice(10, 2, -3),
    slice(-5, None),
    slice(3, 3),
    [1, 2, 40_000, -1, 1],
    np.array([[3, 4], [5, 6]]),
    np.array([], int),
    None,
    ...,
    (..., None),
    (slice(0, 6), None),
]


@pytest.mark.parametrize("key", arrays())
def test_indices_select_what_they_select_in_numpy(path, key):
    expected = arrays()[key]
    stored = bitnpz.load(path)[key]
    assert isinstance(stored, bitnpz.StoredArray)
    assert (stored.shape, stored.dtype, stored.ndim) == (expected.shape, expected.dtype, expected.ndim)
    assert (stored.size, stored.nbytes, len(stored)) == (expected.size, expected.nbytes, len(expected))
    mask = np.arange(len(expected)) % 1000 == 3
    for index in [*INDICES, mask]:
        found, wanted = stored[index], expected[index]
        assert type(found) is type(wanted) and np.array_equal(found, wanted), index
    if expected.ndim > 1:
        for index in [(5, 1), (slice(0, 9), 1), (slice(2, 9), slice(0, 2)), ([1, 2], [0, 1]), (..., 0)]:
            assert np.array_equal(stored[index], expected[index]), index


def test_fields_are_selected_too(path):
    boxes, expected = bitnpz.load(path)["boxes"], arrays()["boxes"]
    assert (boxes["name"] == expected["name"]).all() and boxes[17]["name"] == expected[17]["name"]
    assert (boxes[["name"]] == expected[["name"]]).all()


def test_it_is_used_as_an_array(path):
    labels, expected = bitnpz.load(path)["labels"], arrays()["labels"]
    assert (np.asarray(labels) == expected).all() and np.asarray(labels, np.float32).dtype == np.float32
    assert (labels == 3).sum() == (expected == 3).sum() and labels.max() == 999
    assert np.bincount(labels).tolist() == np.bincount(expected).tolist()
    assert list(labels)[:5] == expected[:5].tolist()
    out = np.empty(3, np.int64)
    assert labels.take([1, 2, -3], out=out) is out and (out == expected[[1, 2, -3]]).all()
    assert "labels" in repr(labels) and "(300000,)" in repr(labels)
    with pytest.raises(bitnpz.InputError, match="read-only"):
        labels[0] = 1
    with pytest.raises(bitnpz.InputError, match="copy"):
        np.array(labels, copy=False)


def test_wrong_indices_are_refused(path):
    labels = bitnpz.load(path)["labels"]
    for index in [300_000, -300_001, [1, 300_000], 2**70, 1.5, "no", (1, 2), np.ones(5, bool), [0.5]]:
        with pytest.raises((IndexError, ValueError)):
            labels[index]
    with pytest.raises(bitnpz.InputError, match="out: expected"):
        labels.take([1], out=np.empty(1, np.int32))
    with pytest.raises(bitnpz.InputError, match="axis"):
        labels.take([1], axis=1)


def test_small_and_other_arrays_are_arrays(path, tmp_path):
    assert type(bitnpz.load(path)["few"]) is np.ndarray
    np.savez_compressed(tmp_path / "numpy.npz", labels=arrays()["labels"])
    assert type(bitnpz.load(tmp_path / "numpy.npz")["labels"]) is np.ndarray
    bitnpz.savez(tmp_path / "savez.npz", labels=arrays()["labels"])
    assert type(bitnpz.load(tmp_path / "savez.npz")["labels"]) is np.ndarray


def test_numpy_reads_them_whole(path):
    for key, expected in arrays().items():
        assert np.array_equal(np.load(path)[key], expected)


def test_pickles_and_loaders(path):
    labels = pickle.loads(pickle.dumps(bitnpz.load(path)["labels"]))
    assert labels[299_999] == arrays()["labels"][-1]
    with bitnpz.load(path) as archive:
        labels = archive["labels"]
    assert pickle.loads(pickle.dumps(labels))[299_999] == labels[299_999] and copy.deepcopy(labels) is labels
    points = bitnpz.load(path)["points"]
    batches = [items for _, items in bitnpz.Loader(np.arange(50_000), points, batch_size=20_000)]
    assert (np.concatenate(batches) == arrays()["points"]).all()


def test_can_be_saved_again(path, tmp_path):
    archive = bitnpz.load(path)
    bitnpz.save(tmp_path / "again.npz", {key: archive[key] for key in archive})
    assert (np.asarray(bitnpz.load(tmp_path / "again.npz")["boxes"]) == arrays()["boxes"]).all()


def test_a_damaged_part_is_an_error_where_it_is_read(path, tmp_path):
    data = bytearray(path.read_bytes())
    info = bitnpz.load(path).zip.getinfo("labels.npy")
    data[info.header_offset + 200 + info.compress_size * 3 // 4] ^= 0x55
    damaged = tmp_path / "damaged.npz"
    damaged.write_bytes(data)
    labels = bitnpz.load(damaged)["labels"]
    assert (labels[:1000] == arrays()["labels"][:1000]).all()
    with pytest.raises(bitnpz.DamagedError, match="labels"):
        labels[:]
    assert [problem.member for problem in bitnpz.load(damaged).verify()] == ["labels.npy"]


@pytest.mark.parametrize("shuffle", [False, "blocks"])
def test_loaders_read_it_batch_by_batch_as_the_first_array_too(path, shuffle, monkeypatch):
    points = bitnpz.load(path)["points"]
    monkeypatch.setattr(bitnpz.StoredArray, "__array__", None)
    loader = bitnpz.Loader(points, np.arange(50_000), batch_size=999, shuffle=shuffle, block=500, window=4, dtype=np.float32)
    seen = []
    for batch, numbers in loader:
        assert batch.dtype == np.float32 and np.array_equal(batch, arrays()["points"][numbers].astype(np.float32))
        seen.extend(numbers)
    assert sorted(seen) == list(range(50_000))
