"""Archives in stores are read by range, with few requests."""

import pickle
import zipfile

import numpy as np
import pytest

import bitnpz
from bitnpz._stores import ranges_of

fsspec = pytest.importorskip("fsspec")
obstore = pytest.importorskip("obstore")


@pytest.fixture
def images():
    return np.random.default_rng(1).random((20_000, 20, 30)) < 0.3


@pytest.fixture
def archive(images):
    """The path of an archive that is far larger than what is read when it is opened."""
    bitnpz.save("training.npz", {"glyphs": images, "outputs": np.arange(len(images))}, codec="raw")
    return "training.npz"


class Counted:
    """A store of obstore that counts requests and the bytes of their answers."""

    def __init__(self, store):
        self.store, self.requests, self.bytes = store, 0, 0

    def head(self, path):
        self.requests += 1
        return self.store.head(path)

    def get_ranges(self, path, *, starts, ends):
        self.requests += 1
        self.bytes += sum(ends) - sum(starts)
        return self.store.get_ranges(path, starts=starts, ends=ends)


def check(loaded, images):
    """Reads an archive in every way."""
    glyphs, order = loaded["glyphs"], np.random.default_rng(0).permutation(len(images))[:1000]
    assert glyphs.shape == images.shape
    assert (glyphs[order] == images[order]).all() and (glyphs[7] == images[7]).all()
    assert (glyphs[11_000:13_000] == images[11_000:13_000]).all()
    assert (loaded["outputs"] == np.arange(len(images))).all()
    batches = bitnpz.Loader(glyphs, loaded["outputs"], batch_size=512, shuffle=True, seed=0)
    x, y = next(iter(batches))
    assert (x == images[y]).all()
    assert loaded.verify() == []


def test_reads_from_obstore(archive, images):
    store = obstore.store.MemoryStore()
    store.put("data/training.npz", open(archive, "rb").read())
    check(bitnpz.load("data/training.npz", store=store), images)
    counted = Counted(store)
    glyphs = bitnpz.load("data/training.npz", store=counted)["glyphs"]
    assert counted.requests <= 3 and counted.bytes < 300_000
    before = counted.requests
    glyphs.take(np.random.default_rng(0).permutation(len(images))[:256])
    assert counted.requests == before + 1
    glyphs[3000:3100], glyphs[3050]
    assert counted.requests <= before + 2


def test_reads_from_fsspec(archive, images):
    memory = fsspec.filesystem("memory")
    memory.pipe("/training.npz", open(archive, "rb").read())
    check(bitnpz.load("/training.npz", store=memory), images)
    check(bitnpz.load(fsspec.open("memory://training.npz")), images)
    with fsspec.open(f"simplecache::file://{archive}") as file:
        assert (bitnpz.load(file)["glyphs"][:300] == images[:300]).all()
    assert (bitnpz.load(archive, store=fsspec.filesystem("file"))["glyphs"][-5:] == images[-5:]).all()


def test_workers_open_a_store_again(archive, images, tmp_path):
    store = obstore.store.LocalStore(str(tmp_path))
    loaded = bitnpz.load(archive, store=store)
    again = pickle.loads(pickle.dumps(loaded["glyphs"]))
    assert (again[[5, 3]] == images[[5, 3]]).all()
    bitnpz.save(archive, {"glyphs": images[:3000], "outputs": np.arange(3000)})
    with pytest.raises(bitnpz.FileChangedError):
        len(pickle.loads(pickle.dumps(loaded)))


def test_reads_npy_files_too(images):
    memory = fsspec.filesystem("memory")
    with memory.open("/two.npy", "wb") as file:
        np.save(file, images[:3])
        np.save(file, np.arange(3))
    with memory.open("/two.npy", "rb") as file:
        assert (bitnpz.load(file) == images[:3]).all() and (bitnpz.load(file) == np.arange(3)).all()
    assert (bitnpz.load("/two.npy", store=memory) == images[:3]).all()
    assert (bitnpz.load(fsspec.open("memory://two.npy")) == images[:3]).all()
    with pytest.raises(bitnpz.InputError, match="mmap_mode: expected the path"):
        bitnpz.load("/two.npy", "r", store=memory)
    bitnpz.save("/a.npz", {"x": images[:9]}, store=memory)
    assert bitnpz.load("/a.npz", "r", store=memory)["x"].shape == (9, 20, 30)


class Ranges:
    """The least that a file must have to be read by range."""

    def __init__(self, data, fails=None, after=10**9):
        self.data, self.fails, self.after = data, fails, after

    def length(self):
        return len(self.data)

    def read_ranges(self, starts, ends):
        self.after -= 1
        if self.after < 0:
            raise self.fails
        return [memoryview(self.data)[start:end] for start, end in zip(starts, ends)]


def test_reads_any_object_with_ranges(archive, images):
    check(bitnpz.load(Ranges(open(archive, "rb").read())), images)


@pytest.mark.parametrize("requests", [3, 4, 8])
def test_failures_are_no_damage(archive, requests):
    data = open(archive, "rb").read()
    loaded = bitnpz.load(Ranges(data, OSError("the network is down"), requests))
    with pytest.raises(bitnpz.FileError, match="the network is down"):
        for start in range(0, 20_000, 2000):
            loaded["glyphs"][start : start + 100]
    with pytest.raises(bitnpz.FileError, match="the network is down"):
        loaded["glyphs"].popcount()
    loaded = bitnpz.load(Ranges(data, KeyboardInterrupt(), requests))
    with pytest.raises(KeyboardInterrupt):
        for start in range(0, 20_000, 2000):
            loaded["glyphs"][start : start + 100]


def test_batches_larger_than_what_is_kept_are_read_once():
    images = np.random.default_rng(2).random((400, 700, 1500)) < 0.5
    bitnpz.save("large.npz", {"glyphs": images}, codec="raw")
    store = obstore.store.MemoryStore()
    data = open("large.npz", "rb").read()
    store.put("large.npz", data)
    counted = Counted(store)
    glyphs = bitnpz.load("large.npz", store=counted)["glyphs"]
    assert (np.asarray(glyphs) == images).all()
    assert counted.requests < 20 and counted.bytes < 1.2 * len(data)


def test_is_a_zip_file_too(archive, tmp_path):
    loaded = bitnpz.load(archive, store=obstore.store.LocalStore(str(tmp_path)))
    assert loaded.zip.read("outputs.npy") == zipfile.ZipFile(archive).read("outputs.npy")


def test_errors_name_the_object_and_the_cause(archive):
    store = obstore.store.MemoryStore()
    with pytest.raises(bitnpz.FileMissingError, match="nothing.npz") as raised:
        bitnpz.load("nothing.npz", store=store)
    assert isinstance(raised.value.__cause__, FileNotFoundError)
    with pytest.raises(bitnpz.InputError, match="neither get_ranges nor cat_ranges"):
        bitnpz.load("training.npz", store={})
    with pytest.raises(bitnpz.InputError, match="path of an object"):
        bitnpz.load(b"PK", store=store)
    store.put("text", b"no archive at all")
    with pytest.raises(bitnpz.DamagedError, match="text: "):
        bitnpz.load("text", store=store)

    class Short(Counted):
        def get_ranges(self, path, *, starts, ends):
            return [bytes(part)[:-1] for part in super().get_ranges(path, starts=starts, ends=ends)]

    store.put("training.npz", open(archive, "rb").read())
    with pytest.raises(bitnpz.FileTruncatedError, match="training.npz: .*expected .* bytes from byte"):
        bitnpz.load(ranges_of("training.npz", Short(store), bitnpz.StoreOptions(attempts=2)))


def test_what_was_read_is_kept_on_disk(archive, images, tmp_path):
    store = obstore.store.LocalStore(".")
    requests = []

    class Watched:
        """The store, which notes what is requested."""

        def head(self, path):
            requests.append("head")
            return store.head(path)

        def get(self, path, *, options=None):
            requests.append(options)
            return store.get(path, options=options)

        def get_ranges(self, path, *, starts, ends):
            raise AssertionError("get tells the version")

        def __repr__(self):
            return "Watched"

    options = bitnpz.StoreOptions(cache=tmp_path / "cache", cache_bytes=64 << 20)
    order = np.random.default_rng(0).permutation(len(images))[:3000]
    for _ in range(2):
        requests.clear()
        glyphs = bitnpz.load(archive, store=Watched(), store_options=options)["glyphs"]
        assert (glyphs[order] == images[order]).all()
    assert len(requests) == 1, "the end of the file, which tells its version"
    bitnpz.save(archive, {"glyphs": ~images}, codec="raw")
    glyphs = bitnpz.load(archive, store=Watched(), store_options=options)["glyphs"]
    assert (glyphs[order] == ~images[order]).all(), "another version"
    for wrong in ({"cache": 3}, {"cache": "x", "cache_bytes": 0}):
        with pytest.raises(bitnpz.InputError):
            bitnpz.StoreOptions(**wrong)


def test_shards_that_are_kept_on_disk_need_no_requests(images, tmp_path):
    bitnpz.save("training.npz", {"glyphs": images, "outputs": np.arange(len(images))})
    bitnpz.shard("training.bitnpz.json", "training.npz", 4)
    store = obstore.store.LocalStore(".")
    options = bitnpz.StoreOptions(cache=tmp_path / "cache")
    for _ in range(2):
        sharded = bitnpz.load("training.bitnpz.json", store=store, store_options=options)
        assert (np.asarray(sharded["glyphs"]) == images).all() and sharded["outputs"][-1] == len(images) - 1
    manifest = pickle.loads(pickle.dumps(sharded))
    for shard in sharded.shards:
        obstore.delete(store, shard.name)
    assert (np.asarray(manifest["glyphs"]) == images).all()


@pytest.mark.parametrize("shuffle", ["blocks", False])
@pytest.mark.parametrize("world_size", [1, 2])
def test_loaders_request_windows(archive, images, shuffle, world_size):
    store = Counted(obstore.store.LocalStore("."))
    loaded = bitnpz.load(archive, store=store)
    glyphs = loaded["glyphs"]
    store.requests, seen = 0, []
    for rank in range(world_size):
        options = {"shuffle": shuffle, "block": 512, "window": 8, "rank": rank, "world_size": world_size}
        for batch, outputs in bitnpz.Loader(glyphs, np.arange(len(images)), batch_size=64, **options):
            assert (batch == images[outputs]).all()
            seen.extend(outputs)
    assert sorted(seen) == list(range(len(images)))
    assert store.requests <= 3 * world_size * -(-len(images) // (512 * 8))
