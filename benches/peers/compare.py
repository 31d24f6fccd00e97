"""Compares all peers on one set of images."""

import gc
import os
import shutil
import time
from itertools import count as numbers

from . import measure, search
from .peer import stored_bytes
from .worker import Worker

#: The seconds that writing may take; a peer that would take longer writes fewer images.
WRITE_SECONDS = 6
#: Peers that write faster than this write again in each round.
_QUICK_SECONDS = 1.5
_LEAST_IMAGES = 8
_WRITE_ROUNDS = 3
_WORKER_ROUNDS = 3
_WORKER_TASKS = ("open", "cold", "core", "pair")


class Comparison:
    """The results of all peers on one set, `results[name]`, and what has failed, `results[name]["errors"]`."""

    def __init__(self, peer_classes, images, folder):
        self.classes, self.images = peer_classes, images
        self.folder, self._numbers = folder, numbers()
        self.results = {
            name: {"ours": peer.ours, "sequential": peer.sequential, "errors": [], "failed_reads": {}}
            for name, peer in peer_classes.items()
        }
        self.peers, self.folders, self.counts = {}, {}, {}

    def run(self, log):
        log("searching settings")
        self._each("choosing a setting", self._choose, names=list(self.classes))
        log("writing")
        for number in range(_WRITE_ROUNDS):
            # The second time in another order, as images that follow each other are often alike.
            images = self.images.shuffled() if number == 1 else self.images
            self._each("writing", self._write, images, number)
        os.sync()
        log("reading in turns")
        self._each("opening", self._open)
        self._read()
        for peer in self.peers.values():
            peer.close()
        gc.collect()
        log("reading in processes of their own")
        self._work()
        return self.results

    def _each(self, what, work, *arguments, names=None):
        """Does work for each peer; one that fails is left out from then on."""
        for name in names or list(self.peers):
            try:
                work(name, *arguments)
            except Exception as error:
                self._fail(name, f"{what}: {type(error).__name__}: {error}")

    def _fail(self, name, message):
        self.results[name]["errors"].append(message)
        self.peers.pop(name, None)

    def _make_folder(self):
        folder = self.folder / str(next(self._numbers))
        folder.mkdir(parents=True)
        return folder

    def _new(self, name):
        return self.classes[name](self.images.height, self.images.width, **self.results[name]["setting"])

    def _choose(self, name):
        trials = search.choose(self.classes[name], self.images, self._make_folder)
        best = trials[0]
        if "error" in best:
            raise RuntimeError(best["error"])
        self.results[name] |= {"setting": best["setting"], "trials": trials}
        self.counts[name] = self._count(best, name)
        self.peers[name] = self._new(name)

    def _count(self, trial, name):
        """Returns how many images a peer writes in the time that it has."""
        seconds = trial.get("write") or self._time_of_writing(name)
        most = max(int(WRITE_SECONDS / seconds), _LEAST_IMAGES)
        return min(len(self.images), int(float(f"{most:.1g}")))

    def _time_of_writing(self, name):
        part = search.sample(self.classes[name], self.images)
        start = time.perf_counter()
        self._new(name).write(part, self._make_folder())
        return (time.perf_counter() - start) / len(part)

    def _write(self, name, images, number):
        result = self.results[name]
        if number and result["write"][0] * self.counts[name] > _QUICK_SECONDS * (2 if number == 1 else 1):
            return
        folder = self._make_folder()
        part = images.first(self.counts[name])
        start = time.perf_counter()
        self._new(name).write(part, folder)
        result.setdefault("write", []).append((time.perf_counter() - start) / len(part))
        size = stored_bytes(folder) / len(part)
        if number == 0:
            self.folders[name] = folder
            result |= {"images": len(part), "bytes": size}
        else:
            if number == 1:
                result["bytes_shuffled"] = size
            shutil.rmtree(folder)

    def _open(self, name):
        self.peers[name].open(self.folders[name])
        measure.check(self.peers[name], self.images, self.counts[name])

    def _read(self):
        readers = {name: measure.Reader(peer, self.counts[name]) for name, peer in self.peers.items()}
        seconds, errors = measure.in_turns(readers)
        for name, found in seconds.items():
            self.results[name] |= found
        for (name, what), message in errors.items():
            self.results[name]["failed_reads"][what] = message

    def _work(self):
        workers = {}
        for name, peer in self.peers.items():
            case = {"height": peer.height, "width": peer.width, "setting": self.results[name]["setting"]}
            workers[name] = Worker(peer, folder=str(self.folders[name]), count=self.counts[name], **case)
        try:
            for task in _WORKER_TASKS * _WORKER_ROUNDS + ("memory",):
                self._each("in a process of its own", self._ask, workers, task)
        finally:
            for worker in workers.values():
                worker.stop()

    def _ask(self, name, workers, task):
        if self.peers[name].sequential and task not in ("open", "memory"):
            return
        for what, value in workers[name].ask(task).items():
            self.results[name].setdefault(what, []).append(value)
