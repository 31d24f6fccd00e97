"""Archives that lie, and what reads them: run by test_hostile.py in processes of their own.

    python hostile.py < names of archives    a line of JSON for each: what the package and the reference decoder make of it
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

#: Seconds and bytes that one archive of a few KB may take, all calls together.
SECONDS, BYTES = 30, 2 << 30

FEW = np.random.default_rng(7)


def npy(data):
    file = io.BytesIO()
    np.save(file, np.frombuffer(bytes(data), np.uint8))
    return file.getvalue()


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
    """Small archives of each codec, kind of keys and encoding."""
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


#: Heights and widths that nobody has.
SIZES = [
    [2**60, 0], [0, 2**60], [2**63, 0], [0, 2**63 - 1], [2**64 - 1, 0], [0, 0], [65536, 65536], [65537, 1], [1, 65537],
    [600_000, 600_000], [2**31, 2**31], [2**32, 2**32], [1, 2**40], [2**40, 1], [16_384, 16_384], [40_000, 40_000],
]
VALUES = [None, True, -1, 0, 1, 7, 0.5, 1e99, 2**32, 2**63, "", "x", "<f8", "|b1", "..", "a\0b", "\ud800", [], [0, 0], {}]


def sizes(parts):
    """Every size, in the places where a set says one, of the payloads as they were and of one image of a few bytes."""
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
            for data in (b"", b"\xff" * 4):
                one = {name: json.dumps(about)}
                one[name.replace("set.json", "payload-0.npy")] = npy(data)
                one[name.replace("set.json", "index-0.npy")] = npy(index_of_one(len(data)))
                yield f"one image, size {size} {dtype} {data}", parts | one


def index_of_one(length):
    """The index of one payload: CRC-32, the bits that mark its two ends, their low bits, the checksum of the image."""
    low = max(length, 1).bit_length() - 1
    ends = 1 | 1 << (length >> low) + 1
    rest = (length & (1 << low) - 1) << low
    return bytes(4) + struct.pack("<Q", ends) + rest.to_bytes(-(-2 * low // 8), "little") + bytes(8)


def texts(parts):
    """Every value in every JSON member another."""
    for name in [name for name in parts if name.endswith(".json")]:
        about = json.loads(parts[name])
        places = [()]
        for place in places:
            value = about
            for step in place:
                value = value[step]
            if isinstance(value, (dict, list)):
                places.extend(place + (step,) for step in (value if isinstance(value, dict) else range(len(value))))
        for place in places[1:]:
            for other in VALUES:
                lie = json.loads(parts[name])
                value = lie
                for step in place[:-1]:
                    value = value[step]
                value[place[-1]] = other
                yield f"{name} {place} is {other!r}", parts | {name: json.dumps(lie)}
        for old, new in (("true", "false"), ("[0.0", "[-0"), ("[0,", "[-0,"), ("[false, true]", "[true, false]"), ("1.5", "1.50")):
            text = json.dumps(about)
            if old in text:
                yield f"{name} {new} for {old}", parts | {name: text.replace(old, new)}


def damage(parts, count):
    """Bytes of the other members changed, cut off, and more of them."""
    for name in [name for name in parts if name.endswith(".npy")]:
        head, data = parts[name][:128], bytearray(parts[name][128:])
        for number in range(count):
            lie = bytearray(data)
            for _ in range(FEW.integers(1, 4)):
                if lie:
                    lie[FEW.integers(len(lie))] = FEW.choice([0, 1, 127, 128, 255, FEW.integers(256)])
            kind = number % 4
            lie = lie[: FEW.integers(len(lie) + 1)] if kind == 2 else lie + bytes(FEW.integers(1, 50)) if kind == 3 else lie
            yield f"{name} damaged {number}", parts | {name: head + lie if name[0] != "." else npy(lie)}


def cases(paths):
    """Each sample damaged; sizes for stacks of every codec; values in the JSON of one sample of each kind."""
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
    """What a call gives; an error is as good as anything, a fault of ours is not."""
    try:
        return call()
    except bitnpz.InternalError:
        raise
    except (bitnpz.Error, MemoryError):
        return None


def read(path):
    """What every public function makes of an archive: the digest of each array, if all could be read, and whether `verify`
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
                lambda: value.popcount([0]), value.popcount, value.sheet, lambda: value.take([0], dtype=np.float32),
                lambda: next(iter(value)), lambda: value[np.ones(len(value), bool)] if len(value) < 10**6 else None,
            ):
                attempt(call)
            value = attempt(lambda: np.asarray(value)) if value.nbytes < 1 << 26 else None
        attempt(lambda: archive.images(key))
        found[key] = None if value is None else digest(value)
    for images in attempt(archive.image_sets) or []:
        repr(images), attempt(images.keys), attempt(images.popcount), attempt(images.sheet)
        attempt(lambda: images.by_key(images.keys()[0])), attempt(lambda: images[:3])
    if zlib.crc32(path.encode()) % 5 == 0:
        attempt(lambda: bitnpz.salvage(path, path + ".saved", force=True))
    return {"whole": is_whole, "arrays": None if None in found.values() else found}


def decoder():
    path = Path(__file__).parents[3] / "reference" / "bitnpz_reference.py"
    spec = importlib.util.spec_from_file_location("bitnpz_reference", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def of_reference(reference, path):
    """What the decoder in Python makes of an archive; nothing if it refuses it or calls it damaged."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            arrays = {key: digest(array) for key, array in reference.load(path).items()}
    except Exception:
        return None
    return None if said.getvalue() else arrays


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    reference = decoder()
    for line in sys.stdin:
        signal.alarm(SECONDS)
        print(json.dumps([read(line.strip()), of_reference(reference, line.strip())]), flush=True)
