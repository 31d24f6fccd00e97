"""Compares whole workflows in Python with other libraries: `cargo xtask workflows FILE.npz ...` prints a table.

Each FILE.npz holds `packed` (`np.packbits(images, axis=-1)`) and `shape` (N, H, W). They are extended to 100,000
different images by mirrored and shifted copies. Every number is the median of runs in which the two sides take turns.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import lmdb
import numpy as np
import zstandard

import bitnpz

COUNT = 100_000
MILLION = 1_000_000
BATCH = 256
RUNS = 5


def extended(path):
    """Returns bool images: those of the file, and copies that are each mirrored or shifted differently."""
    with np.load(path) as archive:
        images = np.unpackbits(archive["packed"], axis=-1, count=int(archive["shape"][2])).astype(bool)
    copies, number = [images], 1
    while sum(map(len, copies)) < COUNT:
        copy = images[:, :, ::-1] if number % 2 else images
        copies.append(np.roll(copy, (number // 2, number // 4), (1, 2)))
        number += 1
    return np.ascontiguousarray(np.concatenate(copies)[:COUNT])


def in_turns(ours, theirs, runs=RUNS):
    """Returns the median seconds of both, after one run of each that does not count."""
    times = ([], [])
    for run in range(runs + 1):
        for seconds, work in zip(times, (ours, theirs)):
            start = time.perf_counter()
            work()
            if run:
                seconds.append(time.perf_counter() - start)
    return [statistics.median(seconds) for seconds in times]


def row(what, of, unit, ours, theirs, target, scale=1.0):
    met = "" if target is None else f" | {target} | {'yes' if theirs / ours >= target else 'no'}"
    print(f"| {what} | {of} | {ours * scale:,.2f} {unit} | {theirs * scale:,.2f} {unit} | {theirs / ours:,.1f}x{met} |", flush=True)


def compare(path, folder):
    images = extended(path)
    name = Path(path).stem
    height, width = images.shape[1:]
    large = height >= 100
    keys = [f"ix-{number:06}" for number in range(COUNT)]
    random = np.random.default_rng(1)
    pixels = f"{height}x{width}"

    theirs = folder / "theirs.npz"
    start = time.perf_counter()
    np.savez_compressed(theirs, **dict(zip(keys[: COUNT // 5], images)))
    write_theirs = (time.perf_counter() - start) * 5
    bitnpz.savez_compressed(theirs, **dict(zip(keys, images)))

    files = {}
    for codec in ("contour", "zstd"):
        files[codec] = folder / f"{codec}.npz"
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            bitnpz.save(files[codec], {"images": images}, codec=codec)
            seconds.append(time.perf_counter() - start)
        size = files[codec].stat().st_size / COUNT
        what = f"`save` of a stack, {codec}, {size:.1f} bytes each"
        row(what, pixels, "us", statistics.median(seconds) / COUNT, write_theirs / COUNT, 25 if large else 12, 1e6)

    database = folder / "lmdb"
    environment = lmdb.open(str(database), map_size=1 << 34, readahead=False)
    packed = np.packbits(images, axis=-1)
    compressor = zstandard.ZstdCompressor(3)
    with environment.begin(write=True) as transaction:
        for number, rows in enumerate(packed):
            transaction.put(number.to_bytes(4, "big"), compressor.compress(rows.tobytes()), append=True)
    np.save(folder / "packed.npy", packed)
    mapped = np.load(folder / "packed.npy", mmap_mode="r")
    per_row = packed.shape[2]
    decompressor = zstandard.ZstdDecompressor()

    numpy = np.load(theirs)
    singles = random.integers(0, COUNT, 4000).tolist()
    batches = [random.integers(0, COUNT, BATCH) for _ in range(64)]
    few = batches[:8]
    batch_of_ours = np.empty((BATCH, height, width), bool)

    def numpy_single():
        for index in singles[:1500]:
            numpy[keys[index]]

    def numpy_batches():
        batch = np.empty((BATCH, height, width), bool)
        for indices in few:
            for place, index in enumerate(indices.tolist()):
                batch[place] = numpy[keys[index]]

    def lmdb_batches():
        batch = np.empty((BATCH, height, per_row), np.uint8)
        with environment.begin(buffers=True) as transaction:
            for indices in batches:
                for place, index in enumerate(indices.tolist()):
                    rows = decompressor.decompress(transaction.get(index.to_bytes(4, "big")))
                    batch[place] = np.frombuffer(rows, np.uint8).reshape(height, per_row)
                np.unpackbits(batch, axis=-1, count=width).view(bool)

    def mapped_batches():
        for indices in batches:
            np.unpackbits(mapped[indices], axis=-1, count=width).view(bool)

    for codec in ("contour", "zstd"):
        opened = bitnpz.load(files[codec])["images"]

        def ours_single():
            for index in singles:
                opened[index]

        def ours_batches():
            for indices in batches:
                opened.take(indices, out=batch_of_ours)

        def ours_loader():
            loader = iter(bitnpz.Loader(opened, batch_size=BATCH, shuffle=True))
            for _ in batches:
                next(loader)

        each = 1 / (len(batches) * BATCH)
        ours, numpys = in_turns(ours_single, numpy_single)
        row(f"`images[i]`, {codec} : `np.load(...)[key]`", pixels, "us", ours / len(singles), numpys / 1500, 25, 1e6)
        ours, numpys = in_turns(ours_batches, numpy_batches)
        numpys *= len(batches) / len(few)
        row(f"batches of {BATCH}, {codec} : `np.load` loop", pixels, "us", ours * each, numpys * each, 60 if large else 100, 1e6)
        ours, lmdbs = in_turns(ours_batches, lmdb_batches)
        row(f"batches of {BATCH}, {codec} : LMDB, zstd -3", pixels, "us", ours * each, lmdbs * each, 5, 1e6)
        ours, maps = in_turns(ours_batches, mapped_batches)
        what = f"batches of {BATCH}, {codec} : mapped packed rows, {height * per_row} bytes each"
        row(what, pixels, "us", ours * each, maps * each, None if large else 1, 1e6)
        ours, lmdbs = in_turns(ours_loader, lmdb_batches)
        row(f"`Loader`, shuffled, {codec} : LMDB, zstd -3", pixels, "us", ours * each, lmdbs * each, None, 1e6)
    bitnpz.save(folder / "keyed.npz", dict(zip(keys, images)))
    keyed = bitnpz.load(folder / "keyed.npz")

    def ours_keyed():
        for index in singles:
            keyed[keys[index]]

    ours, numpys = in_turns(ours_keyed, numpy_single)
    row("`a[key]`, contour : `np.load(...)[key]`", pixels, "us", ours / len(singles), numpys / 1500, 25, 1e6)
    environment.close()
    return images


OPEN = """
import resource, sys, time, numpy as np, bitnpz
from multiprocessing import shared_memory
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
load = np.load if sys.argv[1] == "numpy" else bitnpz.load
bitnpz.load(sys.argv[3]).close(); np.load(sys.argv[3]).close()
before, start = resident(), time.perf_counter()
archive = load(sys.argv[2])
print(time.perf_counter() - start, resident() - before)
"""


def compare_open(images, folder):
    """Compares opening archives of a million images, each under its own key."""
    packed = np.packbits(images[:20_000], axis=-1)
    ours, theirs, small = (folder / name for name in ("million.npz", "members.npz", "small.npz"))
    height, width = images.shape[1:]

    def keyed():
        for number in range(MILLION):
            image = np.unpackbits(packed[number % len(packed)], axis=-1, count=width).view(bool)
            # Writes its number into the image, so that all differ.
            image[0, :20] = [number >> bit & 1 for bit in range(20)]
            yield f"ix-{number:07}", image

    for path, encoding in ((ours, "sets"), (theirs, "plain")):
        with bitnpz.Writer(path, encoding=encoding) as writer:
            for key, image in keyed():
                writer[key] = image
    bitnpz.savez(small, x=np.arange(3))
    found = {}
    for who, path in (("ours", ours), ("numpy", theirs)):
        runs = [
            subprocess.run([sys.executable, "-c", OPEN, who, path, small], check=True, capture_output=True, text=True)
            for _ in range(3)
        ]
        found[who] = [statistics.median(float(run.stdout.split()[part]) for run in runs) for part in (0, 1)]
    row("open, 1,000,000 images", f"{height}x{width}", "ms", found["ours"][0], found["numpy"][0], 1000, 1e3)
    memory = [found[who][1] / 1e6 for who in ("ours", "numpy")]
    print(f"| its memory | {height}x{width} | {memory[0]:.2f} MB | {memory[1]:,.0f} MB | | under 5 MB | {'yes' if memory[0] < 5 else 'no'} |")


print("| workflow, ours : theirs | images | ours | theirs | ratio | target | met |\n|---|---|---:|---:|---:|---:|---|")
with tempfile.TemporaryDirectory() as scratch:
    smallest = None
    for number, path in enumerate(sys.argv[1:]):
        folder = Path(scratch) / str(number)
        os.mkdir(folder)
        images = compare(path, folder)
        smallest = images if smallest is None or images[0].size < smallest[0].size else smallest
    compare_open(smallest, Path(scratch))
