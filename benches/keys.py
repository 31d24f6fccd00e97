"""Makes lists of keys in many naming styles, each with its information content, if known, and its size as sorted text under xz.

    python benches/keys.py keys.json [COUNT]
"""
import base64
import datetime
import json
import lzma
import math
import sys
import uuid

import numpy as np

SYLLABLES = [c + v for c in ("b", "ch", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "st", "t", "v", "z") for v in "aeiou"]


def kinds(n):
    """Yields the name of each style, n keys in the order in which they are saved, and the bits of information per key, or None."""
    random = np.random.default_rng(7)
    order = random.permutation(n)
    shuffled = math.lgamma(n + 1) / math.log(2) / n
    hexadecimal = lambda digits: [random.bytes(digits // 2).hex() for _ in range(n)]
    uuids = [str(uuid.UUID(bytes=random.bytes(16), version=4)) for _ in range(n)]
    word = lambda: "".join(random.choice(SYLLABLES, random.integers(2, 5)))
    words = [word().capitalize() for _ in range(60)]
    many = sorted({word() for _ in range(2 * n)})
    gaps = np.sort(random.choice(3 * n, n, replace=False))
    gap = (math.lgamma(3 * n + 1) - math.lgamma(n + 1) - math.lgamma(2 * n + 1)) / math.log(2) / n
    start = datetime.datetime(2021, 3, 1)
    times = start + np.cumsum(random.integers(1, 600, n)) * datetime.timedelta(seconds=1)
    millis = 1_600_000_000_000 + np.cumsum(random.integers(1, 100_000, n))
    folders = [f"{kind}/{name}" for kind in ("test", "train", "val") for name in words]
    labels = random.integers(0, 10, n)
    yield "numbered", [f"ix-{i:06}" for i in range(n)], 0
    yield "numbered, shuffled", [f"ix-{i:06}" for i in order], shuffled
    yield "not padded, shuffled", [f"img{i}.png" for i in order], shuffled
    yield "not padded, sorted as text", sorted(f"img{i}.png" for i in range(n)), 0
    yield "classes in turn", [f"class{i % 10}/{i // 10:04}" for i in range(n)], 0
    yield "class by class", [f"{words[i * 50 // n]}/{i % (n // 50):04}.png" for i in range(n)], 0
    yield "class folders, shuffled", [f"{words[i % 50]}/{i // 50:04}.png" for i in order], shuffled
    yield "labels at random, numbered", [f"{label}/{i:06}.png" for i, label in enumerate(labels)], math.log2(10)
    yield "paths with gaps", [f"train/img_{i:06}.png" for i in gaps], gap
    yield "uuid4", uuids, 122
    yield "UUID4 in capitals", [u.upper() for u in uuids], 122
    yield "uuid4 without dashes", [u.replace("-", "") for u in uuids], 122
    yield "uuid4, sorted", sorted(uuids), 122 - shuffled
    yield "sha1", hexadecimal(40), 160
    yield "md5.png", [f"{digest}.png" for digest in hexadecimal(32)], 128
    yield "base64, 11 letters", [base64.urlsafe_b64encode(random.bytes(9)).decode()[:11] for _ in range(n)], 66
    yield "random letters and digits, 22", ["".join(random.choice(list("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"), 22)) for _ in range(n)], 22 * math.log2(62)
    yield "decimal numbers, 18 digits", [str(i) for i in random.integers(10**17, 10**18, n)], math.log2(9 * 10**17)
    yield "dates and times", [t.isoformat() for t in times], math.log2(599)
    yield "scans by time", [f"scan_{t:%Y%m%d_%H%M%S}.tif" for t in times], math.log2(599)
    yield "milliseconds", [str(t) for t in millis], math.log2(99_999)
    yield "fonts x code points", [f"{font}/U+{0x4E00 + i:04X}" for font in words[:40] for i in range(n // 40)], 0
    yield "letters of other scripts", [f"{font}/{chr(0x4E00 + i)}" for font in words[:40] for i in range(n // 40)], 0
    yield "nested folders", [f"{folders[f]}/{i // 30 % 20:03}/{i:05}.png" for i, f in enumerate(random.integers(0, len(folders), n))], math.log2(len(folders))
    yield "words", list(random.choice(many, n, replace=False)), None
    yield "words, sorted", sorted(random.choice(many, n, replace=False)), None
    yield "sentences", [" ".join(random.choice(words, 5)) + f" {i}" for i in range(n)], 5 * math.log2(60)
    yield "floats", [repr(x) for x in random.random(n)], 53
    yield "floats of 3 places", [f"x={i / 1000:.3f},y={(i * 7) % 1000 / 1000:.3f}" for i in range(n)], 0
    yield "one long among short", [f"{i:x}" for i in range(n - 1)] + ["k" * 30_000], 0
    yield "lines and words", [f"a{i // 3000:02}-{i // 300 % 10:03}-{i // 10 % 30:02}-{i % 10:02}" for i in range(n)], 0


if __name__ == "__main__":
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 20_000
    lists = {}
    for name, keys, bits in kinds(count):
        assert len(set(keys)) == len(keys) == count, (name, len(set(keys)))
        xz = len(lzma.compress("\n".join(sorted(keys)).encode(), preset=9 | lzma.PRESET_EXTREME)) if count <= 50_000 else None
        lists[name] = {"keys": keys, "bits": bits, "xz": xz}
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(lists, file, ensure_ascii=False)
