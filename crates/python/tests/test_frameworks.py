"""Tests with PyTorch, Grain and scikit-learn. `cargo xtask frameworks` installs them."""

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
def test_images_are_a_dataset_of_torch(archive, glyphs, method):
    torch = pytest.importorskip("torch")
    workers = {} if method is None else {"num_workers": 2, "multiprocessing_context": method}
    order = torch.utils.data.SubsetRandomSampler(range(600), torch.Generator().manual_seed(1))
    loader = torch.utils.data.DataLoader(archive["glyphs"], batch_size=64, sampler=order, **workers)
    batches = list(loader)
    assert batches[0].shape == (64, 24, 20) and batches[0].dtype == torch.bool
    assert int(sum(batch.sum() for batch in batches)) == glyphs.sum()


def test_dataset_yields_labels(archive, glyphs):
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


def test_torch_converts_images_to_tensors(archive, glyphs):
    torch = pytest.importorskip("torch")
    images = archive["glyphs"]
    for make in (torch.as_tensor, torch.tensor, torch.asarray, torch.from_dlpack):
        tensor = make(images)
        assert tensor.dtype == torch.bool and (tensor.numpy() == glyphs).all()
    assert torch.as_tensor(images, dtype=torch.float32).sum() == glyphs.sum()
    assert (torch.from_numpy(images[:7]).numpy() == glyphs[:7]).all()


def test_dataset_takes_arrays_indices_and_transforms(archive, glyphs):
    torch = pytest.importorskip("torch")
    from bitnpz.torch import Dataset

    order = np.random.default_rng(0).permutation(600)
    for images in (archive["glyphs"], glyphs):
        part = Dataset(images, archive["glyphs"], order, indices=order[:100], dtype=np.float32, transform=lambda image: image[None] * 2 - 1)
        assert len(part) == 100
        image, mask, number = part[-1]
        assert image.shape == (1, 24, 20) and image.dtype == torch.float32 and image.min() == -1
        assert (mask.numpy() == glyphs[order[99]]).all() and number == order[order[99]]
        batches = list(torch.utils.data.DataLoader(part, batch_size=30, shuffle=True))
        assert [len(batch) for batch, _, _ in batches] == [30, 30, 30, 10]
    masked = Dataset(archive["glyphs"], indices=np.arange(600) % 2 == 0)
    assert len(masked) == 300 and (masked[3].numpy() == glyphs[6]).all()
    for images in (archive["glyphs"], glyphs):
        for wrong in (glyphs, np.ones((600, 24), bool), np.True_, [[1, 2]]):
            with pytest.raises((IndexError, ValueError), match="expected"):
                Dataset(images, indices=wrong)
    first, second = torch.utils.data.random_split(Dataset(archive["glyphs"], archive["outputs"]), [500, 100])
    assert len(list(torch.utils.data.DataLoader(second, batch_size=50))) == 2
    with pytest.raises(ValueError, match="expected an array or Images"):
        Dataset(archive["glyphs"], 3)


def test_dataset_yields_images_of_several_sizes(glyphs):
    torch = pytest.importorskip("torch")
    from bitnpz.torch import Dataset

    pictures = {f"p{i}": np.eye(i % 5 + 2, i % 3 + 4, dtype=">f4") for i in range(60)}
    bitnpz.save("ragged.npz", pictures)
    dataset = Dataset(bitnpz.load("ragged.npz").images(), np.arange(60))
    for image, number in torch.utils.data.DataLoader(dataset, batch_size=None):
        assert (image.numpy() == pictures[f"p{int(number)}"]).all()
    images, numbers = next(iter(torch.utils.data.DataLoader(dataset, batch_size=7, collate_fn=lambda batch: tuple(zip(*batch)))))
    assert [tuple(image.shape) for image in images] == [pictures[f"p{int(number)}"].shape for number in numbers]


def test_dataset_converts_images_of_several_sizes_as_those_of_one():
    torch = pytest.importorskip("torch")
    from bitnpz.torch import Dataset

    pictures = [np.where(np.eye(i % 5 + 2, i % 3 + 4, dtype=bool), 255, 1).astype(np.uint8) for i in range(60)]
    bitnpz.save("ragged.npz", {f"p{i}": picture for i, picture in enumerate(pictures)})
    images = bitnpz.load("ragged.npz").images()
    image = Dataset(images, dtype=bool)[7]
    assert image.dtype == torch.bool and (image.numpy() == (pictures[7] == 255)).all()
    with pytest.raises(bitnpz.InputError, match="can hold, found other values"):
        Dataset(images, dtype=np.int8)[7]


def test_swaps_bytes_for_tensors(glyphs):
    torch = pytest.importorskip("torch")
    from bitnpz.torch import Dataset, Tensors

    bitnpz.save("swapped.npz", {"glyphs": glyphs.astype(">f4"), "labels": np.arange(600, dtype=">i4")})
    archive = bitnpz.load("swapped.npz")
    images, labels = next(iter(torch.utils.data.DataLoader(Dataset(archive["glyphs"], archive["labels"]), batch_size=50)))
    assert (images.numpy() == glyphs[:50]).all() and labels[7] == 7
    images, labels = next(iter(Tensors(bitnpz.Loader(archive["glyphs"], archive["labels"], batch_size=50))))
    assert (images.numpy() == glyphs[:50]).all() and labels[7] == 7


@pytest.mark.parametrize("width", [1, 9, 20])
def test_unpack_compiles(width):
    torch = pytest.importorskip("torch")
    from bitnpz.torch import unpack

    packed = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 5, -(-width // 8)), np.uint8))
    # `aot_eager` traces the full graph, and needs no C++ compiler to run it.
    compiled = torch.compile(unpack, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(packed, width, torch.float32), unpack(packed, width, torch.float32))


@pytest.mark.parametrize("width", [1, 7, 8, 9, 20, 64])
def test_unpack_agrees_with_numpy(width):
    torch = pytest.importorskip("torch")
    from bitnpz.torch import unpack

    packed = np.random.default_rng(0).integers(0, 256, (3, 5, -(-width // 8)), np.uint8)
    expected = np.unpackbits(packed, axis=-1, count=width)
    for dtype in (torch.bool, torch.uint8, torch.float16, torch.float32):
        found = unpack(torch.from_numpy(packed), width, dtype)
        assert found.dtype == dtype and found.shape == expected.shape
        assert (found.to(torch.uint8).numpy() == expected).all()


@pytest.mark.parametrize("packed", [False, True])
def test_tensors_yield_the_batches_of_a_loader(archive, glyphs, packed):
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


@pytest.mark.parametrize("shape", [(24, 20, 1), (1, 24, 20), (3, 8, 20, 1, 1)], ids=str)
def test_tensors_of_packed_rows_have_the_shape_of_the_images(glyphs, shape):
    pytest.importorskip("torch")
    from bitnpz.torch import Tensors

    stack = glyphs.reshape(600, *shape)
    bitnpz.save("axes.npz", {"stack": stack})
    loader = bitnpz.Loader(bitnpz.load("axes.npz")["stack"], batch_size=250, packed=True)
    batches = [batch.numpy() for batch in Tensors(loader)]
    assert [batch.shape for batch in batches] == [(250, *shape), (250, *shape), (100, *shape)]
    assert (np.concatenate(batches) == stack).all()


def test_images_are_a_data_source_of_grain(archive, glyphs):
    grain = pytest.importorskip("grain")
    images = archive["glyphs"]
    assert isinstance(images, grain.sources.RandomAccessDataSource)
    dataset = grain.MapDataset.source(images).shuffle(seed=1).batch(50)
    total = sum(int(batch.sum()) for batch in dataset)
    assert total == glyphs.sum() and len(dataset) == 12
    assert (np.stack(images._getitems([5, 3])) == glyphs[[5, 3]]).all()


def test_grain_reads_batches(archive, glyphs, monkeypatch):
    grain = pytest.importorskip("grain")
    from grain._src.python.dataset import base

    images = archive["glyphs"]
    assert isinstance(images, base.SupportsBatchedReadRandomAccessDataSource)
    dataset = grain.MapDataset.source(images)
    assert (np.stack(dataset._getitems([5, 3, 599])) == glyphs[[5, 3, 599]]).all()


def test_grain_loads_in_workers(archive, glyphs):
    grain = pytest.importorskip("grain")
    images = pickle.loads(pickle.dumps(archive["glyphs"]))
    sampler = grain.samplers.IndexSampler(600, shard_options=grain.sharding.NoSharding(), shuffle=True, num_epochs=1, seed=1)
    loader = grain.DataLoader(data_source=images, sampler=sampler, operations=[grain.transforms.Batch(100)])
    assert sum(int(batch.sum()) for batch in loader) == glyphs.sum()


def test_trains_a_classifier_of_scikit_learn(archive):
    linear_model = pytest.importorskip("sklearn.linear_model")
    images = archive["glyphs"]
    features = np.asarray(images).reshape(len(images), -1)
    large = images.popcount() > 100
    assert linear_model.LogisticRegression(max_iter=500).fit(features, large).score(features, large) > 0.9
