"""The package works in a process with Ctrl-C, forks, little memory, odd paths and special files."""

import os
import pickle
import random
import signal
import stat
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import bitnpz

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals, forks and limits of Linux")


def images(count):
    """Returns discs with noise, which take a while to encode."""
    y, x = np.mgrid[:96, :96]
    centre = np.random.default_rng(3).uniform(20, 70, (200, 2, 1, 1))
    few = (y - centre[:, 0]) ** 2 + (x - centre[:, 1]) ** 2 < 400
    return np.concatenate([np.roll(few, shift % 96, axis=2) ^ (few & (shift % 7 == 3)) for shift in range(count // 200)])


@pytest.fixture(scope="module")
def long_work(tmp_path_factory):
    folder = tmp_path_factory.mktemp("long")
    stack = images(20_000)
    bitnpz.save(folder / "set.npz", {"stack": stack})
    bitnpz.save(folder / "plain.npz", {"noise": np.random.default_rng(0).random(4_000_000)}, encoding="plain")
    np.save(folder / "stack.npy", stack)
    return folder


CALLS = {
    "save": "bitnpz.save('out.npz', {f's{number}': stack for number in range(20)})",
    "savez_compressed": "bitnpz.savez_compressed('out.npz', stack=np.random.default_rng(0).random(20_000_000))",
    "writer": "writer = bitnpz.Writer('out.npz')\n    for number in range(20): writer.extend(f's{number}', stack)",
    "asarray": "[np.asarray(s) for _ in range(1000)]",
    "take": "[s[np.random.default_rng(0).permutation(len(s))] for _ in range(1000)]",
    "iterate": "[None for _ in range(1000) for image in s]",
    "verify": "[archive.verify() for _ in range(1000)]",
    "popcount": "[s.popcount() for _ in range(1000)]",
    "load a member": "[bitnpz.load('plain.npz')['noise'] for _ in range(1000)]",
    "salvage": "[bitnpz.salvage('set.npz', 'saved.npz', force=True) for _ in range(1000)]",
    "train": "[bitnpz.train(stack, effort='smallest') for _ in range(10)]",
    "loader": "[None for _ in range(1000) for batch in bitnpz.Loader(s, batch_size=64)]",
}


@pytest.mark.parametrize("name", CALLS)
def test_ctrl_c_ends_a_call_and_leaves_nothing(long_work, name):
    (long_work / "out.npz").write_bytes(b"old")
    code = f"""
import numpy as np, bitnpz, time
stack = np.load("stack.npy", mmap_mode="r")
archive = bitnpz.load("set.npz"); s = archive["stack"]; s[:9]
print("go", flush=True)
try:
    {CALLS[name]}
except KeyboardInterrupt:
    print("stopped", time.time())
"""
    before = sorted(os.listdir(long_work))
    process = subprocess.Popen([sys.executable, "-c", code], cwd=long_work, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "go\n"
    time.sleep(0.4)
    sent = time.time()
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[0].split()
    assert process.returncode == 0 and said[0] == "stopped"
    assert float(said[1]) - sent < 2, "seconds until the exception"
    assert (long_work / "out.npz").read_bytes() == b"old"
    (long_work / "saved.npz").unlink(missing_ok=True)
    assert sorted(os.listdir(long_work)) == before


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork")
def test_child_works_after_a_fork_at_any_moment(glyphs):
    bitnpz.save("a.npz", {"glyphs": np.repeat(glyphs, 5, axis=0)})
    expected = int(bitnpz.load("a.npz")["glyphs"].popcount().sum())
    stop = threading.Event()

    def work(number):
        while not stop.is_set():
            bitnpz.load("a.npz")["glyphs"].take(np.arange(0, 3000, 2))
            bitnpz.save(f"{number}.npz", {"glyphs": glyphs})

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(40):
            time.sleep(random.random() / 50)
            child = os.fork()
            if child == 0:
                signal.alarm(30)
                found = bitnpz.load("a.npz")["glyphs"]
                right = int(found.popcount().sum()) == expected and len(found.take(np.arange(3000))) == 3000
                bitnpz.save(f"child {os.getpid()}.npz", {"glyphs": glyphs})
                os._exit(0 if right else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork")
def test_loader_continues_in_a_forked_child(glyphs):
    bitnpz.save("a.npz", {"glyphs": glyphs})
    loader = iter(bitnpz.Loader(bitnpz.load("a.npz")["glyphs"], batch_size=16, seed=1))
    next(loader)
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        os._exit(len(list(loader)))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code == len(list(loader)) > 30


def test_unpickled_images_refuse_a_file_that_was_replaced(glyphs):
    bitnpz.save("a.npz", {"glyphs": glyphs})
    handle = pickle.dumps(bitnpz.load("a.npz")["glyphs"])
    assert np.array_equal(pickle.loads(handle)[:3], glyphs[:3])
    bitnpz.save("a.npz", {"glyphs": glyphs[::-1]})
    images = pickle.loads(handle)
    with pytest.raises(bitnpz.FileChangedError, match=r"a\.npz"):
        images[:3]


def test_lack_of_memory_can_be_caught(glyphs):
    code = """
import numpy as np, resource, bitnpz
stack = np.zeros((20_000, 100, 100), bool); stack[:, 3:9, 4] = True
bitnpz.save("a.npz", {"stack": stack})
del stack
s = bitnpz.load("a.npz")["stack"]
used = int(open("/proc/self/statm").read().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (used + (60 << 20),) * 2)
try:
    np.asarray(s)
except MemoryError:
    print("caught", s[[5, 19_999]].sum())
"""
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "caught 12\n"


def test_takes_odd_paths_and_escapes_them_in_messages(glyphs):
    for path in (b"by\xfftes.npz", "sur\udcferogate.npz", "\u202ereversed\n.npz"):
        bitnpz.save(path, {"glyphs": glyphs})
        assert np.array_equal(bitnpz.load(path)["glyphs"][:2], glyphs[:2])
        assert os.path.exists(path)
        with pytest.raises(bitnpz.FilePresentError):
            bitnpz.salvage(path, path)
        with pytest.raises(bitnpz.FileMissingError) as error:
            bitnpz.load(path + (b"x" if isinstance(path, bytes) else "x"))
        assert "\n" not in str(error.value) and "\u202e" not in str(error.value)
    archive = bitnpz.load(path)
    assert "\ud800" not in archive
    with pytest.raises(bitnpz.NoSuchKeyError):
        archive["\ud800"]


def test_writes_to_devices_and_never_replaces_them(glyphs):
    with bitnpz.Writer("/dev/null") as writer:
        writer["glyphs"] = glyphs
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    bitnpz.save("a.npz", {"glyphs": glyphs})
    os.mkfifo("pipe.npz")
    got = []
    reader = threading.Thread(target=lambda: got.append(open("pipe.npz", "rb").read()))
    reader.start()
    bitnpz.save("pipe.npz", {"glyphs": glyphs})
    reader.join()
    assert got == [open("a.npz", "rb").read()]
    assert stat.S_ISFIFO(os.stat("pipe.npz").st_mode)
    os.mkdir("folder.npz")
    with pytest.raises(bitnpz.FileError):
        bitnpz.save("folder.npz", {"glyphs": glyphs})
    os.symlink("nowhere yet.npz", "link.npz")
    bitnpz.save("link.npz", {"glyphs": glyphs})
    assert os.path.islink("link.npz") and os.path.exists("nowhere yet.npz")


@pytest.mark.parametrize("dimensions", [33, 64])
def test_reads_as_many_dimensions_as_numpy(dimensions):
    array = np.arange(6, dtype=np.int16).reshape((2, 3) + (1,) * (dimensions - 2))
    for encoding in ("sets", "packed", "plain"):
        bitnpz.save("a.npz", {"x": array}, encoding=encoding)
        found = bitnpz.load("a.npz")["x"]
        assert found.shape == array.shape and np.array_equal(found, array)
        assert np.array_equal(np.load("a.npz")["x"], array)


def test_any_nonzero_byte_is_true():
    odd = np.array([[[0, 1], [2, 255]]] * 3, np.uint8).view(bool)
    for encoding in ("sets", "packed", "plain"):
        bitnpz.save("a.npz", {"odd": odd}, encoding=encoding)
        found = np.asarray(bitnpz.load("a.npz")["odd"])
        assert found.view(np.uint8).tolist() == [[[0, 1], [1, 1]]] * 3
    np.savez("a.npz", odd=odd)
    assert np.array_equal(bitnpz.load("a.npz")["odd"], odd)


def test_cleans_only_what_killed_writers_left(glyphs):
    code = """
import numpy as np, bitnpz, time, sys
writer = bitnpz.Writer("a.npz")
writer["x"] = np.arange(9)
print("go", flush=True)
time.sleep(100)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "go\n"
    present = set(os.listdir())
    assert bitnpz.clean(".") == []
    assert set(os.listdir()) == present
    process.kill()
    process.wait()
    bitnpz.clean(".")
    assert os.listdir() == []
