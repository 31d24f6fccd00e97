"""A loader yields every image once, in an order that can be repeated."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import bitnpz


@pytest.fixture
def images(glyphs):
    bitnpz.save("a.npz", {"glyphs": glyphs})
    return bitnpz.load("a.npz")["glyphs"]


def numbers(loader):
    """Returns the labels of all batches, concatenated."""
    return np.concatenate([labels for _, labels in loader])


@pytest.mark.parametrize("prefetch", [0, 1, 4])
@pytest.mark.parametrize("batch_size", [1, 7, 100, 600, 1000])
def test_epoch_yields_every_image_once(images, glyphs, prefetch, batch_size):
    loader = bitnpz.Loader(images, np.arange(600), batch_size=batch_size, shuffle=True, seed=3, prefetch=prefetch)
    epochs = []
    for epoch in range(2):
        batches = list(loader)
        assert len(batches) == len(loader) == -(-600 // batch_size) and loader.epoch == epoch
        for batch, labels in batches:
            assert_array_equal(batch, glyphs[labels])
        epochs.append(np.concatenate([labels for _, labels in batches]))
        assert_array_equal(np.sort(epochs[-1]), np.arange(600))
    assert (epochs[0] != epochs[1]).any() and (epochs[0] != np.arange(600)).any()


def test_seed_decides_the_order(images):
    def order(seed, **options):
        return numbers(bitnpz.Loader(images, np.arange(600), shuffle=True, seed=seed, **options))

    assert_array_equal(order(1), order(1, batch_size=32, prefetch=0))
    assert (order(1) != order(2)).any()
    assert_array_equal(numbers(bitnpz.Loader(images, np.arange(600))), np.arange(600))


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("world_size", [1, 2, 3, 7])
def test_ranks_share_the_images(images, shuffle, world_size):
    options = dict(batch_size=32, shuffle=shuffle, world_size=world_size)
    parts = [numbers(bitnpz.Loader(images, np.arange(600), rank=rank, **options)) for rank in range(world_size)]
    assert_array_equal(np.sort(np.concatenate(parts)), np.arange(600))
    full = [list(bitnpz.Loader(images, rank=rank, drop_last=True, **options)) for rank in range(world_size)]
    assert {len(part) for part in full} == {600 // world_size // 32}
    assert all(len(batch) == 32 for part in full for batch in part)
    more = bitnpz.Loader(images[:2], rank=5, world_size=9)
    assert len(more) == 0 and list(more) == []


@pytest.mark.parametrize("stop", [0, 1, 3, 5, 6])
@pytest.mark.parametrize("prefetch", [0, 2])
def test_resumes_within_an_epoch(images, stop, prefetch):
    def loader():
        return bitnpz.Loader(images, np.arange(600), batch_size=100, shuffle=True, seed=5, prefetch=prefetch)

    whole = loader()
    expected = [labels for _ in range(3) for _, labels in whole]
    first = loader()
    list(first)
    batches = iter(first)
    given = [next(batches)[1] for _ in range(stop)]
    state = first.state_dict()
    assert {type(value) for value in state.values()} <= {int, bool}
    resumed = loader()
    resumed.load_state_dict(state)
    assert resumed.state_dict()["batch"] == stop % 6
    rest = [labels for _ in range(2 if stop < 6 else 1) for _, labels in resumed]
    for found, wanted in zip(given + rest, expected[6:], strict=True):
        assert_array_equal(found, wanted)
    with pytest.raises(ValueError, match="batch_size=50, found 100"):
        bitnpz.Loader(images, batch_size=50, shuffle=True, seed=5).load_state_dict(state)


def test_abandoned_iterations_do_no_harm(images):
    loader = bitnpz.Loader(images, batch_size=100)
    for _ in range(3):
        for batch in loader:
            assert_array_equal(batch, images[:100])
            break


def test_yields_dtypes_packed_rows_and_other_arrays(images, glyphs):
    (batch,) = bitnpz.Loader(images, batch_size=600, dtype=np.float32)
    assert batch.dtype == np.float32
    assert_array_equal(batch, glyphs)
    (batch,) = bitnpz.Loader(images, batch_size=600, packed=True)
    assert_array_equal(batch, np.packbits(glyphs, axis=-1))
    (batch,) = bitnpz.Loader(glyphs, batch_size=600, dtype=np.uint8)
    assert_array_equal(batch, glyphs)
    ((one, two, three),) = bitnpz.Loader(images, images, list(range(600)), batch_size=600)
    assert_array_equal(one, two)
    assert_array_equal(three, np.arange(600))


def test_raises_errors_of_the_background_thread(glyphs):
    bitnpz.save("a.npz", {"glyphs": glyphs})
    images = bitnpz.load("a.npz", access="read")["glyphs"]
    batches = iter(bitnpz.Loader(images, batch_size=10))
    next(batches)
    with open("a.npz", "r+b") as file:
        file.truncate(50)
    with pytest.raises(bitnpz.Error):
        list(batches)


def test_refuses_invalid_arguments(images):
    for arguments in ({"batch_size": 0}, {"prefetch": -1}, {"rank": 1}, {"rank": -1, "world_size": 2}):
        with pytest.raises(ValueError, match="expected batch_size >= 1"):
            bitnpz.Loader(images, **arguments)
    with pytest.raises(ValueError, match="as many items as images, 600, found 3"):
        bitnpz.Loader(images, [1, 2, 3])
    with pytest.raises(ValueError, match="packed"):
        bitnpz.Loader(np.zeros((3, 2, 2)), packed=True)
