"""Checks in two minutes that bitnpz has not fallen behind: compares its ratios to a few peers with those that are recorded.

Both sides of a ratio are measured in the same run, on two cores, as they were when the ratios were recorded: bitnpz uses all cores,
and most of the others one. Of several times the least is taken, which other programs disturb least; ratios that have fallen are
measured again before they count.
"""

import json
import os
import shutil
import time
from pathlib import Path

from . import formats, images, measure
from .peer import stored_bytes

RECORDED = Path(__file__).with_name("recorded.json")

_IMAGES = {28: 20_000, 128: 4_000}
_OURS = ("bitnpz contour", "bitnpz zstd")
_OTHERS = ("mapped packed rows", "mapped bools", "npz, one array", "npz, a key per image", "LMDB + zstd")
_READS = ("one", "bools", "floats")
_WRITE_ROUNDS = 2
#: What is left of a ratio that has fallen by a third.
_LEAST = 2 / 3


def run(scratch, record):
    """Returns the exit code: 1 if a ratio has fallen by more than a third."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    ratios = _measured(scratch)
    if record:
        RECORDED.write_text(json.dumps(ratios, indent=1) + "\n")
        print(f"recorded {len(ratios)} ratios")
        return 0
    recorded = json.loads(RECORDED.read_text())
    if _fallen(ratios, recorded):
        print("some ratios have fallen: measuring again")
        again = _measured(scratch)
        ratios = {name: max(ratio, again[name]) for name, ratio in ratios.items()}
    for name, ratio in ratios.items():
        print(f"{name}: was {recorded.get(name, 'not recorded')}, is {ratio}")
    fallen = _fallen(ratios, recorded)
    for name in fallen:
        print(f"fell by more than a third: {name}: was {recorded[name]}, is {ratios.get(name, 'missing')}")
    print(f"{len(ratios)} ratios, {len(fallen)} have fallen by more than a third")
    return 1 if fallen else 0


def _fallen(ratios, recorded):
    return [name for name, was in recorded.items() if ratios.get(name, 0) < was * _LEAST]


def _measured(scratch):
    """Returns all ratios, rounded to three digits."""
    ratios = {}
    for side, count in _IMAGES.items():
        folder = scratch / str(side)
        for name, ratio in _ratios(images.strokes(count, side), folder).items():
            ratios[f"{side}x{side}, {name}"] = float(f"{ratio:.3g}")
        shutil.rmtree(folder)
    return ratios


def _ratios(some, scratch):
    """Returns how many times better ours are than the others, in size, writing and reading."""
    classes, _ = formats.find()
    peers, costs = {}, {name: {"write": []} for name in _OURS + _OTHERS}
    for number in range(_WRITE_ROUNDS):
        for name in costs:
            folder = scratch / f"{name}-{number}"
            folder.mkdir(parents=True)
            peer = peers[name] = classes[name](some.height, some.width)
            start = time.perf_counter()
            peer.write(some, folder)
            costs[name]["write"].append(time.perf_counter() - start)
            costs[name]["bytes"] = [stored_bytes(folder)]
    for name, peer in peers.items():
        peer.open(scratch / f"{name}-{_WRITE_ROUNDS - 1}")
        measure.check(peer, some, len(some))
    readers = {name: measure.Reader(peer, len(some)) for name, peer in peers.items()}
    seconds, errors = measure.in_turns(readers, _READS)
    if errors:
        raise RuntimeError(f"reading failed: {errors}")
    for name, peer in peers.items():
        costs[name] |= seconds[name]
        peer.close()
    least = {name: {what: min(values) for what, values in cost.items()} for name, cost in costs.items()}
    return {
        f"{ours} : {other}, {what}": least[other][what] / least[ours][what]
        for ours in _OURS
        for other in _OTHERS
        for what in ("bytes", "write", *_READS)
        # Writing what will be mapped is a copy into the page cache, whose time varies.
        if not (what == "write" and other.startswith("mapped"))
    }
