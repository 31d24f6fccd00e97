"""Sharded archives are read as one archive is."""

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

import bitnpz

LENGTHS = (3000, 40, 0, 2000)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(3).random((sum(LENGTHS), 20, 30)) < 0.2


def write(images, name="glyphs"):
    """Writes shards, and returns the paths of the manifest and the shards."""
    manifest, paths, first = f"{name}.bitnpz.json", [], 0
    for number, length in enumerate(LENGTHS):
        rows = slice(first, first + length)
        paths.append(bitnpz.shard_path(manifest, number))
        points = np.zeros(length, [("x", "<f4"), ("y", "<i8", (2,))])
        points["x"], points["y"] = np.arange(rows.start, rows.stop), 7
        shard = {"glyphs": images[rows], "outputs": np.arange(rows.start, rows.stop), "points": points}
        bitnpz.save(paths[-1], {**shard, "names": np.array(["a", "b"])})
        first += length
    return manifest, paths


@pytest.fixture
def sharded(images):
    manifest, paths = write(images)
    bitnpz.commit(manifest, paths)
    return manifest


@pytest.mark.parametrize("open_shards", [None, 1])
def test_it_is_read_as_one_archive(sharded, images, open_shards):
    with bitnpz.load(sharded, open_shards=open_shards) as archive:
        assert list(archive) == ["glyphs", "outputs", "points", "names"] and len(archive) == 4
        glyphs, outputs = archive["glyphs"], archive["outputs"]
        assert "glyphs" in archive and "none" not in archive and 3 not in archive
        assert glyphs.shape == images.shape and glyphs.dtype == bool
        assert (np.asarray(glyphs) == images).all()
        order = np.random.default_rng(0).permutation(len(images))[:700]
        assert (glyphs[order] == images[order]).all() and (glyphs[-1] == images[-1]).all()
        assert (glyphs[2990:3050, 3:5] == images[2990:3050, 3:5]).all()
        assert (glyphs.take(order, packed=True) == np.packbits(images[order], axis=-1)).all()
        assert (glyphs.take(order, dtype=np.float32) == images[order]).all()
        assert (glyphs.popcount() == images.sum((1, 2))).all()
        assert (glyphs.subset(order)[5] == images[order[5]]).all()
        assert (outputs[order] == order).all() and (outputs[2990:3050] == np.arange(2990, 3050)).all()
        assert (archive["points"][3001:3003]["x"] == [3001, 3002]).all()
        assert archive["names"].tolist() == ["a", "b"]
        assert archive.verify() == [] and archive.verify(fast=True) == []
        assert sum(shard.items["glyphs"] for shard in archive.shards) == len(images)
        assert archive.f.outputs[3] == 3 and archive.files[0] == "glyphs"
        with pytest.raises(bitnpz.NoSuchKeyError):
            archive["none"]
        with pytest.raises(bitnpz.NoSuchImageError):
            glyphs[len(images)]
    with pytest.raises(bitnpz.ClosedError):
        archive["glyphs"]
    assert (glyphs[3] == images[3]).all(), "images taken before still work"


@pytest.mark.parametrize("shuffle", [False, True, "blocks"])
@pytest.mark.parametrize("world_size", [1, 3])
def test_loaders_yield_each_image_once(sharded, images, shuffle, world_size):
    archive = bitnpz.load(sharded)
    seen = []
    for rank in range(world_size):
        options = {"shuffle": shuffle, "block": 300, "window": 3, "rank": rank, "world_size": world_size}
        loader = bitnpz.Loader(archive["glyphs"], archive["outputs"], archive["points"], batch_size=100, seed=4, **options)
        for batch, outputs, points in loader:
            assert (batch == images[outputs]).all() and (points["x"] == outputs).all()
            seen.extend(outputs)
    assert sorted(seen) == list(range(len(images)))


def read_one(glyphs, index, results):
    results.put(glyphs[index].sum())


def test_it_is_pickled_by_its_manifest(sharded, images):
    archive = bitnpz.load(sharded)
    again = pickle.loads(pickle.dumps(archive))
    assert (again["glyphs"][7] == images[7]).all()
    glyphs, outputs = pickle.loads(pickle.dumps((archive["glyphs"], archive["outputs"])))
    assert (glyphs[[3050, 0]] == images[[3050, 0]]).all() and outputs[3050] == 3050
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    process = context.Process(target=read_one, args=(archive["glyphs"], 4000, results))
    process.start()
    assert results.get(timeout=60) == images[4000].sum()
    process.join()
    bitnpz.commit(sharded, [shard.name for shard in archive.shards[:2]], replaces=archive)
    with pytest.raises(bitnpz.FileChangedError):
        len(pickle.loads(pickle.dumps(archive)))


def test_it_is_read_from_another_folder(sharded, images, tmp_path, monkeypatch):
    archive = bitnpz.load(sharded)
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert (archive["glyphs"][[3050, 0]] == images[[3050, 0]]).all() and archive.verify() == []
    with pytest.raises(bitnpz.FileMissingError) as caught:
        bitnpz.load(sharded)
    assert caught.value.filename == sharded


def test_parts_of_a_closed_one_are_pickled(sharded, images):
    with bitnpz.load(sharded) as archive:
        glyphs, outputs = archive["glyphs"], archive["outputs"]
    archive.close()
    subset, outputs = pickle.loads(pickle.dumps((glyphs.subset([3050, 0]), outputs)))
    assert (np.asarray(subset) == images[[3050, 0]]).all() and outputs[3050] == 3050
    with pytest.raises(bitnpz.ClosedError):
        pickle.dumps(archive)
    bitnpz.commit(sharded, [bitnpz.load(sharded).shards[0].name], replaces=bitnpz.load(sharded))
    with pytest.raises(bitnpz.FileChangedError):
        len(pickle.loads(pickle.dumps(glyphs)))


def test_forked_processes_read_it(sharded, images):
    glyphs = bitnpz.load(sharded)["glyphs"]
    assert (glyphs[0] == images[0]).all()
    child = os.fork()
    if child == 0:
        is_right = (glyphs[[1, 3020, 4900]] == images[[1, 3020, 4900]]).all()
        os._exit(0 if is_right else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_shards_are_cut_and_merged(images):
    bitnpz.save("whole.npz", {"glyphs": images, "outputs": np.arange(len(images))})
    bitnpz.shard("cut.bitnpz.json", "whole.npz", 3)
    archive = bitnpz.load("cut.bitnpz.json")
    assert len(archive.shards) == 3
    bitnpz.merge("again.npz", ["cut.bitnpz.json"])
    again = bitnpz.load("again.npz")
    assert (np.asarray(again["glyphs"]) == images).all() and again["outputs"][4000] == 4000
    with pytest.raises(bitnpz.FilePresentError):
        bitnpz.shard("cut.bitnpz.json", "whole.npz", 3)
    with pytest.raises(bitnpz.InputError, match=r"\.bitnpz\.json"):
        bitnpz.shard("cut.json", "whole.npz", 3)
    for wrong in ({}, {"shards": 3, "shard_bytes": 3}, {"shards": 0}, {"shard_bytes": 0}):
        with pytest.raises(bitnpz.InputError):
            bitnpz.shard("other.bitnpz.json", "whole.npz", **wrong)
    messages = set()
    for size in ({"shards": 3}, {"shard_bytes": 3}):
        with pytest.raises(bitnpz.FileMissingError) as caught:
            bitnpz.shard("other.bitnpz.json", "none.npz", **size)
        messages.add(str(caught.value))
    assert messages == {"[Errno 2] No such file or directory: 'none.npz'"}
    left = {shard.name for shard in archive.shards}
    assert {name for name in os.listdir() if name.endswith(".npz")} == left | {"whole.npz", "again.npz"}


def test_images_with_keys_of_their_own(images):
    paths = [bitnpz.shard_path("named.bitnpz.json", number) for number in range(3)]
    for number, path in enumerate(paths):
        bitnpz.save(path, {f"{number}/{index * index}": images[100 * number + index] for index in range(100)})
    bitnpz.commit("named.bitnpz.json", paths)
    archive = bitnpz.load("named.bitnpz.json")
    named = archive.images()
    assert named.shape == (300, 20, 30) and len(archive) == 300
    assert named.keys()[201] == "2/1" and list(archive)[299] == "2/9801"
    assert (archive["1/9"] == images[103]).all() and "1/9" in archive and "1/8" not in archive
    assert (named.by_key(["2/16", "0/1"]) == images[[204, 1]]).all()
    with pytest.raises(bitnpz.InputError, match=r"expected the key of a stack, found '1/9'.*archive\[key\]"):
        archive.images("1/9")
    with pytest.raises(bitnpz.NoSuchKeyError):
        archive.images("1/8")
    os.remove(paths[0])
    archive = bitnpz.load("named.bitnpz.json")
    assert "whose keys cannot be read" in repr(archive) and paths[0] in repr(archive)
    assert archive._ipython_key_completions_() == []


def test_one_of_many_writers_commits(images):
    manifest, paths = write(images)
    done = []

    def commit():
        try:
            bitnpz.commit(manifest, paths)
            done.append(True)
        except bitnpz.FilePresentError:
            done.append(False)

    threads = [threading.Thread(target=commit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [False] * 7 + [True]
    old, other = bitnpz.load(manifest), bitnpz.load(manifest)
    bitnpz.commit(manifest, paths[:1], replaces=old)
    with pytest.raises(bitnpz.FileChangedError, match="replaced"):
        bitnpz.commit(manifest, paths[1:], replaces=other)
    assert len(old["glyphs"]) == len(images) and len(bitnpz.load(manifest)["glyphs"]) == LENGTHS[0]
    assert bitnpz.gc(manifest) == []
    assert sorted(bitnpz.gc(manifest, age=0, delete=False)) == sorted(paths[1:])
    assert sorted(bitnpz.gc(manifest, age=0)) == sorted(paths[1:])
    assert sorted(os.listdir()) == sorted([manifest, paths[0]])


KILLED = """
import bitnpz, numpy as np, os, signal
path = bitnpz.shard_path("killed.bitnpz.json", 0)
writer = bitnpz.Writer(path)
writer["glyphs"] = np.ones((5000, 20, 30), bool)
bitnpz.save(bitnpz.shard_path("killed.bitnpz.json", 1), {"glyphs": np.ones((100, 20, 30), bool)})
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_writer_leaves_nothing_after_gc():
    process = subprocess.run([sys.executable, "-c", KILLED], check=False)
    assert process.returncode == -signal.SIGKILL
    with pytest.raises(bitnpz.FileMissingError):
        bitnpz.load("killed.bitnpz.json")
    bitnpz.gc("killed.bitnpz.json", age=0)
    assert os.listdir() == []


def test_shards_that_do_not_fit_are_named(images):
    bitnpz.save("a.npz", {"glyphs": images[:100], "outputs": np.arange(100)})
    cases = {
        "glyphs": {"glyphs": images[:100, :10], "outputs": np.arange(100)},
        "outputs": {"glyphs": images[:100], "outputs": np.arange(99)},
        "more": {"glyphs": images[:100], "outputs": np.arange(100), "more": np.arange(3)},
        "'<i4'": {"glyphs": images[:100], "outputs": np.arange(100, dtype="<i4")},
    }
    for named, arrays in cases.items():
        bitnpz.save("b.npz", arrays)
        with pytest.raises(bitnpz.InputError, match=f"b.npz.*{named}"):
            bitnpz.commit("x.bitnpz.json", ["a.npz", "b.npz"])
    with pytest.raises(bitnpz.InputError, match="found none"):
        bitnpz.commit("x.bitnpz.json", [])
    with pytest.raises(bitnpz.InputError, match="folder of the manifest"):
        os.mkdir("elsewhere")
        bitnpz.commit("elsewhere/x.bitnpz.json", ["a.npz"])
    with pytest.raises(bitnpz.FileMissingError, match="none.npz"):
        bitnpz.commit("x.bitnpz.json", ["none.npz"])
    with pytest.raises(bitnpz.InputError, match="replaces"):
        bitnpz.commit("x.bitnpz.json", ["a.npz"], replaces=bitnpz.load("a.npz"))
    assert not os.path.exists("x.bitnpz.json")


def test_replaced_missing_and_lying_shards(sharded, images):
    archive = bitnpz.load(sharded)
    first, *_, last = archive.shards
    bitnpz.save("other.npz", {"glyphs": images[:100]})
    os.replace(last.name, "kept.npz")
    os.replace("other.npz", last.name)
    assert (archive["glyphs"][10] == images[10]).all()
    with pytest.raises(bitnpz.FileChangedError, match=f"{last.name}.*replaced"):
        archive["glyphs"][-1]
    (problem,) = archive.verify()
    assert last.name in problem.member and "replaced" in problem.message and str(problem).startswith(f"{last.name}: ")
    os.remove(last.name)
    with pytest.raises(bitnpz.FileMissingError, match=last.name):
        archive["glyphs"].take([0, -1])
    os.replace("kept.npz", last.name)
    text = open(sharded).read()
    for old, new, error in (
        (f'"items":[{last.items["glyphs"]},', f'"items":[{last.items["glyphs"] + 1},', "expected shape"),
        ('"shape":[20,30]', '"shape":[30,20]', "expected shape"),
        (first.name, f"../{first.name}", "folder"),
        ('"version": 1', '"version": 9', "version 9"),
        ("{", "[", "manifest"),
    ):
        assert old in text
        open("lie.bitnpz.json", "w").write(text.replace(old, new, 1))
        with pytest.raises(bitnpz.DamagedError, match=error):
            np.asarray(bitnpz.load("lie.bitnpz.json")["glyphs"])


def test_the_manifest_is_parsed_once(sharded, monkeypatch):
    archive, parsed = bitnpz.load(sharded), []
    manifest = bitnpz.ShardedFile._manifest
    monkeypatch.setattr(bitnpz.ShardedFile, "_manifest", lambda self: parsed.append(self) or manifest(self))
    archive.shards.clear()
    assert [shard.items["glyphs"] for shard in archive.shards] == list(LENGTHS) and len(parsed) == 1
    bitnpz.commit(sharded, [shard.name for shard in archive.shards[:2]], replaces=archive)
    assert len(archive.shards) == 4 and len(bitnpz.load(sharded).shards) == 2
    archive.close()
    with pytest.raises(bitnpz.ClosedError, match="load it again"):
        archive.shards


def test_in_a_store(sharded, images):
    obstore = pytest.importorskip("obstore")
    store = obstore.store.MemoryStore()
    for name in os.listdir():
        store.put(f"data/{name}", open(name, "rb").read())
    archive = bitnpz.load("data/glyphs.bitnpz.json", store=store)
    assert (np.asarray(archive["glyphs"]) == images).all() and archive["outputs"][3050] == 3050
    assert archive.verify() == []
    names = [f"data/{shard.name}" for shard in archive.shards]
    bitnpz.commit("data/new.bitnpz.json", names[:2], store=store)
    new, other = (bitnpz.load("data/new.bitnpz.json", store=store) for _ in range(2))
    assert len(new["glyphs"]) == sum(LENGTHS[:2])
    with pytest.raises(bitnpz.FilePresentError):
        bitnpz.commit("data/new.bitnpz.json", names, store=store)
    bitnpz.commit("data/new.bitnpz.json", names, store=store, replaces=new)
    with pytest.raises(bitnpz.FileChangedError):
        bitnpz.commit("data/new.bitnpz.json", names, store=store, replaces=other)
    assert len(bitnpz.load("data/new.bitnpz.json", store=store)["glyphs"]) == len(images)
    with pytest.raises(bitnpz.FileMissingError):
        bitnpz.commit("data/more.bitnpz.json", ["data/none.npz"], store=store)


@pytest.mark.parametrize("kind", ["obstore", "fsspec"])
def test_orphans_in_a_store(sharded, kind):
    paths = bitnpz.load(sharded).shards
    if kind == "obstore":
        obstore = pytest.importorskip("obstore")
        store, folder = obstore.store.MemoryStore(), "data"
        for name in os.listdir():
            store.put(f"{folder}/{name}", open(name, "rb").read())
    else:
        fsspec = pytest.importorskip("fsspec")
        store, folder = fsspec.filesystem("memory"), "/orphans"
        for name in os.listdir():
            store.pipe_file(f"{folder}/{name}", open(name, "rb").read())
    manifest = f"{folder}/{sharded}"
    assert bitnpz.gc(manifest, age=0, store=store) == []
    archive = bitnpz.load(manifest, store=store)
    bitnpz.commit(manifest, [f"{folder}/{paths[0].name}"], store=store, replaces=archive)
    assert bitnpz.gc(manifest, store=store) == [], "they are too young"
    expected = sorted(f"{folder}/{shard.name}" for shard in paths[1:])
    assert bitnpz.gc(manifest, age=0, store=store, delete=False) == expected
    assert bitnpz.gc(manifest, age=0, store=store) == expected
    assert bitnpz.gc(manifest, age=0, store=store) == []
    assert len(bitnpz.load(manifest, store=store)["glyphs"]) == LENGTHS[0]


def test_paths_of_shards_and_urls():
    for folder in ("", "data/", "s3://bucket/data/", "/abs/"):
        first, second = (bitnpz.shard_path(f"{folder}glyphs.bitnpz.json", 12) for _ in range(2))
        assert first != second and first.startswith(f"{folder}glyphs-00012-") and first.count("/") == folder.count("/")
    bitnpz.save("a.npz", {"glyphs": np.ones((10, 5, 5), bool)})
    for call in (
        lambda url: bitnpz.merge("b.npz", [url]),
        lambda url: bitnpz.split("b.npz", url, 2),
        lambda url: bitnpz.shard("b.bitnpz.json", url, 2),
        lambda url: bitnpz.salvage(url, "b.npz"),
    ):
        with pytest.raises(bitnpz.InputError, match="found a URL"):
            call("s3://bucket/a.npz")
