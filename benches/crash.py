"""Compares which libraries lose existing data in a crash: NumPy, `zipfile`, the `zip` crate, HDF5 and bitnpz.

Run by `cargo xtask crash others`. Each process writes to an existing archive and is killed at a random moment, or may write only a
limited number of bytes to a file, as on a full disk. Afterwards the archive must hold what it held before, or all of the new data.
"""

import os
import random
import resource
import signal
import statistics
import sys
import tempfile
import time
import zipfile

import bitnpz
import h5py
import numpy as np

GENERATOR = np.random.default_rng(0)
PARENT = os.getpid()
# A program that appends standard input to an archive with the `zip` crate (`examples/zip_append.rs`).
ZIP_APPEND = os.environ["ZIP_APPEND"]
OLD, NEW = (GENERATOR.random((3000, 28, 28)) < 0.2 for _ in range(2))


def savez(path, arrays, mode):
    np.savez(path, **arrays)


def zip_file(path, arrays, mode):
    with zipfile.ZipFile(path, mode) as z:
        for key, array in arrays.items():
            with z.open(key + ".npy", "w") as member:
                np.lib.format.write_array(member, array)


def zip_crate(path, arrays, mode):
    if os.getpid() == PARENT:
        # The `zip` crate only appends; this process makes the archive to append to.
        return zip_file(path, arrays, mode)
    with tempfile.TemporaryFile() as file:
        (key, array), = arrays.items()
        np.save(file, array)
        file.seek(0)
        os.dup2(file.fileno(), 0)
        os.execv(ZIP_APPEND, [ZIP_APPEND, path, key + ".npy"])


def hdf5(path, arrays, mode):
    with h5py.File(path, mode) as file:
        for key, array in arrays.items():
            file.create_dataset(key, data=array, compression="gzip")


def ours(path, arrays, mode):
    with bitnpz.Writer(path, mode=mode) as writer:
        for key, array in arrays.items():
            writer[key] = array


def read_hdf5(path):
    with h5py.File(path) as file:
        return {key: file[key][:] for key in file}


def read_npz(path):
    with np.load(path) as z:
        return {key: z[key] for key in z.files}


def read_ours(path):
    archive = bitnpz.load(path)
    return {key: np.asarray(archive[key]) for key in archive}


WAYS = {
    "replace": {"np.savez": (savez, read_npz), "HDF5": (hdf5, read_hdf5), "bitnpz": (ours, read_ours)},
    "append": {"zipfile": (zip_file, read_npz), "zip crate": (zip_crate, read_npz), "HDF5": (hdf5, read_hdf5), "bitnpz": (ours, read_ours)},
}


def forked(work):
    child = os.fork()
    if child == 0:
        # Some print long error messages.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        try:
            work()
            os._exit(0)
        except BaseException:
            os._exit(1)
    return child


def same(found, expected):
    return found.keys() == expected.keys() and all(np.array_equal(found[key], expected[key]) for key in expected)


def outcome(path, read, old, new):
    """Returns which content the archive has, old or new; `lost` if neither can be read."""
    try:
        found = read(path)
    except Exception:
        return "lost"
    return "new" if same(found, new) else "old" if same(found, old) else "lost"


def trials(write, read, mode, runs):
    old = {"old": OLD}
    added = {"new": NEW}
    new = added if mode == "w" else old | added
    counts = {kind: dict.fromkeys(("old", "new", "lost"), 0) for kind in ("killed", "disk full")}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a.npz")

        def prepare():
            for name in os.listdir(folder):
                os.remove(os.path.join(folder, name))
            write(path, old, "w")

        took = []
        for _ in range(5):
            prepare()
            start = time.perf_counter()
            os.waitpid(forked(lambda: write(path, added, mode)), 0)
            took.append(time.perf_counter() - start)
        assert outcome(path, read, old, new) == "new"
        longest, size = 1.1 * statistics.median(took), os.path.getsize(path)
        for run in range(runs):
            prepare()
            child = forked(lambda: write(path, added, mode))
            time.sleep(random.random() * longest)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            counts["killed"][outcome(path, read, old, new)] += 1

            prepare()
            most = size * run // runs
            os.waitpid(forked(lambda: (resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)), write(path, added, mode))), 0)
            counts["disk full"][outcome(path, read, old, new)] += 1
    return counts


def main(runs=100):
    random.seed(0)
    print(f"{'':8} {'':9} {'trial':10} {'runs':>5} {'old there':>9} {'new there':>9} {'lost':>5}")
    for way, writers in WAYS.items():
        for name, (write, read) in writers.items():
            for kind, counts in trials(write, read, way[0].replace("r", "w"), runs).items():
                print(f"{way:8} {name:9} {kind:10} {runs:5} {counts['old']:9} {counts['new']:9} {counts['lost']:5}", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
