"""Times the reading of open peers, which take turns, so that what disturbs the machine disturbs all of them."""

import functools
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

#: The images of a batch and of a slice, and the most pixels of each: there are fewer images if they are large.
BATCH, _BATCH_PIXELS = 256, 1 << 25
SLICE, _SLICE_PIXELS = 4096, 1 << 27
ROUNDS = 5

#: A measurement repeats its work until it has taken this long.
_SECONDS = 0.04
#: Work that takes longer than this is done in one round only.
_MAX_SECONDS = 0.8

#: How images are read: from Python's view, what a program does between two steps of training.
READS = ("one", "bools", "rows", "floats", "slice", "threads")


class Reader:
    """A peer whose images are read at random."""

    def __init__(self, peer, count, batch=BATCH, seed=0, thread=0):
        pixels = peer.height * peer.width
        self.peer, self.count, self.batch = peer, count, max(1, min(batch, _BATCH_PIXELS // pixels))
        self.slice = max(1, min(SLICE, count, _SLICE_PIXELS // pixels))
        self.random = np.random.default_rng(seed)
        self.memory = _memory(self.batch, peer.height, peer.width, thread)

    def read(self, what):
        """Does the work named `what` once, and returns the number of images read."""
        if what == "one":
            for index in self._indices(64).tolist():
                self.peer.image(index)
            return 64
        if what == "slice":
            start = 0 if self.peer.sequential else int(self.random.integers(0, self.count - self.slice + 1))
            self.peer.slice_bools(start, start + self.slice)
            return self.slice
        if what == "threads":
            return self._read_on_threads()
        getattr(self.peer, what)(self._indices(self.batch), self.memory[what])
        return self.batch

    def warm_up(self, seconds):
        """Reads batches for so long."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            self.read("bools")

    def _indices(self, count):
        return self.random.integers(0, self.count, count)

    def _read_on_threads(self):
        """Reads sixteen batches on two threads of Python, from one open file."""
        with ThreadPoolExecutor(2) as pool:
            others = [Reader(self.peer, self.count, self.batch, self.random.integers(1 << 30), thread) for thread in (1, 2)]
            done = pool.map(lambda reader: sum(reader.read("bools") for _ in range(8)), others)
            return sum(done)


@functools.lru_cache(maxsize=6)
def _memory(batch, height, width, thread):
    """Returns memory for batches, which the readers of a thread share."""
    return {
        "bools": np.empty((batch, height, width), bool),
        "rows": np.empty((batch, height, -(-width // 8)), np.uint8),
        "floats": np.empty((batch, height, width), np.float32),
    }


def in_turns(readers, reads=READS, rounds=ROUNDS):
    """Returns seconds per image, by reader, by read and round, and what failed, by reader and read.

    A round before the first does not count; it finds how often the work must be repeated. The very first read may make tables, so
    it tells nothing about the next ones.
    """
    seconds = {name: {what: [] for what in reads} for name in readers}
    repeats, errors = {}, {}
    for number in range(rounds + 1):
        for what in reads:
            for name, reader in readers.items():
                if (name, what) in errors or (reader.peer.sequential and what != "slice") or repeats.get((name, what)) == 0:
                    continue
                try:
                    taken, images, runs = _timed(reader, what, repeats.get((name, what), 1))
                    if number == 0 and taken < _SECONDS:
                        taken, images, runs = _timed(reader, what, 1)
                except Exception as error:
                    errors[name, what] = f"{type(error).__name__}: {error}"
                    seconds[name][what] = []
                    continue
                if number:
                    seconds[name][what].append(taken / images)
                elif taken > _MAX_SECONDS:
                    seconds[name][what].append(taken / images)
                    repeats[name, what] = 0
                else:
                    repeats[name, what] = max(1, round(_SECONDS / max(taken / runs, 1e-6)))
    return seconds, errors


def _timed(reader, what, repeats):
    start = time.perf_counter()
    images = sum(reader.read(what) for _ in range(repeats))
    return time.perf_counter() - start, images, repeats


def check(peer, images, count):
    """Raises ValueError if the peer returns other images than those that were written."""
    rows = images.packed[:count]
    reader = Reader(peer, count)
    stop = min(count, reader.batch)
    _equal(np.packbits(peer.slice_bools(0, stop), axis=-1), rows[:stop], "a slice")
    if peer.sequential:
        return
    indices = reader._indices(reader.batch)
    indices[:2] = (0, count - 1)[: reader.batch]
    bools = np.unpackbits(rows[indices], axis=-1, count=images.width).view(bool)
    _equal(peer.bools(indices, reader.memory["bools"]), bools, "a batch of bools")
    _equal(peer.rows(indices, reader.memory["rows"]), rows[indices], "a batch of packed rows")
    _equal(peer.floats(indices, reader.memory["floats"]), bools.astype(np.float32), "a batch of float32")
    for place in range(0, reader.batch, 16):
        _equal(peer.image(int(indices[place])), bools[place], f"image {indices[place]}")


def _equal(found, expected, what):
    if found.dtype != expected.dtype or not np.array_equal(found, expected):
        raise ValueError(f"{what} differs from what was written")
