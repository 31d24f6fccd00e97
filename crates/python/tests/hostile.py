"""Hostile archives, and the program that reads them. test_hostile.py runs it in processes of its own.

    python hostile.py < paths of archives    prints a line of JSON for each: what the package and the reference decoder read
"""

import contextlib
import importlib.util
import io
import json
import resource
import signal
import struct
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np

import bitnpz

#: The time and address space that all calls together may take for one archive of a few KB.
MAX_SECONDS, MAX_BYTES = 30, 2 << 30

RANDOM = np.random.default_rng(7)


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path, parts):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


def images(count, height, width):
    y, x = np.mgrid[:height, :width]
    return np.array([(abs(y - 3 - i % 5) + abs(x - 4 - i % 3) < 3 + i % 4) for i in range(count)])


def samples(folder):
    """Writes small archives with each codec, kind of keys and encoding."""
    paths = []
    for codec in ("contour", "pixel", "zstd", "raw"):
        paths.append(folder / f"stack_{codec}.npz")
        bitnpz.save(paths[-1], {"stack": np.where(images(200, 20, 20), 255, 0).astype(np.uint8)}, codec=codec)
        paths.append(folder / f"ragged_{codec}.npz")
        ragged = {f"{(i + 3) * 7919 % 101}": image for i, image in enumerate(images(9, 9, 9))}
        ragged |= {f"tall {i}": image for i, image in enumerate(images(3, 12, 7))}
        bitnpz.save(paths[-1], ragged, codec=codec)
        paths.append(folder / f"numbered_{codec}.npz")
        bitnpz.save(paths[-1], {f"ix-{i:03}": image * 1.5 for i, image in enumerate(images(40, 8, 8))}, codec=codec)
    paths.append(folder / "packed.npz")
    bitnpz.save(paths[-1], {"a": images(5, 9, 11), "b": np.arange(3)}, encoding="packed")
    return paths


#: Heights and widths that are absurd or just beyond a limit.
SIZES = [
    [2**60, 0], [0, 2**60], [2**63, 0], [0, 2**63 - 1], [2**64 - 1, 0], [0, 0], [65536, 65536], [65537, 1], [1, 65537],
    [600_000, 600_000], [2**31, 2**31], [2**32, 2**32], [1, 2**40], [2**40, 1], [16_384, 16_384], [40_000, 40_000],
]
VALUES = [None, True, -1, 0, 1, 7, 0.5, 1e99, 2**32, 2**63, "", "x", "<f8", "|b1", "..", "a\0b", "\ud800", [], [0, 0], {}]


def sizes(parts):
    """Writes every size wherever a set states one: for the payloads as they were, and for one image with a payload of few bytes."""
    name = next(name for name in parts if name.endswith("set.json"))
    for size in SIZES:
        for dtype, values in (("|b1", [False, True]), ("<f8", [0.0, 1.0])):
            about = json.loads(parts[name])
            segment = about["segments"][0]
            segment["size"], about["dtype"], about["values"] = size, dtype, values
            about["shape"] = about["shape"][:1] + size
            yield f"size {size} {dtype}", parts | {name: json.dumps(about)}
            segment["images"] = about["shape"][0] = 1
            segment.pop("repeats", None)
            segment.pop("directory", None)
            for data in (b"", b"\xff" * 4):
                one = {name: json.dumps(about)}
                one[name.replace("set.json", "payload-0")] = block_of_one(data)
                one[name.replace("set.json", "blocks-0")] = directory_of_one(len(data))
                yield f"one image, size {size} {dtype} {data}", parts | one


def block_of_one(payload):
    """Returns a block of one payload: its anchor of one bit, its class, and the checksum of the image."""
    return b"\1\0" + payload + bytes(8)


def directory_of_one(length):
    """Returns the directory of the block of a payload of so many bytes, the only length of class 0."""
    return struct.pack("<I16xBBB", length, 0, 1, 0)


def texts(parts):
    """Replaces every value in every JSON member by others."""
    for name in [name for name in parts if name.endswith(".json")]:
        about = json.loads(parts[name])
        paths = [()]
        for path in paths:
            value = about
            for step in path:
                value = value[step]
            if isinstance(value, (dict, list)):
                paths.extend(path + (step,) for step in (value if isinstance(value, dict) else range(len(value))))
        for path in paths[1:]:
            for other in VALUES:
                lie = json.loads(parts[name])
                value = lie
                for step in path[:-1]:
                    value = value[step]
                value[path[-1]] = other
                yield f"{name} {path} is {other!r}", parts | {name: json.dumps(lie)}
        for old, new in (("true", "false"), ("[0.0", "[-0"), ("[0,", "[-0,"), ("[false, true]", "[true, false]"), ("1.5", "1.50")):
            text = json.dumps(about)
            if old in text:
                yield f"{name} {new} for {old}", parts | {name: text.replace(old, new)}


def damage(parts, count):
    """Changes bytes of the other members, cuts them short, and appends bytes."""
    for name in [name for name in parts if not name.endswith(".json")]:
        length = 128 if name.endswith(".npy") else 0
        head, data = parts[name][:length], bytearray(parts[name][length:])
        for number in range(count):
            lie = bytearray(data)
            for _ in range(RANDOM.integers(1, 4)):
                if lie:
                    lie[RANDOM.integers(len(lie))] = RANDOM.choice([0, 1, 127, 128, 255, RANDOM.integers(256)])
            kind = number % 4
            lie = lie[: RANDOM.integers(len(lie) + 1)] if kind == 2 else lie + bytes(RANDOM.integers(1, 50)) if kind == 3 else lie
            yield f"{name} damaged {number}", parts | {name: head + lie}


def cases(paths):
    """Yields each sample damaged, sizes for stacks of every codec, and JSON values for one sample of each kind."""
    for path in paths:
        parts = members(path)
        lies = [damage(parts, 8)]
        if path.stem.startswith("stack"):
            lies.append(sizes(parts))
        if path.stem in ("stack_contour", "ragged_pixel", "numbered_zstd", "packed"):
            lies.append(texts(parts))
        for lie in lies:
            yield from ((f"{path.stem}: {what}", parts) for what, parts in lie)


def digest(array):
    array = np.asarray(array)
    return [str(array.dtype), list(array.shape), zlib.crc32(np.ascontiguousarray(array).tobytes()) if array.size else 0]


def attempt(call):
    """Returns what a call returns, or None if it raises an error, which is fine unless it is a bug of the library."""
    try:
        return call()
    except bitnpz.InternalError:
        raise
    except (bitnpz.Error, MemoryError):
        return None


def read(path):
    """Calls every public function on an archive. Returns the digest of each array, if all could be read, and whether `verify`
    finds nothing."""
    archive = attempt(lambda: bitnpz.load(path))
    if archive is None:
        return None
    found, is_whole = {}, attempt(archive.verify) == []
    attempt(lambda: archive.verify(fast=True))
    repr(archive), len(archive), "x" in archive, "\ud800" in archive
    for key in list(archive)[:100]:
        value = attempt(lambda: archive[key])
        if isinstance(value, bitnpz.Images):
            repr(value), value.nbytes, value.stored_bytes
            for call in (
                lambda: value[0], lambda: value[-1:], lambda: value[[0, 0]], lambda: value.take([0], packed=True),
                lambda: value.popcount([0]), value.popcount, lambda: value.take([0], dtype=np.float32),
                lambda: next(iter(value)), lambda: value[np.ones(len(value), bool)] if len(value) < 10**6 else None,
            ):
                attempt(call)
            # A payload of contour is one of larger images too, and a sheet of 200 huge images takes its time.
            is_small = value.nbytes < 1 << 26
            attempt(value.sheet) if is_small else None
            value = attempt(lambda: np.asarray(value)) if is_small else None
        attempt(lambda: archive.images(key))
        found[key] = None if value is None else digest(value)
    for images in attempt(archive.image_sets) or []:
        repr(images), attempt(images.keys), attempt(images.popcount)
        attempt(images.sheet) if images.nbytes < 1 << 26 else None
        attempt(lambda: images.by_key(images.keys()[0])), attempt(lambda: images[:3])
    # Salvage encodes the images that it doubts anew, which takes as long as there are pixels.
    sets = attempt(archive.image_sets) or []
    if int(Path(path).stem) % 5 == 0 and sum(images.nbytes for images in sets) < 1 << 26:
        attempt(lambda: bitnpz.salvage(path, path + ".saved", force=True))
    return {"whole": is_whole, "arrays": None if None in found.values() else found}


def decoder():
    path = Path(__file__).parents[3] / "reference" / "bitnpz_reference.py"
    spec = importlib.util.spec_from_file_location("bitnpz_reference", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_with_reference(reference, path):
    """Returns what the decoder in Python reads from an archive, or None if it refuses it or calls it damaged."""
    reported = io.StringIO()
    try:
        with contextlib.redirect_stderr(reported):
            arrays = {key: digest(array) for key, array in reference.load(path).items()}
    except Exception:
        return None
    return None if reported.getvalue() else arrays


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    reference = decoder()
    for line in sys.stdin:
        signal.alarm(MAX_SECONDS)
        print(json.dumps([read(line.strip()), read_with_reference(reference, line.strip())]), flush=True)
