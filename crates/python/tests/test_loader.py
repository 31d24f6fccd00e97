"""A loader yields every image once, in an order that can be repeated."""

import io
import json

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


@pytest.mark.parametrize("prefetch", [0, 2])
def test_setting_the_epoch_starts_it(images, prefetch):
    def loader():
        return bitnpz.Loader(images, np.arange(600), shuffle=True, batch_size=100, prefetch=prefetch)

    some = loader()
    epochs = [numbers(some) for _ in range(4)]
    for started in (loader(), some):
        started.epoch = np.int64(2)
        assert started.epoch == 2 and started.state_dict()["batch"] == 0
        assert [numbers(started).tolist(), numbers(started).tolist()] == [epochs[2].tolist(), epochs[3].tolist()]
    batches = iter(some)
    next(batches)
    some.epoch = 1
    next(batches)
    assert (some.state_dict()["epoch"], some.state_dict()["batch"]) == (1, 0)
    assert (numbers(some) == epochs[1]).all()
    for epoch in (-1, 1.5, "2", None):
        with pytest.raises(bitnpz.InputError, match="epoch: expected an int of 0 or more"):
            some.epoch = epoch


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


@pytest.mark.parametrize("length, world_size", [(1000, 1), (1000, 3), (999, 2), (37, 4), (130, 1)])
def test_blocks_are_shuffled_and_shared_without_overlap(length, world_size):
    numbers = np.arange(length)
    for drop_last in (False, True):
        loaders = [
            bitnpz.Loader(numbers, batch_size=32, shuffle="blocks", block=50, window=3, rank=rank, world_size=world_size, drop_last=drop_last)
            for rank in range(world_size)
        ]
        read = np.concatenate([batch for loader in loaders for batch in loader] or [numbers[:0]])
        assert len(set(read.tolist())) == len(read)
        if drop_last:
            assert len({len(loader) for loader in loaders}) == 1
        else:
            assert sorted(read.tolist()) == numbers.tolist()
            assert length < 100 or read.tolist() != numbers.tolist()


def test_blocks_differ_between_epochs_and_resume(images, glyphs):
    def loader():
        return bitnpz.Loader(images, np.arange(len(glyphs)), batch_size=16, shuffle="blocks", block=64, window=2, seed=3)

    first = loader()
    orders = [np.concatenate([numbers for _, numbers in first]).tolist() for _ in range(2)]
    assert orders[0] != orders[1] and sorted(orders[0]) == sorted(orders[1])
    other = loader()
    batches = iter(other)
    for _ in range(5):
        batch, numbers = next(batches)
        assert (batch == glyphs[numbers]).all()
    resumed = loader()
    resumed.load_state_dict(other.state_dict())
    rest = [numbers.tolist() for _, numbers in resumed]
    assert rest == [numbers.tolist() for _, numbers in batches]
    with pytest.raises(bitnpz.InputError, match="window"):
        bitnpz.Loader(images, batch_size=16, shuffle="blocks", block=64, window=3, seed=3).load_state_dict(other.state_dict())
    assert "in blocks of 64" in repr(other)


def test_labels_of_a_sorted_archive_are_mixed_as_is_claimed():
    labels = np.arange(200_000) // 2000
    mixed = {}
    for shuffle in (False, "blocks", True):
        loader = bitnpz.Loader(labels, batch_size=256, shuffle=shuffle, block=1024, window=16)
        mixed[shuffle] = np.mean([len(set(batch.tolist())) for batch in loader])
    assert mixed[False] < 1.2
    # Sixteen blocks have one or two of a hundred labels each.
    assert 16 < mixed["blocks"] < 27
    assert mixed[True] > 85


def test_a_store_is_asked_for_a_window_at_once():
    noise = np.random.default_rng(0).random((40_000, 16, 16)) < 0.3
    file = io.BytesIO()
    bitnpz.save(file, {"noise": noise}, codec="raw")

    class Counted:
        name, requests, bytes = "noise.npz", 0, 0

        def length(self):
            return len(file.getvalue())

        def read_ranges(self, starts, ends):
            type(self).requests += 1
            type(self).bytes += sum(ends) - sum(starts)
            return [file.getvalue()[start:end] for start, end in zip(starts, ends, strict=True)]

    images = bitnpz.load(Counted())["noise"]
    loader = bitnpz.Loader(images, np.arange(40_000), batch_size=256, shuffle="blocks", block=2048, window=4)
    before = Counted.requests
    for batch, numbers in loader:
        assert (batch == noise[numbers]).all()
    # Five windows, and what opens the payloads.
    assert Counted.requests - before <= 7 and Counted.bytes < 1.3 * len(file.getvalue())


def test_numbers_of_numpy_are_taken_for_those_of_python(images):
    plain = bitnpz.Loader(images, np.arange(600), shuffle=True, seed=3)
    for shuffle in (1, np.True_, np.int64(1)):
        loader = bitnpz.Loader(images, np.arange(600), shuffle=shuffle, seed=np.int64(3))
        assert loader.state_dict() == plain.state_dict() and {type(value) for value in loader.state_dict().values()} <= {int, bool}
        assert_array_equal(numbers(loader), numbers(plain))
        plain.epoch = 0
    assert_array_equal(numbers(bitnpz.Loader(images, np.arange(600), shuffle=np.False_)), np.arange(600))
    for seed in (3.0, "3", None, np.float64(3)):
        with pytest.raises(bitnpz.InputError, match="seed: expected an int"):
            bitnpz.Loader(images, seed=seed)
    bitnpz.save("many.npz", {"images": images, "labels": np.arange(300_000)})
    labels = bitnpz.load("many.npz")["labels"]
    assert isinstance(bitnpz.Loader(labels, shuffle=1).images, np.ndarray), "an item here and there is read at once"


def test_refuses_other_orders(images):
    for wrong in ({"shuffle": "rows"}, {"shuffle": "blocks", "block": 0}, {"shuffle": "blocks", "window": 0}):
        with pytest.raises(bitnpz.InputError, match="blocks|window"):
            bitnpz.Loader(images, **wrong)


def test_loaders_are_pickled():
    import pickle

    images = np.random.default_rng(0).random((200_000, 6, 7)) < 0.3
    bitnpz.save("many.npz", {"images": images, "labels": np.arange(len(images))})
    archive = bitnpz.load("many.npz")
    loader = bitnpz.Loader(archive["images"], archive["labels"], shuffle="blocks", block=1000)
    again = pickle.loads(pickle.dumps(loader))
    x, y = next(iter(loader))
    other_x, other_y = next(iter(again))
    assert (x == images[y]).all() and (other_x == x).all() and (other_y == y).all()


def test_iterators_of_one_loader_do_not_disturb_each_other():
    images = np.random.default_rng(0).random((200_000, 6, 7)) < 0.3
    bitnpz.save("many.npz", {"images": images, "labels": np.arange(len(images))})
    archive = bitnpz.load("many.npz")
    assert isinstance(archive["labels"], bitnpz.StoredArray)
    for prefetch in (0, 2):
        options = {"shuffle": "blocks", "block": 128, "window": 2, "prefetch": prefetch}
        loader = bitnpz.Loader(archive["images"], archive["labels"], **options)
        for number, (first, second) in enumerate(zip(loader, loader)):
            for x, y in (first, second):
                assert (x == images[y]).all()
            if number == 100:
                break


def test_labels_are_right_after_an_interrupted_read(monkeypatch):
    bitnpz.save("many.npz", {"images": np.ones((200_000, 6, 7), bool), "labels": np.arange(200_000)})
    labels = bitnpz.load("many.npz")["labels"]
    items = bitnpz._block_items.BlockItems(labels, 100, 2)
    rng = np.random.default_rng(0)
    for number in range(200):
        blocks = rng.integers(0, 2000, 2)
        wanted = np.repeat(blocks, 30) * 100 + rng.integers(0, 100, 60)
        if number % 3 == 0:
            with monkeypatch.context() as patch:
                patch.setattr(bitnpz.StoredArray, "take", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
                try:
                    items.take(wanted)
                except KeyboardInterrupt:
                    pass
        assert (items.take(wanted) == wanted).all()


def test_numbers_of_numpy_are_plain_in_states(images):
    loader = bitnpz.Loader(images, batch_size=np.int64(16))
    resumed = bitnpz.Loader(images, batch_size=16)
    resumed.load_state_dict(json.loads(json.dumps(loader.state_dict())))
    with pytest.raises(bitnpz.InputError, match="whole numbers"):
        bitnpz.Loader(images, batch_size=2.5)
    for state in ({}, {**loader.state_dict(), "batch": -5}, {**loader.state_dict(), "epoch": "1"}):
        with pytest.raises(bitnpz.InputError, match="expected"):
            resumed.load_state_dict(state)
