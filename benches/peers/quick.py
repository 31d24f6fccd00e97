"""Checks in two minutes that bitnpz has not fallen behind: compares its ratios to a few peers with those that are recorded.

Both sides of a ratio are measured in the same run, so that the machine hardly matters.
"""

import json
import statistics
import time
from pathlib import Path

from . import formats, images, measure
from .peer import stored_bytes

RECORDED = Path(__file__).with_name("recorded.json")

_IMAGES = 20_000
_SIDES = (28, 128)
_OURS = ("bitnpz contour", "bitnpz zstd")
_OTHERS = ("mapped packed rows", "mapped bools", "npz, one array", "npz, a key per image", "LMDB + zstd")
_READS = ("one", "bools", "floats")
_WRITE_ROUNDS = 3
#: What is left of a ratio that has fallen by a third.
_LEAST = 2 / 3


def run(scratch, record):
    """Returns the exit code: 1 if a ratio has fallen by more than a third."""
    ratios = {}
    for side in _SIDES:
        some = images.strokes(_IMAGES if side < 100 else _IMAGES // 4, side)
        ratios |= {f"{side}x{side}, {name}": round(ratio, 3) for name, ratio in _ratios(some, scratch / str(side)).items()}
    if record:
        RECORDED.write_text(json.dumps(ratios, indent=1) + "\n")
        print(f"recorded {len(ratios)} ratios")
        return 0
    recorded = json.loads(RECORDED.read_text())
    fallen = [name for name, was in recorded.items() if ratios.get(name, 0) < was * _LEAST]
    for name, is_now in ratios.items():
        print(f"{name}: was {recorded.get(name, 'not recorded')}, is {is_now}{'  FALLEN' if name in fallen else ''}")
    for name in fallen:
        print(f"fell by more than a third: {name}: was {recorded[name]}, is {ratios.get(name, 'missing')}")
    print(f"{len(ratios)} ratios, {len(fallen)} have fallen by more than a third")
    return 1 if fallen else 0


def _ratios(some, scratch):
    """Returns how many times better ours are than the others, in size, writing and reading."""
    classes, _ = formats.find()
    peers, costs = {}, {name: {} for name in _OURS + _OTHERS}
    for number in range(_WRITE_ROUNDS):
        for name in costs:
            folder = scratch / f"{name}-{number}"
            folder.mkdir(parents=True)
            peer = classes[name](some.height, some.width)
            start = time.perf_counter()
            peer.write(some, folder)
            costs[name].setdefault("write", []).append(time.perf_counter() - start)
            if number == 0:
                costs[name]["bytes"] = [stored_bytes(folder)]
                peers[name] = classes[name](some.height, some.width)
                peers[name].open(folder)
                measure.check(peers[name], some, len(some))
    readers = {name: measure.Reader(peer, len(some)) for name, peer in peers.items()}
    seconds, errors = measure.in_turns(readers, _READS)
    if errors:
        raise RuntimeError(f"reading failed: {errors}")
    for name, peer in peers.items():
        costs[name] |= seconds[name]
        peer.close()
    median = {name: {what: statistics.median(values) for what, values in cost.items()} for name, cost in costs.items()}
    return {
        f"{ours} : {other}, {what}": median[other][what] / median[ours][what]
        for ours in _OURS
        for other in _OTHERS
        for what in ("bytes", "write", *_READS)
    }
