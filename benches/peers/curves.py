"""How the peers fare as one quantity changes: the number of images, their side, their density, the size of a batch."""

import os
import shutil
import time

from . import images, measure
from .peer import stored_bytes

#: The peers of the curves: the best of each kind.
PEERS = (
    "bitnpz contour", "bitnpz zstd", "mapped packed rows", "npz, one array", "LMDB + zstd, dictionary",
    "HDF5 gzip, chunks of 1", "HDF5 gzip, chunks of 64", "ArrayRecord", "Parquet", "Hugging Face datasets",
)  # fmt: skip

_ROUNDS = 3
#: Each peer reads for so long before it is timed, so that what it keeps in memory is there, of a million images too.
_WARM_SECONDS = 0.3
#: A peer that took longer to write a point leaves out the next ones.
_MAX_SECONDS = 25
#: The most bytes of packed rows of a point.
_POINT_BYTES = 16 << 20


def run(peers, results, files, scratch, largest, log):
    """Measures the curves: yields the name of each, the values on its axis and what each peer took there."""
    chosen = {name: results[name]["setting"] for name in PEERS if name in peers and "setting" in results[name]}
    for name, points in _curves(files, largest).items():
        log(f"curve: {name}")
        yield name, _curve(peers, chosen, points, scratch / f"curve-{name}", log)


def _curves(files, largest):
    """Returns the points of each curve: the value on the axis, the images, and the size of a batch."""
    smallest = min(files, key=lambda path: path.stat().st_size)

    def counts():
        count = 1000
        while count <= largest:
            yield count, images.load(smallest, count), measure.BATCH
            count *= 10

    def sides():
        for side in (16, 32, 64, 128, 256, 512, 1024, 2048):
            yield side, images.strokes(min(4000, _POINT_BYTES * 8 // side**2), side), measure.BATCH

    def densities():
        for percent in (0.1, 0.5, 1, 2, 5, 10, 20, 50):
            yield percent, images.blobs(4000, 64, percent / 100), measure.BATCH

    def batches():
        some = images.load(smallest, 20_000)
        for size in (1, 4, 16, 64, 256, 1024, 4096):
            yield size, some, size

    return {"images": counts(), "side": sides(), "density": densities(), "batch": batches()}


def _curve(peers, chosen, points, scratch, log):
    found = {"values": [], "peers": {name: [] for name in chosen}, "errors": []}
    left = dict(chosen)
    for value, some, batch in points:
        found["values"].append(value)
        point = _point(peers, left, some, batch, scratch, found["errors"])
        for name in chosen:
            found["peers"][name].append(point.get(name))
            if point.get(name, {}).get("seconds", 0) > _MAX_SECONDS:
                del left[name]
        shutil.rmtree(scratch)
        log(f"  {value:,}")
    return found


def _point(peers, settings, some, batch, scratch, errors):
    """Writes the images with all peers and reads batches in turns."""
    point, opened = {}, {}
    for number, (name, setting) in enumerate(settings.items()):
        folder = scratch / str(number)
        os.makedirs(folder)
        try:
            start = time.perf_counter()
            peer = peers[name](some.height, some.width, **setting)
            peer.write(some, folder)
            seconds = time.perf_counter() - start
            point[name] = {"bytes": stored_bytes(folder) / len(some), "seconds": seconds}
            peer = peers[name](some.height, some.width, **setting)
            start = time.perf_counter()
            peer.open(folder)
            point[name]["open"] = time.perf_counter() - start
            opened[name] = measure.Reader(peer, len(some), batch)
            opened[name].warm_up(_WARM_SECONDS)
        except Exception as error:
            errors.append(f"{name}, {len(some)} images of {some.height}x{some.width}: {type(error).__name__}: {error}")
    times, failed = measure.in_turns(opened, ("bools",), _ROUNDS)
    errors.extend(f"{name}: {message}" for (name, _), message in failed.items())
    for name, reader in opened.items():
        point[name]["bools"] = times[name]["bools"]
        reader.peer.close()
    return point
