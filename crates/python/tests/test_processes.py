"""Many threads and processes use one archive."""

import concurrent.futures
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import bitnpz

METHODS = [method for method in ("fork", "spawn", "forkserver") if method in multiprocessing.get_all_start_methods()]


def sums(images, indices):
    return [int(image.sum()) for image in images[indices]] + [int(images[index].sum()) for index in indices]


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork")
@pytest.mark.parametrize("method", METHODS)
def test_workers_read_what_the_parent_opened(glyphs, method):
    bitnpz.save("a.npz", {"glyphs": glyphs, **{f"ix-{i}": image for i, image in enumerate(glyphs[:40])}})
    archive = bitnpz.load("a.npz")
    images, keyed = archive["glyphs"], archive.images()
    images.take(np.arange(600))  # The library has started threads before the fork.
    tasks = [(images, list(range(start, 600, 32))) for start in range(32)] + [(keyed, [3, 1])]
    with concurrent.futures.ProcessPoolExecutor(16, multiprocessing.get_context(method)) as pool:
        found = list(pool.map(sums, *zip(*tasks, strict=True)))
    assert found == [sums(*task) for task in tasks]


def use(thing):
    return len(list(thing))


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("change", ["replaced", "deleted"])
def test_pools_end_if_workers_cannot_open_what_the_parent_opened(glyphs, method, change):
    contents = {"glyphs": np.repeat(glyphs, 10, 0), "labels": np.random.default_rng(0).integers(0, 2**60, (6000, 32))}
    bitnpz.save("a.npz", contents)
    bitnpz.shard("a.bitnpz.json", "a.npz", 2)
    archive, sharded = bitnpz.load("a.npz"), bitnpz.load("a.bitnpz.json")
    assert isinstance(archive["labels"], bitnpz.StoredArray) and isinstance(sharded["labels"], bitnpz.StoredArray)
    things = [archive, archive["glyphs"], archive["glyphs"].subset([3, 1]), archive["labels"], bitnpz.Loader(archive["glyphs"])]
    things += [sharded, sharded["glyphs"], sharded["labels"]]
    if change == "replaced":
        bitnpz.save("a.npz", {"glyphs": glyphs[::-1]})
        bitnpz.commit("a.bitnpz.json", [shard.name for shard in sharded.shards[:1]], replaces=sharded)
    else:
        os.remove("a.npz")
        os.remove("a.bitnpz.json")
    expected = {"replaced": bitnpz.FileChangedError, "deleted": bitnpz.FileMissingError}[change]
    with multiprocessing.get_context(method).Pool(1) as pool:
        for thing in things:
            with pytest.raises(expected, match="a.(npz|bitnpz.json)"):
                pool.map_async(use, [thing]).get(timeout=60)


def test_what_could_not_be_opened_again_raises_the_error_at_every_use(glyphs):
    bitnpz.save("a.npz", {"glyphs": glyphs})
    handles = pickle.dumps((bitnpz.load("a.npz"), bitnpz.load("a.npz")["glyphs"]))
    os.rename("a.npz", "b.npz")
    archive, images = pickle.loads(handles)
    uses = [
        lambda: archive["glyphs"], lambda: list(archive), lambda: "glyphs" in archive, lambda: archive.images, lambda: archive.__enter__(),
        lambda: len(images), lambda: images[3], lambda: images.shape, lambda: images == glyphs, lambda: ~images, lambda: bool(images),
        lambda: np.asarray(images), lambda: np.concatenate([images]), lambda: images.take([1]), lambda: hasattr(images, "dtype"),
        lambda: bitnpz.Loader(images),
    ]  # fmt: skip
    for use in uses * 2:
        with pytest.raises(bitnpz.FileMissingError, match="a.npz"):
            use()
    assert "a.npz" in repr(archive) and "a.npz" in str(images)
    again = pickle.dumps(images)
    os.rename("b.npz", "a.npz")
    assert (pickle.loads(again)[3] == glyphs[3]).all()


def write_and_read(path, images):
    bitnpz.save(path, {"glyphs": images})
    return int(bitnpz.load(path)["glyphs"].take(np.arange(len(images))).sum())


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork")
@pytest.mark.parametrize("method", METHODS)
def test_workers_write_after_the_parents_threads_have_run(glyphs, method):
    many = np.repeat(glyphs, 10, axis=0)
    expected = write_and_read("parent.npz", many)
    context = multiprocessing.get_context(method)
    with concurrent.futures.ProcessPoolExecutor(3, context) as pool:
        # A fork copies no threads: a child that used its parent's pool would wait forever.
        found = [pool.submit(write_and_read, f"{number}.npz", many) for number in range(6)]
        assert [sums.result(timeout=100) for sums in found] == [expected] * 6
    files = {name: open(name, "rb").read() for name in sorted(os.listdir()) if name.endswith(".npz")}
    assert len(files) == 7 and len(set(files.values())) == 1


def test_threads_read_at_the_same_time(glyphs):
    bitnpz.save("a.npz", {"glyphs": glyphs})
    images = bitnpz.load("a.npz")["glyphs"]
    expected = sums(images, range(600))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(found == expected for found in pool.map(lambda _: sums(images, range(600)), range(40)))


def test_reading_releases_the_gil(glyphs):
    bitnpz.save("a.npz", {"glyphs": np.repeat(glyphs, 20, axis=0)})
    images = bitnpz.load("a.npz")["glyphs"]
    go, ran = threading.Event(), threading.Event()
    waiting = threading.Thread(target=lambda: go.wait() and ran.set())
    waiting.start()
    interval = sys.getswitchinterval()
    # With so long an interval, other threads run only if `take` releases the GIL.
    sys.setswitchinterval(1000)
    try:
        go.set()
        images.take(np.arange(len(images)))
        assert ran.is_set()
    finally:
        sys.setswitchinterval(interval)
        waiting.join()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors in /proc")
def test_closes_file_descriptors(glyphs):
    bitnpz.save("a.npz", {"glyphs": glyphs})

    def descriptors():
        return len(os.listdir("/proc/self/fd"))

    before = descriptors()
    for access in ("map", "read"):
        for _ in range(200):
            with bitnpz.load("a.npz", access=access) as archive:
                archive["glyphs"][3]
            bitnpz.load("a.npz", access=access)["glyphs"]
    assert descriptors() == before


@pytest.mark.skipif("fork" not in METHODS, reason="forks")
def test_forked_child_leaves_the_writers_file_alone(glyphs):
    writer = bitnpz.Writer("a.npz")
    writer["first"] = glyphs[0]
    child = os.fork()
    if child == 0:
        del writer
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    writer["second"] = glyphs[1]
    writer.close()
    assert sorted(bitnpz.load("a.npz")) == ["first", "second"]


@pytest.mark.skipif("fork" not in METHODS, reason="forks")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork")
def test_forked_child_finds_keys_while_a_thread_of_its_parent_does():
    keys = [np.random.default_rng(number).bytes(200).hex() for number in range(3000)]
    bitnpz.save("a.npz", {key: np.array([[number % 2 == 0]]) for number, key in enumerate(keys)})
    # The first look-up of an archive takes some milliseconds, in which the other thread is forked.
    for delay in (0.001, 0.002, 0.003, 0.005, 0.008):
        archive = bitnpz.load("a.npz")
        thread = threading.Thread(target=lambda archive=archive: archive[keys[0]])
        thread.start()
        time.sleep(delay)
        child = os.fork()
        if child == 0:
            signal.alarm(30)
            try:
                archive[keys[0]]
                os._exit(0)
            finally:
                os._exit(1)
        thread.join()
        assert os.waitpid(child, 0)[1] == 0


ENDS = {
    "close": lambda writer, glyphs: writer.close(),
    "extend": lambda writer, glyphs: [writer.extend("glyphs", glyphs) for _ in range(1000)],
    "image": lambda writer, glyphs: [writer.__setitem__(f"new-{i}", glyphs[0]) for i in range(3000)],
    "nothing": lambda writer, glyphs: 1 / 0,
}


@pytest.mark.skipif("fork" not in METHODS, reason="forks")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork")
@pytest.mark.parametrize("encoding", ["sets", "packed", "plain"])
@pytest.mark.parametrize("end", ENDS)
def test_forked_child_does_not_wait_for_the_writers_threads(glyphs, encoding, end):
    writer = bitnpz.Writer("a.npz", encoding=encoding)
    many = np.repeat(glyphs, 200, axis=0)
    for _ in range(5):
        # When the process forks, threads still encode the last segment and compress the last members.
        writer.extend("glyphs", many)
    for i in range(1100):
        writer[f"ix-{i}"] = glyphs[i % 600]
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            ENDS[end](writer, glyphs)
        except (bitnpz.Error, OSError) as error:
            os._exit(0 if "is a fork of the one that writes" in str(error) else 1)
        except ZeroDivisionError:
            del writer
            os._exit(0)
        os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    writer.close()
    archive = bitnpz.load("a.npz")
    assert len(archive) == 1101 and archive["glyphs"].shape[0] == 5 * len(many) and archive.verify() == []
    assert os.listdir() == ["a.npz"]


@pytest.mark.parametrize("access", ["map", "read"])
@pytest.mark.parametrize("change", ["replaced", "appended to", "deleted"])
def test_open_archive_survives_changes_of_the_file(glyphs, access, change):
    if change != "appended to" and os.name == "nt":
        pytest.skip("an open file stays where it is")
    bitnpz.save("a.npz", {"glyphs": glyphs})
    archive = bitnpz.load("a.npz", access=access)
    images = archive["glyphs"]
    if change == "replaced":
        bitnpz.save("a.npz", {"glyphs": ~glyphs.astype(bool)})
    elif change == "appended to":
        with bitnpz.Writer("a.npz", mode="a") as writer:
            writer["another"] = glyphs[0]
    else:
        os.remove("a.npz")
    assert (np.asarray(images) == glyphs).all() and list(archive) == ["glyphs"] and archive.verify() == []


SHORTEN = """
import os, sys, numpy as np, bitnpz
images = bitnpz.load("a.npz", access=sys.argv[1])["glyphs"]
os.truncate("a.npz", 600)
try:
    np.asarray(images)
except bitnpz.Error as error:
    print(type(error).__name__, error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="truncates a file that is open")
def test_truncation_is_an_error_unless_the_file_is_mapped(glyphs):
    for access, signal, said in (("read", 0, "FileChangedError a.npz: "), ("map", -7, "")):
        bitnpz.save("a.npz", {"glyphs": np.repeat(glyphs, 50, axis=0)})
        assert os.path.getsize("a.npz") > 2 * 4096
        ended = subprocess.run([sys.executable, "-c", SHORTEN, access], capture_output=True, text=True, check=False)
        assert ended.returncode == signal and ended.stdout.startswith(said), (access, ended)


def test_old_archive_survives_a_killed_writer(glyphs):
    bitnpz.save("a.npz", {"old": glyphs})
    program = """
import os, signal, sys, numpy as np, bitnpz
writer = bitnpz.Writer("a.npz")
for _ in range(20):
    writer.extend("glyphs", np.random.default_rng().random((1000, 64, 64)) < 0.3)
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", program], check=False)
    assert (np.asarray(bitnpz.load("a.npz")["old"]) == glyphs).all()
