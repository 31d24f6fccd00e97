"""Simulates reading an archive over a network: `cargo xtask network FILE.npz` prints tables.

FILE.npz holds `packed` (`np.packbits(images, axis=-1)`) and `shape` (N, H, W); see `scale.py`. The requests are those that the
reader makes; the network is a clock: each request of a stream takes its latency, and its bytes at the stream's rate, and the
ranges that are asked for together are shared by so many streams. Decoding is measured, and takes its turn with the network.
"""

import heapq
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import bitnpz
from scale import BATCH, SHARD, extended

LATENCY = 0.030
BYTES_PER_SECOND = 100e6
COPIES = 16
STREAMS = (4, 16, 64)


class Network:
    """A file behind a network of so many streams, with a clock."""

    name = "network"

    def __init__(self, data, streams):
        self.data, self.streams = data, streams
        self.requests, self.bytes, self.clock = 0, 0, 0.0

    def length(self):
        self.requests += 1
        self.clock += LATENCY
        return len(self.data)

    def read_ranges(self, starts, ends):
        self.requests += 1
        ends_of = [0.0] * self.streams
        for start, end in zip(starts, ends):
            self.bytes += end - start
            heapq.heapreplace(ends_of, ends_of[0] + LATENCY + (end - start) / BYTES_PER_SECOND)
        self.clock += max(ends_of)
        return [bytes(self.data[start:end]) for start, end in zip(starts, ends)]


def measure(network, batches, count):
    """Reads so many batches, and prints requests, bytes and images per second."""
    requests, size, clock = network.requests, network.bytes, network.clock
    start, images = time.perf_counter(), 0
    for _ in range(count):
        images += len(next(batches))
    seconds = time.perf_counter() - start + network.clock - clock
    return f"{(network.requests - requests) / images * 1e6:,.0f} | {(network.bytes - size) / images:.1f} | {images / seconds:,.0f}"


def main():
    with tempfile.TemporaryDirectory(prefix="bitnpz-network-") as folder:
        shard, path = Path(folder, "shard.npz"), Path(folder, "all.npz")
        with bitnpz.Writer(shard) as writer:
            for images in extended(sys.argv[1], SHARD):
                writer.extend("glyphs", images)
        bitnpz.merge(path, [shard] * COPIES)
        data = np.memmap(path, np.uint8, "r")
    print(f"{COPIES * SHARD:,} images, {len(data):,} bytes; {LATENCY * 1e3:.0f} ms, {BYTES_PER_SECOND / 1e6:.0f} MB/s a stream\n")
    print("| order | streams | requests a million images | bytes an image | images/s |\n|---|---:|---:|---:|---:|")
    for streams in STREAMS:
        for block, window in ((1024, 16), (4096, 4), (4096, 16), (4096, 64), (16384, 16)):
            network = Network(data, streams)
            images = bitnpz.load(network)["glyphs"]
            order = bitnpz.Loader(images, batch_size=BATCH, shuffle="blocks", block=block, window=window, packed=True, prefetch=0)
            row = measure(network, iter(order), 4 * block * window // BATCH)
            print(f"| {window} blocks of {block:,} mixed | {streams} | {row} |", flush=True)
        network = Network(data, streams)
        images = bitnpz.load(network)["glyphs"]
        order = bitnpz.Loader(images, batch_size=BATCH, shuffle=True, packed=True, prefetch=0)
        print(f"| batches of {BATCH} random images | {streams} | {measure(network, iter(order), 40)} |", flush=True)
        slices = (images[start : start + 65_536] for start in range(0, len(images), 65_536))
        print(f"| in order, slices of 65,536 | {streams} | {measure(network, slices, 16)} |", flush=True)


if __name__ == "__main__":
    main()
