"""Reads every bitnpz archive with NumPy alone, as specified in docs/format.md: slow, small, and independent of the Rust code.

    python bitnpz_reference.py archive.npz plain.npz

Writes the arrays of an archive to a plain one. Makes the checks that the format requires of a decoder, and raises `Damaged`.
"""
import json
import math
import sys
import zlib
from itertools import islice
from pathlib import Path

import numpy as np

TOTAL, GROUP = 4096, 128
#: The largest side of an encoded image, and the most zeros that are read past a payload.
MAX_SIDE, MAX_ZEROS = 1 << 16, 8
#: An image may take so many bytes whatever its payload, or so many for each byte of its payload.
FREE_BYTES, MAX_RATIO = 32 << 20, 1032
#: Pairs of classes of an alphabet.
MAX_CLASS_PAIRS = 1 << 20
SPELT, LISTED, TEXT, JOINED = 0, 1, 2, 4
MAX_FIELDS, MAX_LENGTHS, MAX_POSITIONS, MAX_KEY_BYTES = 16, 64, 1 << 16, 1 << 26


class Damaged(ValueError):
    """The archive does not follow docs/format.md."""


def check(is_right, expected):
    if not is_right:
        raise Damaged(f"expected {expected}")


class RangeDecoder:
    """Decodes symbols from a payload."""

    def __init__(self, payload):
        self.bytes, self.place = bytes(payload), 0
        self.code, self.range = 0, 0xFFFFFFFF
        for _ in range(4):
            self.code = self.code << 8 | self.byte()

    def byte(self):
        self.place += 1
        return self.bytes[self.place - 1] if self.place <= len(self.bytes) else 0

    def is_done(self):
        """Returns whether the whole payload has been read."""
        return self.place >= len(self.bytes)

    def is_zero(self):
        """Returns whether every symbol that follows is the first of its distribution."""
        return self.code == 0 and self.is_done()

    def check(self):
        """Checks, at the start of each row, that the payload has not ended: decoding time is bounded by the payload."""
        check(self.code == 0 or self.place < len(self.bytes) + MAX_ZEROS, "the end of the image before that of the payload")

    def next(self, starts):
        """Decodes a symbol; `starts` has the start of each share of 4096, and the end of the last."""
        unit = self.range >> 12
        slot = min(self.code // unit, TOTAL - 1)
        symbol = max(s for s in range(len(starts) - 1) if starts[s] <= slot)
        self.code -= unit * starts[symbol]
        self.range = unit * (starts[symbol + 1] - starts[symbol])
        while self.range < 1 << 24:
            self.code = (self.code << 8 | self.byte()) & 0xFFFFFFFF
            self.range <<= 8
        return symbol

    def bits(self, count):
        """Decodes a number of equally likely bits."""
        number, first = 0, count % 12 or 12
        for piece in ([first] + [12] * ((count - first) // 12)) if count else []:
            number = number << piece | self.next(range(0, TOTAL + 1, TOTAL >> piece))
        return number


class Alphabet:
    """A tree of tests on features, and the shares of the symbols at its leaves."""

    def __init__(self, model, symbols, bits, features, split, limits, leaves=256):
        def byte():
            check(model, "more of the model")
            return model.pop()

        def node(bounds):
            test = byte()
            if test == 0xFF:
                leaf = []
                self.leaves.append(leaf)
                self.bounds.append(bounds)
                check(len(self.leaves) <= leaves, f"at most {leaves} leaves")
                return leaf
            feature, threshold = test >> bits, test & (1 << bits) - 1
            check(feature < features, f"a test of one of {features} features")
            check(threshold < (1 << bits) - 1, "a threshold that a feature can exceed")
            self.starts[feature].add(threshold + 1)
            low, high = bounds[feature]
            part = lambda *side: bounds[:feature] + [side] + bounds[feature + 1:]
            return feature, threshold, node(part(low, min(high, threshold))), node(part(max(low, threshold + 1), high))

        self.leaves, self.bounds, self.starts = [], [], [{0} for _ in range(features)]
        self.tree = node([(0, (1 << bits) - 1)] * features)
        self.check_size(features, split, limits)
        for leaf in self.leaves:
            weights = [byte() for _ in range(symbols)]
            check(max(weights) < 128 and any(weights), "weights of 0 to 127, not all of them 0")
            eighths = [(8 + (w - 1) % 8) << (w - 1) // 8 if w else 0 for w in weights]
            sizes = [1 + e * (TOTAL - symbols) // sum(eighths) for e in eighths]
            sizes[sizes.index(max(sizes))] += TOTAL - sum(sizes)
            leaf[:] = [0] + np.cumsum(sizes).tolist()

    def check_size(self, features, split, limits):
        """Checks the numbers of combinations of levels, and of pairs of classes."""
        counts = []
        for half, limit in zip((range(split), range(split, features)), limits):
            levels = [sorted(self.starts[f]) for f in half]
            combinations = int(np.prod([len(starts) for starts in levels], dtype=float))
            check(combinations <= limit, f"at most {limit} combinations of levels")
            # The leaves that each combination can lead to; combinations with equal leaves are one class.
            leaves = np.ones((combinations, len(self.leaves)), bool)
            digits = np.indices([len(starts) for starts in levels]).reshape(len(levels), combinations)
            for f, starts, digit in zip(half, levels, digits):
                low, high = np.array([bounds[f] for bounds in self.bounds]).T
                leaves &= (np.array(starts)[digit][:, None] >= low) & (np.array(starts)[digit][:, None] <= high)
            counts.append(len(np.unique(np.packbits(leaves, axis=1), axis=0)))
        check(counts[0] * counts[1] <= MAX_CLASS_PAIRS, f"at most {MAX_CLASS_PAIRS} pairs of classes")

    def next(self, symbols, features):
        """Decodes a symbol in the context of these features."""
        node = self.tree
        while isinstance(node, tuple):
            feature, threshold, small, large = node
            node = small if features[feature] <= threshold else large
        return symbols.next(node)


def length_class(length):
    """Returns the class of a length, 0 to 12."""
    bounds = [1, 2, 3, 4, 5, 6, 7, 9, 12, 16, 24, 40]
    return sum(length >= bound for bound in bounds)


#: The first value and the number of bits of each symbol; None stands for the bits of the size.
ROWS = [(n, 0) for n in range(10)] + [(10, 1), (12, 2), (16, 3), (24, 4), (40, 5), (72, None)]
RUNS = [(n, 0) for n in range(8)] + [(8, 1), (10, 1), (12, 2), (16, 3), (24, 3), (32, 4), (48, 5), (80, None)]
#: Symbols: an edge that has not moved, a move that does not exist, no edge, two edges end, the start of a row.
STILL, NEW, NONE, PASS, START = 6, 13, 14, 13, 15
#: The split of the features of numbers, and the limits of the combinations of each half.
NUMBERS = 11, (1 << 14, 1)


class Contour:
    """Decodes images row by row, each from the edges of the row above."""

    def __init__(self, model):
        model = list(model)[::-1]
        self.event = Alphabet(model, 15, 4, 11, 8, (1 << 16, 1 << 10))
        self.rows, self.gap, self.run = (Alphabet(model, 16, 4, 11, *NUMBERS) for _ in range(3))
        check(not model, "the end of the model")

    def decode(self, payload, height, width):
        symbols, image = RangeDecoder(payload), np.zeros((height, width), bool)

        def number(alphabet, buckets, features, size):
            first, bits = buckets[alphabet.next(symbols, features)]
            return first + symbols.bits(size.bit_length() if bits is None else bits)

        above, change, runs, stroke, last_rows, row = [], 0, 0, 0, 0, 0
        while row < height:
            symbols.check()
            features = [min(len(above), 15), last_rows, change, row * 16 // height, length_class(height - row)] + [0] * 6
            same = number(self.rows, ROWS, features, height)
            check(same <= height - row, "rows within the image")
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
                    check(start <= column + symbol - 6 <= width if is_edge else symbol == 6, "an edge within the row")
                    change = max(change, min(abs(symbol - 6), 2))
                    column += symbol - 6
                    if column == width:
                        break
                    edges.append((column, [symbol] + slopes[:2]))
                    start, next_ = column + 1, next_ + 1
                elif symbol == PASS:
                    check(next_ + 1 < len(above), "two edges that end")
                    change, next_ = 3, next_ + 2
                else:
                    change = 3
                    features = [length_class(column - start), next_ % 2, 1 + is_edge if above else 0,
                                length_class(second - column), second_last, min(runs, 15), stroke, zone,
                                start * 16 // width if start < width else 15, slopes[0] if is_edge else NONE,
                                int(start == 0)]
                    first = start + number(self.gap, RUNS, features, width)
                    check(first <= width, "a run within the row")
                    if first == width:
                        break
                    features[3] = length_class(max(second - first, 0))
                    features[0] = length_class(column - first) if column >= first else 15
                    features[8], features[9] = first * 16 // width, length_class(first - start)
                    end = first + 1 + number(self.run, RUNS, features, width)
                    check(end <= width, "a run within the row")
                    runs, stroke = runs + 1, length_class(end - first)
                    edges += [(x, [NEW] * 3) for x in (first, end) if x < width]
                    if end == width:
                        break
                    start = end + 1
            for x, _ in edges:
                image[row, x:] ^= True
            above, row = edges, row + 1
        check(symbols.is_done(), "the end of the payload")
        return image


#: The pixels that are features of a pixel, as (rows up, columns right).
TEMPLATE = ([(0, -n) for n in range(1, 9)] + [(1, n) for n in range(-4, 6)] + [(2, n) for n in range(-3, 4)]
            + [(3, -1), (3, 0), (3, 1), (4, -4), (4, 0), (4, 4), (6, 0), (8, -8), (8, 0)])


class Pixel:
    """Decodes images pixel by pixel, each from the pixels around it."""

    def __init__(self, model):
        model = list(model)[::-1]
        self.pixel = Alphabet(model, 2, 1, 40, 8, (1 << 5, 1 << 15), 4096)
        self.same = Alphabet(model, 2, 1, 2, 1, (2, 2))
        check(not model, "the end of the model")

    def decode(self, payload, height, width):
        symbols, image = RangeDecoder(payload), np.zeros((height + 8, width + 16), np.uint8)
        was_same, is_blank = 0, 1
        for y in range(height):
            symbols.check()
            if symbols.is_zero():
                break  # the remaining rows are blank
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
        check(symbols.is_done(), "the end of the payload")
        return image[8:, 8:8 + width].astype(bool)


class Zstd:
    """Decompresses packed rows. Needs the package `zstandard`."""

    def __init__(self, model):
        import zstandard
        dictionary = zstandard.ZstdCompressionDict(model) if model else None
        self.context = zstandard.ZstdDecompressor(dict_data=dictionary)

    def decode(self, payload, height, width):
        stride = -(-width // 8)
        frame = b"\x28\xb5\x2f\xfd" + payload.tobytes()
        check(height * stride // (128 << 10) <= len(payload) // 4, "a longer payload")
        rows = np.frombuffer(self.context.decompress(frame, height * stride), np.uint8)
        check(len(rows) == height * stride, "the packed rows of the image")
        check(width % 8 == 0 or not (rows.reshape(height, stride)[:, -1] & 0xFF >> width % 8).any(), "zero padding")
        return np.unpackbits(rows.reshape(height, stride), axis=1, count=width).astype(bool)


def varint(data, place):
    """Returns the LEB128 number at an offset, and the offset after it."""
    number, shift = 0, 0
    while True:
        check(place < len(data) and shift < 64, "a number")
        byte = int(data[place])
        number, shift, place = number | (byte & 127) << shift, shift + 7, place + 1
        if byte < 128:
            return number, place


def fixed(data, count, bits):
    """Unpacks numbers of `bits` bits each, the lowest bit first."""
    unpacked = np.unpackbits(data, bitorder="little")[:count * bits].reshape(count, bits).astype(np.uint64)
    return (unpacked << np.arange(bits, dtype=np.uint64)).sum(axis=1, dtype=np.uint64)


def is_key(key):
    """Returns whether an image may have this key: the name of a member without `.npy` that does not belong to bitnpz."""
    is_name = 0 < len(key.encode()) < 65536 and not any(c < " " or "\x7f" <= c <= "\x9f" for c in key)
    return is_name and not key.endswith(".npy") and not key.startswith(".bitnpz/")


class Table:
    """Decodes the key table of a segment."""

    def __init__(self, data, count):
        self.data, self.place, self.count = data, 0, count
        fields, digits, columns = [], [], []
        number_of_fields = self.varint()
        check(1 <= number_of_fields <= MAX_FIELDS, "1 to 16 fields")
        for _ in range(number_of_fields):
            kind = int(self.take(1)[0])
            if kind == TEXT:
                fields.append(self.text())
                continue
            check(kind & ~JOINED in (SPELT, LISTED), "a kind of fields")
            values, sizes = self.spelt() if kind & ~JOINED == SPELT else self.listed()
            fields.append((values, len(sizes)))
            for n, size in enumerate(sizes):
                if columns and (n or kind & JOINED) and columns[-1] * size < 1 << 64:
                    columns[-1] *= size
                else:
                    columns.append(size)
                digits.append((len(columns) - 1, size))
        numbers = [self.column(size) if size > 1 else [0] * count for size in columns]
        check(self.place == len(data), "the end of the keys")
        # Split each column into its digits, from the last to the first.
        values = [None] * len(digits)
        for n in range(len(digits))[::-1]:
            column, size = digits[n]
            values[n] = [number % size for number in numbers[column]]
            numbers[column] = [number // size for number in numbers[column]]
        self.keys = [b"".join(parts) for parts in zip(*self.parts(fields, values))] if count else []
        check(sum(map(len, self.keys)) <= MAX_KEY_BYTES, "at most 64 MiB of keys")

    def parts(self, fields, digits):
        """Yields the values of each field."""
        for field in fields:
            if isinstance(field, list):
                yield field
            else:
                values, count = field
                own, digits = digits[:count], digits[count:]
                yield [values(*number) for number in zip(*own)] if own else [values()] * self.count

    def take(self, length):
        """Returns the next bytes."""
        check(self.place + length <= len(self.data), "more of the keys")
        self.place += length
        return self.data[self.place - length:self.place]

    def varint(self):
        number, self.place = varint(self.data, self.place)
        return number

    def spelt(self):
        """Reads a spelt field: a function from digits to a value, and the base of each digit."""
        count = self.varint()
        check(1 <= count <= MAX_LENGTHS, "1 to 64 lengths")
        spellings, positions = [], 0
        for _ in range(count):
            length = self.varint()
            positions += length
            check(positions <= MAX_POSITIONS, "at most 65,536 positions")
            spellings.append([self.take(self.varint()).tolist() for _ in range(length)])
            for alphabet in spellings[-1]:
                check(alphabet and alphabet == sorted(set(alphabet)), "the bytes of a position in ascending order")
        check(all(len(a) < len(b) for a, b in zip(spellings, spellings[1:])), "longer values after shorter ones")
        if count == 1:
            return lambda *digits: bytes(a[d] for a, d in zip(spellings[0], digits)), [len(a) for a in spellings[0]]
        sizes = [math.prod(len(alphabet) for alphabet in spelling) for spelling in spellings]
        check(sum(sizes) < 1 << 64, "fewer than 2^64 values")

        def value(number):
            spelling = 0
            while number >= sizes[spelling]:
                number, spelling = number - sizes[spelling], spelling + 1
            letters = []
            for alphabet in spellings[spelling][::-1]:
                letters.append(alphabet[number % len(alphabet)])
                number //= len(alphabet)
            return bytes(letters[::-1])

        return value, [sum(sizes)]

    def listed(self):
        """Reads a listed field, like `spelt`."""
        values = [self.take(self.varint()).tobytes() for _ in range(self.varint())]
        check(values and values == sorted(set(values)), "a list in ascending order")
        return lambda number: values[number], [len(values)]

    def text(self):
        """Reads the values of a text field."""
        shared, rest = self.column(1 << 16), self.column(1 << 16)
        values, ends = [], np.cumsum([0] + rest).tolist()
        text = self.take(ends[-1]).tobytes()
        for n in range(self.count):
            before = values[-1] if n % 16 else b""
            check(shared[n] <= len(before), "values that share no more than there is")
            values.append(before[:shared[n]] + text[ends[n]:ends[n + 1]])
        return values

    def column(self, size):
        """Reads a column: a number below `size` for each key."""
        method = int(self.take(1)[0])
        check(method < 6, "a method of 0 to 5")
        width = self.varint()
        check(width <= 64, "at most 64 bits")
        if method % 2 == 0:
            numbers = fixed(self.take(-(-self.count * width // 8)), self.count, width)
        else:
            planes = [self.take(self.count).astype(np.uint64) for _ in range(-(-width // 8))]
            numbers = sum((plane << np.uint64(8 * n) for n, plane in enumerate(planes)), np.zeros(self.count, np.uint64))
        if method >= 2:
            numbers = np.cumsum(numbers >> np.uint64(1) ^ (numbers & np.uint64(1)) * np.uint64(2**64 - 1), dtype=np.uint64)
        if method >= 4:
            numbers = numbers[self.ranks()]
        numbers = numbers.tolist()
        check(all(number < size for number in numbers), "numbers below the size of the column")
        return numbers

    def ranks(self):
        """Reads the rank of each key."""
        bits = max([k for k in range(64) if self.count >> k >= 8], default=0)
        size = max(-(-self.count >> bits), 1)
        width = (math.factorial(size) - 1).bit_length()
        count = -(-self.count // size)
        buckets = fixed(self.take(-(-self.count * bits // 8)), self.count, bits).astype(np.int64)
        codes = fixed(self.take(-(-count * width // 8)), count, width).tolist()
        members = [[] for _ in range(count)]
        for key, bucket in enumerate(buckets):
            check(bucket < count, f"one of {count} buckets")
            members[bucket].append(key)
        ranks = [0] * self.count
        for bucket, keys in enumerate(members):
            check(len(keys) == min(size, self.count - bucket * size), "each rank once")
            digits, code = [], codes[bucket]
            for left in range(1, len(keys) + 1):
                digits.append(code % left)
                code //= left
            check(code == 0, "each rank once")
            left = list(range(len(keys)))
            for key, digit in zip(keys, digits[::-1]):
                ranks[key] = bucket * size + left.pop(digit)
        return ranks


def keys_of(segment, data):
    """Returns the keys of a segment, in the order of its images."""
    count, kind = segment["images"], segment["keys"]
    if kind == "table":
        return [key.decode() for key in Table(data, count).keys]
    if "pattern" in kind:
        p = kind["pattern"]
        return [f"{p['prefix']}{p['first'] + i:0{p['digits']}}{p['suffix']}" for i in range(count)]
    start, keys = 4 * -(-count // 16), []
    for i in range(count):
        if i % 16 == 0:
            place = start + int.from_bytes(data[i // 4:i // 4 + 4].tobytes(), "little")
        shared, place = varint(data, place)
        length, place = varint(data, place)
        check(place + length <= len(data), "a key within the keys")
        before = keys[-1][:shared] if i % 16 else b""
        keys.append(before + data[place:place + length].tobytes())
        place += length
    keys, bits = [key.decode() for key in keys], (count - 1).bit_length()
    is_sorted = kind["text"]["sorted"]
    check(len(data) == place + (0 if is_sorted else -(-count * bits // 8)), "the keys, and their order unless they are sorted")
    by_key = keys if is_sorted else [keys[min(int(i), count - 1)] for i in fixed(data[place:], count, bits)]
    check(all(key.encode() < after.encode() for key, after in zip(by_key, by_key[1:])), "the keys in order, each once")
    return keys


def images_of(segment, payload, index, codec):
    """Decodes the images of a segment; reports groups whose checksum is wrong."""
    count, payload_len = segment["images"], len(payload)
    low_bits = max(payload_len // count, 1).bit_length() - 1 if count else 0
    ones_start = 4 * -(-(count + 1) // 64)
    lows_start = ones_start + 8 * -(-((payload_len >> low_bits) + count + 1) // 64)
    repeats_start = lows_start + -(-(count + 1) * low_bits // 8)
    sums_start = repeats_start + (-(-count // 8) if segment.get("repeats") else 0)
    check(len(index) == sums_start + 8 * -(-count // GROUP), "an index as long as the number of images requires")
    ones = np.flatnonzero(np.unpackbits(index[ones_start:lows_start], bitorder="little"))
    check(len(ones) == count + 1, "an offset for each payload, and the end")
    starts = (ones - np.arange(count + 1) << low_bits) + fixed(index[lows_start:repeats_start], count + 1, low_bits).astype(np.int64)
    check((np.diff(starts) >= 0).all() and starts[0] >= 0 and starts[-1] <= payload_len, "payloads one after the other")
    repeats = np.unpackbits(index[repeats_start:sums_start], bitorder="little")
    images, crcs = [], []
    for i in range(count):
        data = payload[starts[i]:starts[i + 1]]
        if len(repeats) and repeats[i]:
            check(len(data) <= 8, "the number of an image")
            first = int.from_bytes(data.tobytes(), "little")
            check(first < i and not repeats[first], "an earlier image that is no repeat")
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
        check(max(height, 1) * max(stride, 1) <= max(FREE_BYTES, MAX_RATIO * len(data)), "an image in proportion to its payload")
        if len(data) == height * stride:
            rows = data.reshape(height, stride)
            check(width % 8 == 0 or not (rows[:, -1] & 0xFF >> width % 8).any(), "zero padding")
            image = np.unpackbits(rows, axis=1, count=width).astype(bool)
        else:
            check(len(data) < height * stride and max(height, width) <= MAX_SIDE and codec, "a payload of its codec")
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
    """Reads a model that every reader has, from the file of its name beside this one."""
    return (Path(__file__).parent / f"{name}.bin").read_bytes()


def restore(bits, kind):
    """Returns the array whose bits these are, in its dtype and values."""
    check(kind["dtype"] != "|b1" or kind["values"] == [False, True], "false and true in this order")
    off, on = (np.array(float(v) if isinstance(v, str) else v).astype(kind["dtype"]) for v in kind["values"])
    return np.where(bits, on, off).astype(kind["dtype"])


def parse(text):
    """Parses JSON that all readers understand the same: each name once, no integer `-0`, no NaN."""
    def once(pairs):
        check(len(dict(pairs)) == len(pairs), "each name once")
        return dict(pairs)

    def integer(text):
        check(text != "-0", "a zero without a sign, or with a decimal point")
        return int(text)

    return json.loads(text, object_pairs_hook=once, parse_int=integer, parse_constant=lambda name: check(False, "a finite number"))


class Arrays(dict):
    """Arrays by their keys; a key may be set only once."""

    def __setitem__(self, key, array):
        check(key not in self, f"the key {key!r} once")
        super().__setitem__(key, array)


def in_form(stack, form):
    """Returns the array that a stack was saved from: another shape of the same items, or height and width along other axes."""
    check(form.keys() <= {"shape", "fortran_order", "axes"}, "a shape, an order and axes")
    if "axes" not in form:
        check(not form.get("fortran_order"), "axes of an array in Fortran order")
        return stack.reshape(form["shape"])
    height, width = form["axes"]
    check(height != width and min(height, width) >= 0, "two axes")
    others = [axis for axis in range(len(form["shape"])) if axis not in (height, width)]
    array = stack.transpose(np.argsort(others + [height, width]))
    check(list(array.shape) == form["shape"], "the shape of the stack along these axes")
    return np.asfortranarray(array) if form.get("fortran_order") else np.ascontiguousarray(array)


def in_order(arrays, places, order):
    """Returns the arrays in the order of saving; `places` has the keys of ordinary members, then of each set."""
    if order is None:
        return arrays
    keys = [iter(place) for place in places]
    for place, count in order:
        check(place < len(places) and count > 0, "runs of keys of the members or of a set")
    for place, names in enumerate(places):
        check(sum(count for other, count in order if other == place) == len(names), "an order of all keys")
    return {key: arrays[key] for place, count in order for key in islice(keys[place], count)}


def load(path):
    """Returns all arrays of an archive, by their keys."""
    arrays = Arrays()
    with np.load(path) as z:
        packed = parse(z[".bitnpz/packed.json"]) if ".bitnpz/packed.json" in z.files else {}
        for key in z.files:
            if not key.startswith(".bitnpz/"):
                kind = packed.get("exceptions", {}).get(key, packed.get("default"))
                array = z[key]
                kind = None if isinstance(array, bytes) else kind
                arrays[key] = restore(np.unpackbits(array, axis=-1, count=kind["width"]), kind) if kind else array
        places = [list(arrays)]
        sets = parse(z[".bitnpz/sets.json"]) if ".bitnpz/sets.json" in z.files else {"sets": []}
        for name in sets["sets"]:
            member = f".bitnpz/{name}/"
            about = parse(z[member + "set.json"])
            has_table = any(segment.get("keys") == "table" for segment in about["segments"])
            check(about["version"] in ((2,) if has_table else (1, 2)), "version 1, or 2 of keys in a table")
            model = shipped(about["model"]) if "model" in about else z[member + "model"].tobytes()
            codec = {"contour": Contour, "pixel": Pixel, "zstd": Zstd}.get(about["codec"], lambda model: None)(model)
            images, keys = [], []
            for n, segment in enumerate(about["segments"]):
                images += images_of(segment, z[f"{member}payload-{n}"], z[f"{member}index-{n}"], codec)
                if "keys" in segment:
                    text = None if "pattern" in segment["keys"] else z[f"{member}keys-{n}"]
                    keys += keys_of(segment, text)
            for key in keys + [about["key"]] if "key" in about else keys:
                check(is_key(key), f"a name of a member, not {key!r}")
            if "key" in about:
                stack = restore(np.array(images, bool).reshape(about["shape"]), about)
                arrays[about["key"]] = in_form(stack, about["array"]) if "array" in about else stack
            else:
                before, behind = about.get("ones", (0, 0))
                check(max(before, behind) <= 31, "at most 31 axes of length 1")
                for key, image in zip(keys, images):
                    arrays[key] = restore(image, about).reshape((1,) * before + image.shape + (1,) * behind)
            places.append([about["key"]] if "key" in about else keys)
    return in_order(arrays, places, sets.get("order"))


if __name__ == "__main__":
    np.savez_compressed(sys.argv[2], **load(sys.argv[1]))
