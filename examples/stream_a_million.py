"""Writes a million images without holding them in memory, then reads some of them at random.

    python stream_a_million.py [COUNT]
"""
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import bitnpz

SIZE, BATCH, SAMPLE = 28, 1000, 10_000
Y, X = np.mgrid[:SIZE, :SIZE]


def discs(first: int, count: int) -> np.ndarray:
    """Draws discs of random size and place."""
    random = np.random.default_rng(first)
    y, x = random.uniform(8, 20, (2, count, 1, 1))
    return (Y - y) ** 2 + (X - x) ** 2 < random.uniform(2, 8, (count, 1, 1)) ** 2


def main(count: int = 1_000_000) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "discs.npz"
        start = time.perf_counter()
        with bitnpz.Writer(path) as writer:  # the file appears at the end, complete or not at all
            for first in range(0, count, BATCH):
                writer.extend("discs", discs(first, min(BATCH, count - first)))
        took = time.perf_counter() - start
        print(f"wrote {count} images in {took:.1f} s: {path.stat().st_size / count:.1f} bytes each")

        images = bitnpz.load(path)["discs"]
        order = np.random.default_rng(0).permutation(count)[:SAMPLE]
        start = time.perf_counter()
        for number in order:
            images[number]
        took = time.perf_counter() - start
        print(f"read {len(order)} of them at random in {took:.2f} s")
        assert (images[: min(BATCH, count)] == discs(0, min(BATCH, count))).all()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
