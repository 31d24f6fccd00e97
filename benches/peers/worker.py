"""Measures one peer in a process of its own: opening, memory, cold reads, and what several processes do together.

The benchmark starts `python -m benches.peers.worker MODULE NAME` for each peer, and writes one task per line to its standard
input. A task runs in a forked child, so that each starts with the libraries imported and nothing opened. Only `memory` runs in the
worker itself, as forked processes share pages; it is the last task.
"""

import importlib
import json
import multiprocessing
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from .measure import Reader

_TIMEOUT = 60
_COLD_IMAGES = 100
_READS = 10_000
#: How long batches are read.
_SECONDS = 0.15


class Worker:
    """The side of the benchmark: a running worker."""

    def __init__(self, peer, **case):
        command = [sys.executable, "-W", "ignore", "-m", "benches.peers.worker", type(peer).__module__, peer.name]
        self.case = case
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, task):
        """Runs a task, and returns what it measured; raises RuntimeError if it failed."""
        try:
            self.process.stdin.write(json.dumps(self.case | {"task": task}) + "\n")
            self.process.stdin.flush()
            answer = json.loads(self.process.stdout.readline())
        except (BrokenPipeError, ValueError):
            raise RuntimeError(f"{task}: the process died") from None
        if "error" in answer:
            raise RuntimeError(f"{task}: {answer['error']}")
        return answer

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def pss():
    """Returns the bytes of memory of this process, shared pages by their share."""
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/self/smaps_rollup has no line Pss")


def drop_cached(folder):
    """Drops the files of a folder from the page cache."""
    for path in filter(Path.is_file, Path(folder).rglob("*")):
        with open(path, "rb") as file:
            os.fdatasync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def opening(peer, case):
    start = time.perf_counter()
    peer.open(Path(case["folder"]))
    opened = time.perf_counter()
    if peer.sequential:
        peer.slice_bools(0, 1)
    else:
        peer.image(case["count"] // 2)
    return {"open": opened - start, "first": time.perf_counter() - start}


def cold(peer, case):
    """Opens the files and reads images at random when nothing is in the page cache, and puts the files back into it."""
    indices = np.random.default_rng().integers(0, case["count"], _COLD_IMAGES).tolist()
    drop_cached(case["folder"])
    start, done = time.perf_counter(), 0
    peer.open(Path(case["folder"]))
    for index in indices:
        peer.image(index)
        done += 1
        if time.perf_counter() - start > 0.5:
            break
    taken = time.perf_counter() - start
    for path in filter(Path.is_file, Path(case["folder"]).rglob("*")):
        path.read_bytes()
    return {"cold": taken / done}


def memory(peer, case):
    before = pss()
    peer.open(Path(case["folder"]))
    after_opening = pss()
    reader, done, start = Reader(peer, case["count"], batch=100), 0, time.perf_counter()
    while done < _READS and time.perf_counter() - start < 2:
        done += reader.read("slice" if peer.sequential else "bools")
    # The batches' own memory is no part of the format.
    held = reader.memory["bools"].nbytes
    return {"after_opening": after_opening - before, "after_reads": pss() - before - held, "reads": done}


def core(peer, case):
    """Reads batches on one core."""
    os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
    peer.open(Path(case["folder"]))
    return {"core": 1 / _rate(peer, case)}


def process(peer, case):
    """Reads batches as one of two processes, which wait for each other."""
    peer.open(Path(case["folder"]))
    case["barrier"].wait(_TIMEOUT / 2)
    return {"rate": _rate(peer, case)}


def _rate(peer, case):
    """Returns images per second of reading batches for a while."""
    reader, images = Reader(peer, case["count"], seed=os.getpid()), 0
    reader.read("bools")
    start = time.perf_counter()
    while (taken := time.perf_counter() - start) < _SECONDS:
        images += reader.read("bools")
    return images / taken


TASKS = {"open": opening, "cold": cold, "core": core, "process": process, "memory": memory}


def in_child(task, peer, case):
    """Starts a task in a forked child, and returns its process and the end of the pipe that will have the answer."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = TASKS[task](peer, case)
        except BaseException as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        os.write(writing, json.dumps(answer).encode())
        os._exit(0)
    os.close(writing)
    return child, reading


def answer_of(child, reading):
    ready, _, _ = select.select([reading], [], [], _TIMEOUT)
    if not ready:
        os.kill(child, signal.SIGKILL)
    data = os.read(reading, 1 << 16)
    os.close(reading)
    os.waitpid(child, 0)
    return json.loads(data) if data else {"error": "died" if ready else f"took longer than {_TIMEOUT} s"}


def run(peer, case):
    """Runs one task, `pair` as two processes at once."""
    task = case["task"]
    if task == "memory":
        return memory(peer, case)
    if task != "pair":
        return answer_of(*in_child(task, peer, case))
    case["barrier"] = multiprocessing.get_context("fork").Barrier(2)
    answers = [answer_of(*child) for child in [in_child("process", peer, case) for _ in range(2)]]
    failed = [answer for answer in answers if "error" in answer]
    return failed[0] if failed else {"pair": 1 / sum(answer["rate"] for answer in answers)}


def main():
    module, name = sys.argv[1:]
    peer_class = next(peer for peer in importlib.import_module(module).PEERS if peer.name == name)
    for line in sys.stdin:
        case = json.loads(line)
        peer = peer_class(case["height"], case["width"], **case["setting"])
        try:
            answer = run(peer, case)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
