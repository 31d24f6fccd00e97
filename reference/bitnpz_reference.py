"""Reads every bitnpz archive with NumPy alone, as docs/format.md says: slow, small, and independent of the Rust code.

    python bitnpz_reference.py archive.npz plain.npz
"""
import json
import sys
import zlib
from pathlib import Path

import numpy as np

TOTAL, LONG, GROUP = 4096, 40, 128


class Symbols:
    """A range decoder."""

    def __init__(self, payload):
        self.bytes = iter(bytes(payload))
        self.code, self.range = 0, 0xFFFFFFFF
        for _ in range(4):
            self.code = self.code << 8 | next(self.bytes, 0)

    def next(self, starts):
        """The symbol whose share of 0 to 4096 holds the next slot; `starts` has where each starts and the last ends."""
        unit = self.range >> 12
        slot = min(self.code // unit, TOTAL - 1)
        symbol = max(s for s in range(len(starts) - 1) if starts[s] <= slot)
        self.code -= unit * starts[symbol]
        self.range = unit * (starts[symbol + 1] - starts[symbol])
        while self.range < 1 << 24:
            self.code = (self.code << 8 | next(self.bytes, 0)) & 0xFFFFFFFF
            self.range <<= 8
        return symbol

    def bits(self, count):
        number, first = 0, count % 12 or 12
        for piece in ([first] + [12] * ((count - first) // 12)) if count else []:
            number = number << piece | self.next(range(0, TOTAL + 1, TOTAL >> piece))
        return number


class Alphabet:
    """A tree of questions about features, and the shares of the symbols at its leaves."""

    def __init__(self, model, symbols, bits):
        def node():
            byte = next(model)
            if byte == 0xFF:
                leaf = []
                self.leaves.append(leaf)
                return leaf
            return byte >> bits, byte & (1 << bits) - 1, node(), node()

        self.leaves = []
        self.tree = node()
        for leaf in self.leaves:
            eighths = [(8 + (w - 1) % 8) << (w - 1) // 8 if w else 0 for w in (next(model) for _ in range(symbols))]
            sizes = [1 + e * (TOTAL - symbols) // sum(eighths) for e in eighths]
            sizes[sizes.index(max(sizes))] += TOTAL - sum(sizes)
            leaf[:] = [0] + np.cumsum(sizes).tolist()

    def next(self, symbols, features):
        node = self.tree
        while isinstance(node, tuple):
            feature, threshold, small, large = node
            node = small if features[feature] <= threshold else large
        return symbols.next(node)


def length_class(length):
    bounds = [1, 2, 3, 4, 5, 6, 7, 9, 12, 16, 24, 40]
    return sum(length >= bound for bound in bounds)


ROWS = [(n, 0) for n in range(10)] + [(10, 1), (12, 2), (16, 3), (24, 4), (40, 5), (72, None)]
RUNS = [(n, 0) for n in range(8)] + [(8, 1), (10, 1), (12, 2), (16, 3), (24, 3), (32, 4), (48, 5), (80, None)]
STILL, NEW, NONE, PASS, START = 6, 13, 14, 13, 15


class Contour:
    def __init__(self, model):
        model = iter(model)
        self.event = Alphabet(model, 15, 4)
        self.rows, self.gap, self.run = (Alphabet(model, 16, 4) for _ in range(3))

    def decode(self, payload, height, width):
        symbols, image = Symbols(payload), np.zeros((height, width), bool)

        def number(alphabet, buckets, features, size):
            first, bits = buckets[alphabet.next(symbols, features)]
            return first + symbols.bits(size.bit_length() if bits is None else bits)

        above, change, runs, stroke, last_rows, row = [], 0, 0, 0, 0, 0
        while row < height:
            features = [min(len(above), 15), last_rows, change, row * 16 // height, length_class(height - row)] + [0] * 6
            same = number(self.rows, ROWS, features, height)
            last_rows = min(same + 1, 15)
            image[row:row + same] = image[row - 1] if row else False
            above = [(x, ([STILL] * min(same, 3) + slopes)[:3]) for x, slopes in above]
            row += same
            if row == height:
                break
            zone, edges, start, next_, change, last, second_last = row * 16 // height, [], 0, 0, 0, START, START
            while True:
                while next_ < len(above) and above[next_][0] < start:
                    next_ += 2
                is_edge = next_ < len(above)
                column, slopes = above[next_] if is_edge else (width, [NEW] * 3)
                second = above[next_ + 1][0] if next_ + 1 < len(above) else width
                if is_edge:
                    left = column - (above[next_ - 1][0] if next_ else 0)
                    next_slope = above[next_ + 1][1][0] if next_ + 1 < len(above) else NONE
                    around = [next_ % 2, length_class(second - column), length_class(left), next_slope]
                else:
                    left = width - (above[-1][0] if above else 0)
                    around = [2 + next_ % 2, 0, length_class(left), NONE]
                features = slopes + around + [zone // 2, last, length_class(column - start), second_last]
                symbol = self.event.next(symbols, features)
                last, second_last = symbol, last
                if symbol < PASS:
                    change = max(change, min(abs(symbol - 6), 2))
                    column += symbol - 6
                    if column == width:
                        break
                    edges.append((column, [symbol] + slopes[:2]))
                    start, next_ = column + 1, next_ + 1
                elif symbol == PASS:
                    change, next_ = 3, next_ + 2
                else:
                    change = 3
                    features = [length_class(column - start), next_ % 2, 1 + is_edge if above else 0,
                                length_class(second - column), second_last, min(runs, 15), stroke, zone,
                                start * 16 // width if start < width else 15, slopes[0] if is_edge else NONE,
                                int(start == 0)]
                    first = start + number(self.gap, RUNS, features, width)
                    if first == width:
                        break
                    features[3] = length_class(max(second - first, 0))
                    features[0] = length_class(column - first) if column >= first else 15
                    features[8], features[9] = first * 16 // width, length_class(first - start)
                    end = first + 1 + number(self.run, RUNS, features, width)
                    runs, stroke = runs + 1, length_class(end - first)
                    edges += [(x, [NEW] * 3) for x in (first, end) if x < width]
                    if end == width:
                        break
                    start = end + 1
            for x, _ in edges:
                image[row, x:] ^= True
            above, row = edges, row + 1
        return image


LEFT, ABOVE, COLUMN, ROW = range(4)
TEMPLATE = ([(0, -n) for n in range(1, 9)] + [(1, n) for n in range(-4, 6)] + [(2, n) for n in range(-3, 4)]
            + [(3, -1), (3, 0), (3, 1), (4, -4), (4, 0), (4, 4), (6, 0), (8, -8), (8, 0)])


class Pixel:
    def __init__(self, model):
        model = iter(model)
        self.pixel, self.same = Alphabet(model, 2, 1), Alphabet(model, 2, 1)

    def decode(self, payload, height, width):
        symbols, image = Symbols(payload), np.zeros((height + 8, width + 16), np.uint8)
        was_same, is_blank = 0, 1
        for y in range(height):
            row = image[y + 8, 8:8 + width]
            was_same = self.same.next(symbols, [was_same, is_blank])
            if was_same:
                row[:] = image[y + 7, 8:8 + width]
                continue
            for x in range(width):
                features = [image[y + 8 - up, x + 8 + right] for up, right in TEMPLATE]
                features += [n >> bit & 1 for n in (x, y) for bit in range(3)]
                row[x] = self.pixel.next(symbols, features)
            is_blank = int(not row.any())
        return image[8:, 8:8 + width].astype(bool)


class Zstd:
    """Needs the package `zstandard`: NumPy has no decompressor of it."""

    def __init__(self, model):
        import zstandard
        dictionary = zstandard.ZstdCompressionDict(model) if model else None
        self.context = zstandard.ZstdDecompressor(dict_data=dictionary)

    def decode(self, payload, height, width):
        stride = -(-width // 8)
        frame = b"\x28\xb5\x2f\xfd" + payload.tobytes()
        rows = np.frombuffer(self.context.decompress(frame, height * stride), np.uint8)
        return np.unpackbits(rows.reshape(height, stride), axis=1, count=width).astype(bool)


def varint(data, place):
    number, shift = 0, 0
    while True:
        byte = int(data[place])
        number, shift, place = number | (byte & 127) << shift, shift + 7, place + 1
        if byte < 128:
            return number, place


def fixed(data, count, bits):
    """Numbers of so many bits, the lowest first."""
    unpacked = np.unpackbits(data, bitorder="little")[:count * bits].reshape(count, bits).astype(np.int64)
    return (unpacked << np.arange(bits)).sum(axis=1)


def keys_of(segment, data):
    count, kind = segment["images"], segment["keys"]
    if "pattern" in kind:
        p = kind["pattern"]
        return [f"{p['prefix']}{p['first'] + i:0{p['digits']}}{p['suffix']}" for i in range(count)]
    place, keys = 4 * -(-count // 16), []
    for i in range(count):
        shared, place = varint(data, place)
        length, place = varint(data, place)
        before = keys[-1][:shared] if i % 16 else b""
        keys.append(before + data[place:place + length].tobytes())
        place += length
    return [key.decode() for key in keys]


def images_of(segment, payload, index, codec):
    count, payload_len = segment["images"], len(payload)
    low_bits = max(payload_len // count, 1).bit_length() - 1 if count else 0
    ones_start = 4 * -(-(count + 1) // 64)
    lows_start = ones_start + 8 * -(-((payload_len >> low_bits) + count + 1) // 64)
    repeats_start = lows_start + -(-(count + 1) * low_bits // 8)
    sums_start = repeats_start + (-(-count // 8) if segment.get("repeats") else 0)
    ones = np.flatnonzero(np.unpackbits(index[ones_start:lows_start], bitorder="little"))
    starts = (ones - np.arange(count + 1) << low_bits) + fixed(index[lows_start:repeats_start], count + 1, low_bits)
    repeats = np.unpackbits(index[repeats_start:sums_start], bitorder="little")
    images, crcs = [], []
    for i in range(count):
        data = payload[starts[i]:starts[i + 1]]
        if len(repeats) and repeats[i]:
            first = int.from_bytes(data.tobytes(), "little")
            images.append(images[first])
            crcs.append(zlib.crc32(first.to_bytes(8, "little")))
            continue
        if "size" in segment:
            height, width = segment["size"]
        else:
            height, place = varint(data, 0)
            width, place = varint(data, place)
            data = data[place:]
        stride = -(-width // 8)
        if len(data) == height * stride:
            image = np.unpackbits(data.reshape(height, stride), axis=1, count=width).astype(bool)
        else:
            image = codec.decode(data, height, width)
        images.append(image)
        head = height.to_bytes(8, "little") + width.to_bytes(8, "little")
        crcs.append(zlib.crc32(head + np.packbits(image, axis=1).tobytes()))
    for group, expected in enumerate(index[sums_start:].tobytes()[k:k + 8] for k in range(0, len(index) - sums_start, 8)):
        members = crcs[group * GROUP:(group + 1) * GROUP]
        weights = [zlib.crc32(place.to_bytes(4, "little")) for place in range(len(members))]
        sums = sum(members) % 2**32, sum(c * w for c, w in zip(members, weights)) % 2**32
        if b"".join(s.to_bytes(4, "little") for s in sums) != expected:
            print(f"some of the images {group * GROUP} to {group * GROUP + len(members) - 1} are damaged", file=sys.stderr)
    return images


def shipped(name):
    """A model that every reader has: the file of its name lies beside this one."""
    return (Path(__file__).parent / f"{name}.bin").read_bytes()


def restore(bits, kind):
    off, on = (np.array(float(v) if isinstance(v, str) else v).astype(kind["dtype"]) for v in kind["values"])
    return np.where(bits, on, off).astype(kind["dtype"])


def load(path):
    """All arrays of an archive, by their keys."""
    arrays = {}
    with np.load(path) as z:
        packed = json.loads(z[".bitnpz/packed.json"]) if ".bitnpz/packed.json" in z.files else {}
        for key in z.files:
            if not key.startswith(".bitnpz/"):
                kind = packed.get("exceptions", {}).get(key, packed.get("default"))
                arrays[key] = z[key]
                if kind:
                    arrays[key] = restore(np.unpackbits(z[key], axis=-1, count=kind["width"]), kind)
        sets = json.loads(z[".bitnpz/sets.json"])["sets"] if ".bitnpz/sets.json" in z.files else []
        for name in sets:
            member = f".bitnpz/{name}/"
            about = json.loads(z[member + "set.json"])
            model = shipped(about["model"]) if "model" in about else z[member + "model"].tobytes()
            codec = {"contour": Contour, "pixel": Pixel, "zstd": Zstd}.get(about["codec"], lambda model: None)(model)
            images, keys = [], []
            for n, segment in enumerate(about["segments"]):
                images += images_of(segment, z[f"{member}payload-{n}"], z[f"{member}index-{n}"], codec)
                if "keys" in segment:
                    text = z[f"{member}keys-{n}"] if "text" in segment["keys"] else None
                    keys += keys_of(segment, text)
            if "key" in about:
                arrays[about["key"]] = restore(np.array(images, bool).reshape(about["shape"]), about)
            else:
                arrays.update((key, restore(image, about)) for key, image in zip(keys, images))
    return arrays


if __name__ == "__main__":
    np.savez_compressed(sys.argv[2], **load(sys.argv[1]))
