"""Writes images as many stacks and as one: `python benches/stacks.py FILE.npz [STACKS,IMAGES ...]` prints a table.

FILE.npz holds `packed` (`np.packbits(images, axis=-1)`) and `shape` (N, H, W). A stack has consecutive images, such as those of a
class. Each way is tried three times, in turns; the table has the medians. Reading is of all stacks.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import bitnpz

RUNS = 3


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def extend(path, stacks):
    """Writes a few images of each stack in turn."""
    with bitnpz.Writer(path) as writer:
        for part in range(4):
            for key, images in stacks.items():
                writer.extend(key, images[part * len(images) // 4 : (part + 1) * len(images) // 4])


def append(path, stacks):
    """Writes a quarter of the stacks at a time, to what is there."""
    keys = list(stacks)
    for part in range(4):
        with bitnpz.Writer(path, "a") as writer:
            for key in keys[part * len(keys) // 4 : (part + 1) * len(keys) // 4]:
                writer[key] = stacks[key]


WAYS = {
    "np.savez_compressed": lambda path, stacks: np.savez_compressed(path, **stacks),
    "bitnpz.save": bitnpz.save,
    "bitnpz.save, one stack of all": lambda path, stacks: bitnpz.save(path, {"all": np.concatenate(list(stacks.values()))}),
    "extended in turn": extend,
    "appended in four parts": append,
}


def read_all(path, load):
    with load(path) as archive:
        for key in archive:
            np.asarray(archive[key])


def main():
    with np.load(sys.argv[1]) as file:
        images = np.unpackbits(file["packed"], axis=-1, count=int(file["shape"][2])).astype(bool)
    print("| stacks | written by | bytes/image | write, s | read, s |\n|---|---|---:|---:|---:|")
    for text in sys.argv[2:] or ["964,20", "50,200", "8,2400"]:
        count, each = map(int, text.split(","))
        stacks = {f"class {number}": images[number * each : (number + 1) * each] for number in range(count)}
        found = {name: ([], []) for name in WAYS}
        with tempfile.TemporaryDirectory() as folder:
            for _ in range(RUNS):
                for number, (name, write) in enumerate(WAYS.items()):
                    path = Path(folder) / f"{number}.npz"
                    path.unlink(missing_ok=True)
                    found[name][0].append(timed(lambda: write(path, stacks)))
                    load = bitnpz.load if number else np.load
                    found[name][1].append(timed(lambda: read_all(path, load)))
            for number, (name, times) in enumerate(found.items()):
                size = os.path.getsize(Path(folder) / f"{number}.npz") / sum(map(len, stacks.values()))
                write, read = map(statistics.median, times)
                print(f"| {count} of {each} | {name} | {size:.2f} | {write:.2f} | {read:.3f} |", flush=True)


if __name__ == "__main__":
    main()
