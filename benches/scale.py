"""Opens, reads and merges very large archives: `cargo xtask scale FILE.npz [IMAGES]` prints a table.

FILE.npz holds `packed` (`np.packbits(images, axis=-1)`) and `shape` (N, H, W). They are extended to a shard of different
images by mirrored and shifted copies; the shard is merged with itself until there are IMAGES (default: 100,000,000). The
requests to a store are counted exactly; times are medians.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import bitnpz

SHARD = 1_600_000
IMAGES = 100_000_000
BATCH = 256
RUNS = 15


def extended(path, count):
    """Yields bool images: those of the file, and copies that are each mirrored or shifted differently."""
    with np.load(path) as archive:
        images = np.unpackbits(archive["packed"], axis=-1, count=int(archive["shape"][2])).view(bool)
    left, number = count, 0
    while left > 0:
        copy = images[:, :, ::-1] if number % 2 else images
        copy = np.roll(copy, (number // 2 % 13, number // 26), (1, 2))[:left]
        yield np.ascontiguousarray(copy)
        left, number = left - len(copy), number + 1


class Store:
    """A file that is read by range, with a count of requests and bytes."""

    name = "store"

    def __init__(self, path):
        self.file, self.requests, self.bytes = open(path, "rb"), 0, 0

    def length(self):
        self.requests += 1
        return os.fstat(self.file.fileno()).st_size

    def read_ranges(self, starts, ends):
        self.requests += 1
        parts = [os.pread(self.file.fileno(), end - start, start) for start, end in zip(starts, ends)]
        self.bytes += sum(map(len, parts))
        return parts


def median(work, runs=RUNS):
    """Returns the median seconds of a call, after one that does not count."""
    seconds = []
    for run in range(runs + 1):
        start = time.perf_counter()
        work()
        if run:
            seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def resident():
    """Returns the memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def count(store, what, work):
    """Prints the requests and bytes of a call."""
    requests, size = store.requests, store.bytes
    work()
    print(f"| {what} | {store.requests - requests:,} requests | {store.bytes - size:,} bytes |", flush=True)


def main():
    source, total = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else IMAGES
    copies = -(-total // SHARD)
    with tempfile.TemporaryDirectory(prefix="bitnpz-scale-") as folder:
        shard, path = Path(folder, "shard.npz"), Path(folder, "all.npz")
        with bitnpz.Writer(shard) as writer:
            for images in extended(source, SHARD):
                writer.extend("glyphs", images)
            writer["labels"] = np.arange(SHARD, dtype=np.int32) % 1000
        merged = median(lambda: bitnpz.merge(path, [shard] * copies), 3)
        copied = median(lambda: subprocess.run(f"cat {' '.join([str(shard)] * copies)} > {folder}/copy", shell=True, check=True), 3)
        os.remove(f"{folder}/copy")
        size = path.stat().st_size
        print(f"{copies} x {SHARD:,} = {copies * SHARD:,} images, {size:,} bytes; labels are joined, and deflated again\n")
        print("| what | | |\n|---|---:|---:|")
        print(f"| merging, of that of copying the bytes | {merged:.2f} s | {merged / copied:.1f} x |")

        def first_batch():
            return bitnpz.load(path, access="map")["glyphs"]

        first_batch()
        before = resident()
        opened = first_batch()
        print(f"| opening, mapped | {median(first_batch) * 1e3:.2f} ms | {(resident() - before) / 1e6:.1f} MB |")
        order = np.random.default_rng(0)

        def batch():
            return order.integers(0, len(opened), BATCH)

        for access in ("map", "read"):
            images = bitnpz.load(path, access=access)["glyphs"]
            for _ in range(100):
                images.take(batch())
            each = median(lambda: images.take(batch()), 200) / BATCH
            print(f"| a batch of {BATCH} random images, access {access!r} | {each * 1e6:.2f} us an image | |")
        store = Store(path)
        archive = []
        count(store, "opening, by range", lambda: archive.append(bitnpz.load(store)))
        images, labels = archive[0]["glyphs"], archive[0]["labels"]
        count(store, "one image", lambda: images[len(images) // 2])
        count(store, f"{BATCH} random images", lambda: images.take(batch()))
        count(store, f"{BATCH} others", lambda: images.take(batch()))
        count(store, f"{BATCH} neighbours", lambda: images[7_000 : 7_000 + BATCH])
        count(store, "100,000 in order", lambda: images[:100_000])
        count(store, f"{BATCH} labels", lambda: labels[-BATCH:])
        loader = bitnpz.Loader(images, batch_size=BATCH, shuffle="blocks", packed=True, prefetch=0)
        batches = iter(loader)
        count(store, "65,536 images of a block shuffle", lambda: [next(batches) for _ in range(256)])


if __name__ == "__main__":
    main()
