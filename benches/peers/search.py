"""Finds the best setting of each peer with a small part of the images."""

import time

from .measure import Reader
from .peer import stored_bytes

_IMAGES = 4_000
_BATCH = 16
_SECONDS = 0.08


def choose(peer_class, images, make_folder):
    """Tries all settings of a peer, and returns the trials, the best first; those that failed have an `error`.

    The best is that with the smallest product of bytes and time of a batch. The batch is small, so that its images lie as far apart
    as those of a larger batch from all images.
    """
    if len(peer_class.settings) == 1:
        return [{"setting": peer_class.settings[0]}]
    part = sample(peer_class, images)
    trials = []
    for setting in peer_class.settings:
        try:
            trials.append({"setting": setting} | _tried(peer_class, setting, part, make_folder()))
        except Exception as error:
            trials.append({"setting": setting, "error": f"{type(error).__name__}: {error}"})
    return sorted(trials, key=lambda trial: trial.get("bytes", float("inf")) * trial.get("read", 1))


def sample(peer_class, images):
    """Returns the images with which settings are tried."""
    return images.first(max(1, min(_IMAGES, peer_class.sample // (images.height * images.width))))


def _tried(peer_class, setting, images, folder):
    peer = peer_class(images.height, images.width, **setting)
    start = time.perf_counter()
    peer.write(images, folder)
    written = time.perf_counter()
    peer.open(folder)
    reader, what = Reader(peer, len(images), _BATCH), "slice" if peer.sequential else "bools"
    reader.read(what)
    start_reading, done = time.perf_counter(), 0
    while (taken := time.perf_counter() - start_reading) < _SECONDS:
        done += reader.read(what)
    peer.close()
    return {"bytes": stored_bytes(folder) / len(images), "write": (written - start) / len(images), "read": taken / done}
