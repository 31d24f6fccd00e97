"""PyTorch, Grain and scikit-learn themselves. `cargo xtask frameworks` installs them."""

import multiprocessing
import pickle

import numpy as np
import pytest

import bitnpz


@pytest.fixture
def archive(glyphs):
    bitnpz.save("a.npz", {"glyphs": glyphs, "outputs": np.arange(600)})
    return bitnpz.load("a.npz")


@pytest.mark.parametrize("method", [None, *multiprocessing.get_all_start_methods()])
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork")
def test_is_a_set_a_dataset_of_torch(archive, glyphs, method):
    torch = pytest.importorskip("torch")
    workers = {} if method is None else {"num_workers": 2, "multiprocessing_context": method}
    order = torch.utils.data.SubsetRandomSampler(range(600), torch.Generator().manual_seed(1))
    loader = torch.utils.data.DataLoader(archive["glyphs"], batch_size=64, sampler=order, **workers)
    batches = list(loader)
    assert batches[0].shape == (64, 24, 20) and batches[0].dtype == torch.bool
    assert int(sum(batch.sum() for batch in batches)) == glyphs.sum()


def test_does_the_dataset_give_labels(archive, glyphs):
    torch = pytest.importorskip("torch")
    from bitnpz.torch import Dataset

    dataset = Dataset(archive["glyphs"], archive["outputs"], dtype=np.float32)
    image, label = dataset[17]
    assert image.dtype == torch.float32 and int(label) == 17 and (image.numpy() == glyphs[17]).all()
    workers = {"num_workers": 2, "multiprocessing_context": "spawn"}
    for images, labels in torch.utils.data.DataLoader(dataset, batch_size=100, shuffle=True, **workers):
        assert (images.numpy() == glyphs[labels.numpy()]).all()
    with pytest.raises(ValueError, match="found 3"):
        Dataset(archive["glyphs"], [1, 2, 3])


@pytest.mark.parametrize("width", [1, 7, 8, 9, 20, 64])
def test_does_unpack_do_what_numpy_does(width):
    torch = pytest.importorskip("torch")
    from bitnpz.torch import unpack

    packed = np.random.default_rng(0).integers(0, 256, (3, 5, -(-width // 8)), np.uint8)
    expected = np.unpackbits(packed, axis=-1, count=width)
    for dtype in (torch.bool, torch.uint8, torch.float16, torch.float32):
        found = unpack(torch.from_numpy(packed), width, dtype)
        assert found.dtype == dtype and found.shape == expected.shape
        assert (found.to(torch.uint8).numpy() == expected).all()


@pytest.mark.parametrize("packed", [False, True])
def test_does_the_loader_give_tensors(archive, glyphs, packed):
    torch = pytest.importorskip("torch")
    from bitnpz.torch import Tensors

    loader = bitnpz.Loader(archive["glyphs"], archive["outputs"], batch_size=100, shuffle=True, packed=packed)
    tensors = Tensors(loader, device="cpu", dtype=torch.float32)
    assert len(tensors) == 6
    for images, labels in tensors:
        assert images.dtype == torch.float32 and labels.dtype == torch.int64
        assert (images.numpy() == glyphs[labels.numpy()]).all()
    assert tensors.state_dict() == loader.state_dict()
    alone = Tensors(bitnpz.Loader(archive["glyphs"], packed=packed))
    assert next(iter(alone)).dtype == torch.bool


def test_is_a_set_a_source_of_grain(archive, glyphs):
    grain = pytest.importorskip("grain")
    images = archive["glyphs"]
    assert isinstance(images, grain.sources.RandomAccessDataSource)
    dataset = grain.MapDataset.source(images).shuffle(seed=1).batch(50)
    total = sum(int(batch.sum()) for batch in dataset)
    assert total == glyphs.sum() and len(dataset) == 12
    assert (np.stack(images._getitems([5, 3])) == glyphs[[5, 3]]).all()


def test_does_grain_ask_for_batches(archive, glyphs, monkeypatch):
    grain = pytest.importorskip("grain")
    from grain._src.python.dataset import base

    images = archive["glyphs"]
    assert isinstance(images, base.SupportsBatchedReadRandomAccessDataSource)
    dataset = grain.MapDataset.source(images)
    assert (np.stack(dataset._getitems([5, 3, 599])) == glyphs[[5, 3, 599]]).all()


def test_does_grain_load_in_workers(archive, glyphs):
    grain = pytest.importorskip("grain")
    images = pickle.loads(pickle.dumps(archive["glyphs"]))
    sampler = grain.samplers.IndexSampler(600, shard_options=grain.sharding.NoSharding(), shuffle=True, num_epochs=1, seed=1)
    loader = grain.DataLoader(data_source=images, sampler=sampler, operations=[grain.transforms.Batch(100)])
    assert sum(int(batch.sum()) for batch in loader) == glyphs.sum()


def test_does_a_classifier_take_the_array(archive):
    linear_model = pytest.importorskip("sklearn.linear_model")
    images = archive["glyphs"]
    features = np.asarray(images).reshape(len(images), -1)
    large = images.popcount() > 100
    assert linear_model.LogisticRegression(max_iter=500).fit(features, large).score(features, large) > 0.9
