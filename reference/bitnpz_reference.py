"""Reads every bitnpz archive with NumPy alone, as specified in docs/format.md: slow, small, and independent of the Rust code.

    python bitnpz_reference.py archive.npz plain.npz
    python bitnpz_reference.py archive.bitnpz.json plain.npz

Writes the arrays of an archive, or of a sharded one, to a plain one. Makes the checks that the format requires of a decoder, and raises `Damaged`.
"""
import base64
import json
import math
import struct
import sys
import zlib
from bisect import bisect_right
from collections import deque
from functools import lru_cache
from heapq import heappop, heappush
from itertools import accumulate, islice
from pathlib import Path

import numpy as np

TOTAL = 4096
#: The images that share a checksum, and those that share an anchor.
BLOCK, GROUP = 128, 64
#: The versions of image sets whose payloads are in blocks.
BLOCK_VERSIONS = range(4, 8)
#: The class of repeats, and the length of a directory without the starts of the blocks.
REPEAT, DIRECTORY_BYTES = 15, 22
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
    """Decodes symbols from a payload of `pixel`, or from a model of `contour`."""

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
        """Checks, at the start of each row and at the end of a model, that the bytes have not ended: they bound the time."""
        check(self.code == 0 or self.place <= len(self.bytes) + MAX_ZEROS, "more bytes")

    def next(self, starts):
        """Decodes a symbol; `starts` has the start of each share of 4096, and the end of the last."""
        unit = self.range >> 12
        slot = min(self.code // unit, TOTAL - 1)
        symbol = bisect_right(starts, slot) - 1
        self.code -= unit * starts[symbol]
        self.range = unit * (starts[symbol + 1] - starts[symbol])
        while self.range < 1 << 24:
            self.code = (self.code << 8 | self.byte()) & 0xFFFFFFFF
            self.range <<= 8
        return symbol


class Alphabet:
    """A tree of tests on features, and the shares of the symbols at its leaves."""

    def __init__(self, model, symbols, bits, features, split, limits, leaves):
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

    def leaf(self, features):
        """Returns the leaf of the context of these features: the starts of the shares."""
        node = self.tree
        while isinstance(node, tuple):
            feature, threshold, small, large = node
            node = small if features[feature] <= threshold else large
        return node

    def next(self, symbols, features):
        """Decodes a symbol in the context of these features."""
        return symbols.next(self.leaf(features))


def length_class(length):
    """Returns the class of a length, 0 to 14."""
    return bisect_right([1, 2, 3, 4, 5, 6, 7, 9, 12, 16, 24, 40, 80, 160], length)


def move_class(columns):
    """Returns the class of a move: 1 to 7 to the left, 8 to 14 to the right."""
    far = bisect_right([2, 3, 4, 5, 7, 12], abs(columns))
    return 8 + far if columns > 0 else 7 - far


#: The first number of each bucket. A bucket ends where the next one starts; the last has as many bits as the longer side.
BUCKETS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 20, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512]
#: The alphabets of `contour`: the number of symbols and of features, and the length of the longest code.
ALPHABETS = [(405, 8, 8), (25, 3, 8), (25, 1, 8), (25, 1, 8), (50, 4, 8), (26, 4, 8), (400, 4, 10), (25, 0, 8), (25, 3, 8)]
EVENT, MORE_ROWS, HOLE_GAP, HOLE_LENGTH, FAR_MOVE, BIRTH_ROWS, BIRTH_GAP, MORE_INTERVALS, BIRTH_LENGTH = range(9)
MAX_COMMON, MAX_LEAVES, MAX_CODES, MAX_COMBINATIONS = 11, 1500, 1024, 4096
#: The groups of features of events: which they are, how many values each has, and the largest number of classes.
FEATURE_GROUPS = [((0, 1, 2), (16, 16, 16), 128), ((3, 4, 5), (16, 16, 16), 128), ((6, 7), (32, 16), 64)]
#: What an edge does: actions 0 to 6 are moves by -3 to 3 columns.
STAY, FAR, END = 3, 7, 8
#: The length of a symbol in a code that is alike, if none is.
UNKNOWN = 11


def is_complete(lengths):
    """Returns whether codes of these lengths fill the code space."""
    return sum(1 << 32 - length for length in lengths if length) == 1 << 32


class ModelReader:
    """Reads the parts of a model of `contour`, a tree and its codes for each alphabet, bit by bit."""

    def __init__(self, data):
        self.symbols, self.estimates = RangeDecoder(data), {}

    def bit(self, *context):
        """Reads a bit with the share that zeros had so far in its context."""
        zeros, both = self.estimates.get(context, (1, 2))
        bit = self.symbols.next((0, zeros * TOTAL // both, TOTAL))
        if both >= 1024:
            zeros, both = max(zeros // 2, 1), both // 2
        self.estimates[context] = (zeros if bit else zeros + 2, both + 2)
        return bit

    def bits(self, count, *context):
        """Reads a number, each bit in the context of those before it."""
        node = 1
        for _ in range(count):
            node = node << 1 | self.bit(*context, node)
        return node - (1 << count)

    def below(self, count):
        """Reads one of `count` numbers that are equally likely."""
        number = 0
        for _ in range(max(count - 1, 0).bit_length()):
            number = number << 1 | self.symbols.next((0, TOTAL // 2, TOTAL))
        check(number < count, "the number of an earlier code")
        return number

    def finish(self):
        self.symbols.check()
        check(self.symbols.is_done(), "the end of the model")

    def part(self, alphabet):
        """Reads the tree, the common code and the codes of an alphabet; codes are lists of lengths."""
        self.estimates.clear()
        tree, count = self.tree(alphabet)
        common = self.common(alphabet)
        self.start_codes(alphabet)
        codes = []
        for number in range(count):
            like = codes[self.below(number)] if self.bit("like") else None
            codes.append(self.code(alphabet, like))
        return tree, common, codes

    def changes(self, alphabet, part):
        """Reads a part whose tree is that of another part, and whose codes may differ."""
        tree, common, codes = part
        self.estimates.clear()
        self.start_codes(alphabet)
        return tree, common, [self.code(alphabet, code) if self.bit("changed") else code for code in codes]

    def tree(self, alphabet):
        """Reads a tree: a list of nodes in pre-order, [feature, threshold, node of the upper side] or the number of a code."""
        features = ALPHABETS[alphabet][1]
        nodes, open_tests, leaves, codes, is_test = [], [], [], 0, 1
        bounds = [(0, 31)] * features
        while True:
            is_test = self.bit("test", is_test)
            if is_test:
                feature = self.bits(3, "feature")
                check(feature < features, f"a test of one of {features} features")
                threshold = self.bits(5, "threshold", feature)
                check(threshold > 0, "a threshold of 1 or more")
                (low, high), upper = bounds[feature], list(bounds)
                bounds = list(bounds)
                bounds[feature], upper[feature] = (low, min(high, threshold - 1)), (max(low, threshold), high)
                open_tests.append((len(nodes), upper))
                nodes.append([feature, threshold, None])
                check(len(leaves) + len(open_tests) < MAX_LEAVES, f"at most {MAX_LEAVES} leaves")
                continue
            leaves.append(bounds)
            is_new = self.bit("new")
            nodes.append(codes if is_new else self.below(codes))
            codes += is_new
            check(codes <= MAX_CODES, f"at most {MAX_CODES} codes")
            if not open_tests:
                break
            test, bounds = open_tests.pop()
            nodes[test][2] = len(nodes)
        if alphabet == EVENT:
            self.check_classes(leaves)
        else:
            thresholds = {(node[0], node[1]) for node in nodes if isinstance(node, list)}
            levels = [1 + sum(feature == f for f, _ in thresholds) for feature in range(features)]
            check(math.prod(levels) <= MAX_COMBINATIONS, f"at most {MAX_COMBINATIONS} combinations of levels")
        return nodes, codes

    def check_classes(self, leaves):
        """Checks the numbers of classes of each group of features: combinations that can lead to the same leaves are one."""
        for features, sizes, most in FEATURE_GROUPS:
            combinations = np.indices(sizes).reshape(len(sizes), -1, 1)
            reached = np.ones((combinations.shape[1], len(leaves)), bool)
            for feature, values in zip(features, combinations):
                low, high = np.array([bounds[feature] for bounds in leaves]).T
                reached &= (low <= values) & (values <= high)
            classes = {row.tobytes() for row in np.packbits(reached, axis=1)}
            check(len(classes) <= most, f"at most {most} classes")

    def common(self, alphabet):
        """Reads the code that escaped symbols have."""
        lengths = []
        for symbol in range(ALPHABETS[alphabet][0]):
            lengths.append(self.bits(4, "common", lengths[-1] if lengths else 0))
        check(all(1 <= length <= MAX_COMMON for length in lengths), f"lengths of 1 to {MAX_COMMON} bits")
        check(is_complete(lengths), "a code that fills the code space")
        return lengths

    def start_codes(self, alphabet):
        """Reads which symbols have a code of their own anywhere."""
        self.used, is_used = [], 0
        for symbol in range(ALPHABETS[alphabet][0]):
            is_used = self.bit("used", is_used)
            if is_used:
                self.used.append(symbol)
        #: The number of codes so far, and how many of them have each symbol, with the sum of their lengths.
        self.codes_so_far, self.so_far = 0, [(0, 0)] * (ALPHABETS[alphabet][0] + 1)

    def code(self, alphabet, like):
        """Reads the lengths of a code, beside those of one that is alike; the escape is behind the last symbol."""
        escape, _, longest = ALPHABETS[alphabet]
        lengths = [0] * (escape + 1)
        self.codes_so_far += 1
        if self.bit("is common"):
            return lengths
        before = 0
        for symbol in self.used + [escape]:
            alike = like[symbol] if like else UNKNOWN
            count, total = self.so_far[symbol]
            share = 1 + bisect_right([1, 2, 4, 7, 10, 13], 16 * count // self.codes_so_far) if count else 0
            before = 1 if symbol == escape else self.bit("has", share, alike, before)
            if not before:
                continue
            if alike in (0, UNKNOWN):
                expected = 16 + ((total + count // 2) // count if count else 12)
            else:
                expected = alike
            length = 1
            while self.bit("longer", expected, length):
                length += 1
                check(length <= longest, f"a code of at most {longest} bits")
            lengths[symbol] = length
            self.so_far[symbol] = count + 1, total + length
        check(is_complete(lengths), "a code that fills the code space")
        return lengths


@lru_cache(maxsize=4)
def contour_parts(model, changes):
    """Reads the parts of a model, or of the model that changes make of it."""
    reader = ModelReader(changes or model)
    if changes:
        parts = [reader.changes(alphabet, part) for alphabet, part in enumerate(contour_parts(model, b""))]
    else:
        parts = [reader.part(alphabet) for alphabet in range(len(ALPHABETS))]
    reader.finish()
    return parts


def prefix_code(lengths, zero=None):
    """Returns the symbol of each code, a number of bits and the bits; the code of the symbol `zero` consists of zeros."""
    codes, next_code, last = {}, 0, 0
    for length, symbol in sorted((length, symbol) for symbol, length in enumerate(lengths) if length):
        next_code <<= length - last
        codes[symbol], next_code, last = next_code, next_code + 1, length
    mask = codes[zero] << last - lengths[zero] if zero is not None else 0
    return {(lengths[symbol], code ^ mask >> last - lengths[symbol]): symbol for symbol, code in codes.items()}


def zero_symbol(alphabet, lengths):
    """Returns the symbol whose code consists of zeros: no birth, or the shortest of the events in which a run ends."""
    endings = {EVENT: range(404, 0, -81), BIRTH_ROWS: [0]}.get(alphabet, [])
    return min((symbol for symbol in endings if lengths[symbol]), key=lambda symbol: lengths[symbol], default=None)


class Contour:
    """Decodes images run by run, each from the changes of its two edges."""

    def __init__(self, model, changes=b""):
        self.parts, self.prefix_codes = contour_parts(bytes(model), bytes(changes)), {}

    def tree(self, alphabet):
        return self.parts[alphabet][0]

    def code(self, alphabet, number=None):
        """Returns the code with this number, or the common one; it is made when it is first needed."""
        if (alphabet, number) not in self.prefix_codes:
            _, common, codes = self.parts[alphabet]
            lengths = common if number is None else codes[number]
            zero = zero_symbol(alphabet, lengths) if number is not None else None
            code = prefix_code(lengths, zero) if any(lengths) else self.code(alphabet)
            self.prefix_codes[alphabet, number] = code
        return self.prefix_codes[alphabet, number]

    def decode(self, payload, height, width):
        return Walk(self, payload, height, width).image()


class Walk:
    """Decodes one image."""

    def __init__(self, model, payload, height, width):
        self.model, self.height, self.width = model, height, width
        self.bits, self.place = np.unpackbits(payload, bitorder="little").tobytes() + bytes(8 * MAX_ZEROS), 0
        #: A pixel is black if there is an odd number of marks above it and to the left, its own place included.
        self.marks = np.zeros((height, width + 1), np.uint8)
        #: The sums of the marks above a row.
        self.above, self.above_row = np.zeros(width + 1, np.uint8), 0
        #: The segments that come next, the first one last: a row, two edges, and their histories.
        self.open = []
        #: The edges that wait for a merge: row, column, side and history, as a heap; and the latest of them.
        self.waiting, self.latest = [], deque(maxlen=8)
        self.births = self.last_row = self.last_rows = self.last_length = self.last_end = self.lowest_end = 0

    def image(self):
        """Decodes the image."""
        birth = self.birth_row()
        while birth is not None or self.waiting:
            if self.waiting and (birth is None or self.waiting[0][0] <= birth):
                self.merge(self.waiting[0][0])
                self.follow_all()
            else:
                self.new_run(birth)
                self.follow_all()
                birth = self.birth_row()
        # What is left are zeros that fill the last byte.
        check(self.place + 7 >= len(self.bits) - 8 * MAX_ZEROS and not any(self.bits[self.place:]), "the end of the payload")
        for axis in (1, 0):
            np.bitwise_xor.accumulate(self.marks, axis=axis, out=self.marks)
        return self.marks[:, :self.width].astype(bool)

    def bit(self):
        check(self.place < len(self.bits), "the end of the image before that of the payload")
        self.place += 1
        return self.bits[self.place - 1]

    def read(self, code):
        """Reads a symbol of a code."""
        length, bits = 0, 0
        while (length, bits) not in code:
            length, bits = length + 1, bits << 1 | self.bit()
        return code[length, bits]

    def symbol(self, alphabet, features):
        """Reads a symbol in the context of these features."""
        tree, node = self.model.tree(alphabet), 0
        while isinstance(tree[node], list):
            feature, threshold, upper = tree[node]
            node = node + 1 if features[feature] < threshold else upper
        symbol = self.read(self.model.code(alphabet, tree[node]))
        return self.read(self.model.code(alphabet)) if symbol == ALPHABETS[alphabet][0] else symbol

    def rest(self, bucket):
        """Reads which number of a bucket it is."""
        if bucket + 1 < len(BUCKETS):
            count = (BUCKETS[bucket + 1] - BUCKETS[bucket]).bit_length() - 1
        else:
            count = max(self.height, self.width).bit_length()
        return BUCKETS[bucket] + sum(self.bit() << n for n in range(count))

    def number(self, alphabet, features):
        return self.rest(self.symbol(alphabet, features))

    def invert(self, row, start, end):
        """Inverts the pixels between two columns, in a row and in all rows below."""
        self.marks[row, start] ^= 1
        self.marks[row, end] ^= 1

    def birth_row(self):
        """Reads in which row the next birth is; None if there is none."""
        below = length_class(max(self.lowest_end - self.last_row, 0))
        features = [min(self.births, 31), below, length_class(self.last_rows), min(len(self.waiting), 31)]
        symbol = self.symbol(BIRTH_ROWS, features)
        if symbol == 0:
            return None
        self.last_rows = self.rest(symbol - 1)
        check(self.last_row + self.last_rows < self.height, "a run within the image")
        return self.last_row + self.last_rows

    def new_run(self, row):
        """Reads a new run and opens its segment."""
        is_same_row = self.births > 0 and row == self.last_row
        start = self.last_end if is_same_row else 0
        self.above ^= np.bitwise_xor.reduce(self.marks[self.above_row:row], axis=0)
        self.above_row = row
        pixels = np.bitwise_xor.accumulate(self.above ^ self.marks[row])[start:self.width]
        #: The white intervals: where one starts, where it ends, where the next one starts, ...
        bounds = [start] + (start + np.flatnonzero(np.diff(pixels, prepend=np.uint8(0)))).tolist()

        def interval(number):
            return (bounds[2 * number:2 * number + 2] + [self.width] * 2)[:2]

        widths = [length_class(end - start) for start, end in (interval(0), interval(1))]
        symbol = self.symbol(BIRTH_GAP, widths + [int(is_same_row), min(self.births, 31)])
        number, bucket = divmod(symbol, len(BUCKETS))
        if number == 15:
            number += self.number(MORE_INTERVALS, [])
        start, end = interval(number)
        start += self.rest(bucket)
        check(start < end, "a new run in white")
        features = [min(self.births, 31), length_class(self.width - start), length_class(self.last_length)]
        length = 1 + self.number(BIRTH_LENGTH, features)
        check(start + length <= end, "a new run in white")
        self.invert(row, start, start + length)
        self.last_row, self.last_end, self.last_length = row, start + length, length
        self.births += 1
        self.open.append((row, [start, start + length], [(0, 0, 0)] * 2))

    def merge(self, row):
        """Joins the edges that wait in a row to runs, and opens their segments."""
        edges = []
        while self.waiting and self.waiting[0][0] == row:
            edges.append(heappop(self.waiting))
        check(len(edges) % 2 == 0, "two edges to merge")
        segments = []
        for (_, start, side, history), (_, end, other_side, other_history) in zip(edges[::2], edges[1::2]):
            check((side, other_side) == (0, 1) and start < end, "two edges to merge")
            segments.append((row, [start, end], [history, other_history]))
        self.open += segments[::-1]

    def follow_all(self):
        while self.open:
            self.follow(*self.open.pop())

    def target(self, row, edges):
        """Returns where a segment will probably merge: the side and the row."""
        below = [edge for edge in self.latest if edge[0] > row]
        lefts = [(column, row) for row, column, side, _ in below if side == 0 and column < edges[0]]
        rights = [(column, row) for row, column, side, _ in below if side == 1 and column > edges[1]]
        targets = [(max(lefts)[1], 0)] if lefts else []
        targets += [(min(rights)[1], 1)] if rights else []
        return min(targets, default=None)

    def follow(self, row, edges, histories):
        """Follows a segment until it ends; the right sides of its splits are left for later."""
        target = self.target(row, edges)
        while True:
            countdown = 15
            if target:
                left = target[0] - row
                countdown = 8 * target[1] + (bisect_right([1, 2, 3, 5, 8, 16], left) if left >= 0 else 6)
            width = min(edges[1] - edges[0], 31)
            symbol = self.symbol(EVENT, [*histories[0], *histories[1], width, countdown])
            rows, actions = symbol // 81, [symbol % 81 // 9, symbol % 9]
            if rows == 4:
                rows += self.number(MORE_ROWS, actions + [countdown])
            if actions == [STAY, STAY]:
                row += rows
                start = edges[0] + 1 + self.number(HOLE_GAP, [width])
                check(row < self.height and start < edges[1], "a hole in a run")
                end = start + 1 + self.number(HOLE_LENGTH, [length_class(edges[1] - start)])
                check(end < edges[1], "a hole in a run")
                self.invert(row, start, end)
                left, right = [self.history(history, rows, 0) for history in histories]
                self.open.append((row, [end, edges[1]], [(0, 0, 0), right]))
                edges, histories = [edges[0], start], [left, (0, 0, 0)]
                target = self.target(row, edges)
                continue
            row += rows + 1
            if actions == [END, END]:
                check(row <= self.height, "a run within the image")
                if row < self.height:
                    self.invert(row, *edges)
                self.lowest_end = max(self.lowest_end, row)
                return
            moved = list(edges)
            for side in (0, 1):
                if actions[side] == END:
                    moved[side] = self.width
                elif actions[side] == FAR:
                    bucket, is_left = divmod(self.symbol(FAR_MOVE, [side, histories[side][0], actions[1 - side], width]), 2)
                    columns = 4 + self.rest(bucket)
                    moved[side] += -columns if is_left else columns
                else:
                    moved[side] += actions[side] - STAY
            check(row < self.height and 0 <= min(moved) and max(moved) <= self.width, "a run within the image")
            check(END in actions or moved[0] < moved[1], "a run within the image")
            for side in (0, 1):
                self.invert(row, edges[side], moved[side])
            histories = [self.history(histories[side], rows + 1, moved[side] - edges[side]) for side in (0, 1)]
            edges = moved
            if END in actions:
                side = 0 if actions[1] == END else 1
                edge = row, edges[side], side, histories[side]
                heappush(self.waiting, edge)
                self.latest.append(edge)
                self.lowest_end = max(self.lowest_end, row)
                return

    def history(self, history, rows, columns):
        """Returns the history of an edge after so many rows, in the last of which it moved by so many columns."""
        last_move, period, age = history
        age = min(age + rows, 15)
        return (move_class(columns), age, 0) if columns else (last_move, period, age)


#: The pixels that are features of a pixel, as (rows up, columns right).
TEMPLATE = ([(0, -n) for n in range(1, 9)] + [(1, n) for n in range(-4, 6)] + [(2, n) for n in range(-3, 4)]
            + [(3, -1), (3, 0), (3, 1), (4, -4), (4, 0), (4, 4), (6, 0), (8, -8), (8, 0)])


class Chances:
    """The shares of 0 at the leaves of a tree, which adapt to the pixels of an image. A trust is in quarters of a pixel."""

    def __init__(self, leaves, trust):
        self.chances, self.trust = {id(leaf): (leaf[1] << 10, 0) for leaf in leaves}, trust

    def next(self, symbols, leaf):
        """Decodes a pixel in the context of a leaf."""
        chance, seen = self.chances[id(leaf)]
        pixel = symbols.next([0, max(chance >> 10, 1), TOTAL])
        step = (1 << 17) // (4 * (seen + 1) + self.trust)
        chance += ((0 if pixel else (1 << 22) - 1) - chance) * step >> 15
        self.chances[id(leaf)] = chance, min(seen + 1, 255)
        return pixel


class Pixel:
    """Decodes images pixel by pixel, each from the pixels around it."""

    def __init__(self, model):
        model = list(model)[::-1]
        self.pixel = Alphabet(model, 2, 1, 40, 8, (1 << 5, 1 << 15), 4096)
        self.same = Alphabet(model, 2, 1, 2, 1, (2, 2), 4)
        self.trust = model.pop() if model else None
        check(self.trust != 0, "a trust of 1 or more")
        check(not model, "the end of the model")

    def decode(self, payload, height, width):
        symbols, image = RangeDecoder(payload), np.zeros((height + 8, width + 16), np.uint8)
        was_same, is_blank = 0, 1
        chances = Chances(self.pixel.leaves, self.trust) if self.trust else None
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
                leaf = self.pixel.leaf(features)
                row[x] = chances.next(symbols, leaf) if chances else symbols.next(leaf)
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


def exactly(data, count, bits):
    """Unpacks numbers from bytes that have nothing else, but for zeros that fill the last one."""
    check(len(data) == -(-count * bits // 8), f"{count} numbers of {bits} bits")
    check(not np.unpackbits(data, bitorder="little")[count * bits:].any(), "zeros that fill the last byte")
    return fixed(data, count, bits).tolist()


def key_of(name):
    """Returns the key of an array: the name of its member, without any `.npy` at its end."""
    while name.endswith(".npy"):
        name = name[:-4]
    return name


def is_key(key):
    """Returns whether an image may have this key: the name of a member without `.npy` that does not belong to bitnpz."""
    is_name = 0 < len(key.encode()) < 65536 and "\0" not in key
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


def by_index(segment, payload, index):
    """Finds the payloads of a segment of versions 1 to 3, which images are repeats, and the checksums."""
    count, payload_len = segment["images"], len(payload)
    low_bits = max(payload_len // count, 1).bit_length() - 1 if count else 0
    ones_start = 4 * -(-(count + 1) // 64)
    lows_start = ones_start + 8 * -(-((payload_len >> low_bits) + count + 1) // 64)
    repeats_start = lows_start + -(-(count + 1) * low_bits // 8)
    sums_start = repeats_start + (-(-count // 8) if segment.get("repeats") else 0)
    check(len(index) == sums_start + 8 * -(-count // BLOCK), "an index as long as the number of images requires")
    ones = np.flatnonzero(np.unpackbits(index[ones_start:lows_start], bitorder="little"))
    check(len(ones) == count + 1, "an offset for each payload, and the end")
    starts = (ones - np.arange(count + 1) << low_bits) + fixed(index[lows_start:repeats_start], count + 1, low_bits).astype(np.int64)
    check((np.diff(starts) >= 0).all() and starts[0] >= 0 and starts[-1] <= payload_len, "payloads one after the other")
    repeats = np.unpackbits(index[repeats_start:sums_start], bitorder="little").tolist() or [0] * count
    payloads = [payload[start:end] for start, end in zip(starts, starts[1:])]
    return payloads, repeats, [index[place:place + 8].tobytes() for place in range(sums_start, len(index), 8)]


class Directory:
    """The directory of a segment: the starts of its blocks, and how lengths and anchors are coded in them."""

    def __init__(self, segment, payload_len, data):
        count, self.has_repeats = segment["images"], segment.get("repeats", False)
        check(len(data) >= DIRECTORY_BYTES and max(data[4:DIRECTORY_BYTES]) <= 32, "numbers of at most 32 bits")
        self.extra_bits, self.anchor_bits = data[4:20].tolist(), data[20:22].tolist()
        #: The first length of each class. All repeats have the same.
        first = int.from_bytes(data[:4].tobytes(), "little")
        self.lengths = list(accumulate((1 << bits for bits in self.extra_bits[:-1]), initial=first))
        if self.has_repeats:
            check(self.extra_bits[REPEAT] == 0, "no extra bits of repeats")
            self.lengths[REPEAT] = max(-(-(count - 1).bit_length() // 8), 1)
        check((count > 0) == (payload_len > 0), "blocks if there are images")
        self.starts = exactly(data[DIRECTORY_BYTES:], -(-count // BLOCK), payload_len.bit_length()) + [payload_len]
        check(self.starts[0] == 0 and all(a < b for a, b in zip(self.starts, self.starts[1:])), "blocks one after the other")

    def read_block(self, block, count):
        """Finds the payloads of a block of so many images, and which of them are repeats."""
        groups = -(-count // GROUP)
        classes_start = -(-groups * sum(self.anchor_bits) // 8)
        extra_start = classes_start + -(-count // 2)
        anchors = exactly(block[:classes_start], groups, sum(self.anchor_bits))
        classes = exactly(block[classes_start:extra_start], count, 4)
        places = list(accumulate((self.extra_bits[c] for c in classes), initial=0))
        payloads_start = extra_start + -(-places[-1] // 8)
        extra = int.from_bytes(block[extra_start:payloads_start].tobytes(), "little")
        check(extra >> places[-1] == 0, "zeros that fill the last byte")
        lengths = [self.lengths[c] + (extra >> place & (1 << self.extra_bits[c]) - 1) for c, place in zip(classes, places)]
        offsets = list(accumulate(lengths, initial=payloads_start))
        check(offsets[-1] + 8 == len(block), "a block as long as its parts")
        bits = self.anchor_bits[0]
        anchors = [(anchor & (1 << bits) - 1, anchor >> bits) for anchor in anchors]
        expected = [(place, offset - classes_start) for place, offset in zip(places[:-1:GROUP], offsets[:-1:GROUP])]
        check(anchors == expected, "anchors where the groups start")
        payloads = [block[start:end] for start, end in zip(offsets, offsets[1:])]
        return payloads, [self.has_repeats and c == REPEAT for c in classes]


def by_blocks(segment, payload, directory):
    """Finds the payloads of a segment of version 4 and later, like `by_index`."""
    directory, payloads, repeats, sums = Directory(segment, len(payload), directory), [], [], []
    for start, end in zip(directory.starts, directory.starts[1:]):
        block = payload[start:end]
        found = directory.read_block(block, min(segment["images"] - len(payloads), BLOCK))
        payloads += found[0]
        repeats += found[1]
        sums.append(block[-8:].tobytes())
    return payloads, repeats, sums


def images_of(segment, payloads, repeats, sums, codec):
    """Decodes the images of a segment; reports checksums that are wrong."""
    count, images, crcs = segment["images"], [], []
    for i, data in enumerate(payloads):
        if repeats[i]:
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
        if not images and "size" in segment:
            np.empty((count, height, width), bool)  # fails at once if there is no memory for all of them
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
    for start, expected in zip(range(0, count, BLOCK), sums):
        members = crcs[start:start + BLOCK]
        weights = [zlib.crc32(place.to_bytes(4, "little")) for place in range(len(members))]
        found = sum(members) % 2**32, sum(c * w for c, w in zip(members, weights)) % 2**32
        if b"".join(s.to_bytes(4, "little") for s in found) != expected:
            print(f"some of the images {start} to {start + len(members) - 1} are damaged", file=sys.stderr)
    return images


def shipped(name, codec):
    """Reads a model that every reader has, from the file of its name beside this one."""
    check((name, codec) == ("contour-2", "contour"), "a model of this name for the codec")
    return (Path(__file__).parent / f"{name}.bin").read_bytes()


CODECS = {"contour": Contour, "pixel": Pixel, "zstd": Zstd, "raw": lambda *model: None}


def models_of(about, name):
    """Returns the models of a set as version 4 and later describe them, but with the whole names of their members."""
    if about["version"] in BLOCK_VERSIONS:
        models = [dict(model) for model in about["models"]]
        check(all(model not in models[:n] for n, model in enumerate(models)), "models that differ")
        for model in models:
            names = {"codec", "base", "member"} | ({"bytes"} if about["version"] > 6 else set())
            check(model.keys() <= names and not {"member", "bytes"} <= model.keys(), "names that the version knows")
            if "member" in model:
                model["member"] = f".bitnpz/models/{model['member']}"
        return models
    has_table = any(segment.get("keys") == "table" for segment in about["segments"])
    first_version = 3 if about["codec"] == "contour" else 2 if has_table else 1
    check(about["version"] in range(first_version, 4), "version 3 to 7, 2 without contour, or 1 without a table of keys too")
    check("model" in about or not about.get("changes"), "the name of the model that is changed")
    model = {"codec": about["codec"]}
    if "model" in about:
        model["base"] = about["model"]
    if about.get("changes") or "model" not in about:
        model["member"] = f".bitnpz/{name}/model"
    return [model]


def inline(text):
    """Returns the bytes that a description has in base64."""
    content = base64.b64decode(text, validate=True)
    check(base64.b64encode(content).decode() == text, "base64")
    return content


def bytes_of(z, name):
    """Returns the bytes of a member, which is an array in sets of versions 1 to 5."""
    content = z[name]
    content = np.frombuffer(content, np.uint8) if isinstance(content, bytes) else content
    check(content.dtype == np.uint8 and content.ndim == 1, "an array of bytes")
    return content


def codec_of(model, z):
    """Returns the codec with a model."""
    codec = model["codec"]
    check(codec in CODECS, "a codec")
    parts = [shipped(model["base"], codec)] if "base" in model else []
    parts += [bytes_of(z, model["member"]).tobytes()] if "member" in model else []
    parts += [inline(model["bytes"])] if "bytes" in model else []
    check(codec != "raw" or not any(parts), "a model without bytes")
    return CODECS[codec](*parts or [b""])


def first_version(z, name, names):
    """Returns a JSON object of version 1 with these names, or `None` if the archive has no such member."""
    if name not in z.files:
        return None
    about = parse(z[name])
    check(about["version"] == 1 and about.keys() <= {"version"} | names, f"{name} of version 1")
    return about


def check_names(about):
    """Checks that a description has only names that its version knows."""
    has_blocks = about["version"] in BLOCK_VERSIONS
    names = {"version", "dtype", "values", "segments"} | ({"models"} if has_blocks else {"codec", "model", "changes"})
    check("stacks" not in about or about["version"] > 4, "one stack")
    check("stacks" in about or about["version"] != 5, "several stacks")
    names |= {"stacks"} if "stacks" in about else {"key", "shape", "array", "ones"}
    check(about.keys() <= names, "names that the version knows")
    names = {"images", "size", "repeats", "keys"} | ({"model"} if has_blocks else set())
    names |= {"directory"} if about["version"] > 6 else set()
    check(all(segment.keys() <= names for segment in about["segments"]), "names that the version knows")
    kinds = [segment.get("keys") for segment in about["segments"]]
    check(not has_blocks or not any(isinstance(kind, dict) and "text" in kind for kind in kinds), "keys in a table")


def stacks_of(about):
    """Returns the stacks of a set; none if each image has a key of its own."""
    if "stacks" not in about:
        return [{name: about[name] for name in ("key", "shape", "array") if name in about}] if "key" in about else []
    stacks = about["stacks"]
    check(len(stacks) > 1, "two stacks or more")
    check(all(stack.keys() <= {"key", "shape", "array"} for stack in stacks), "names that the version knows")
    check(all(len(stack["shape"]) > 2 and math.prod(stack["shape"][:-2]) > 0 for stack in stacks), "stacks of images")
    return stacks


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
        packed = first_version(z, ".bitnpz/packed.json", {"default", "exceptions"}) or {}
        for name in z.files:
            if not name.startswith(".bitnpz/"):
                key = key_of(name)
                kind = packed.get("exceptions", {}).get(key, packed.get("default"))
                array = z[name]
                kind = None if isinstance(array, bytes) else kind
                arrays[key] = restore(np.unpackbits(array, axis=-1, count=kind["width"]), kind) if kind else array
        places = [list(arrays)]
        sets = first_version(z, ".bitnpz/sets.json", {"sets", "order", "whole", "few"}) or {"sets": []}
        for name in sets["sets"]:
            member = f".bitnpz/{name}/"
            about = parse(z[member + "set.json"])
            check_names(about)
            codecs = [codec_of(model, z) for model in models_of(about, name)]
            find, index = (by_blocks, "blocks") if about["version"] in BLOCK_VERSIONS else (by_index, "index")
            images, keys = [], []
            for n, segment in enumerate(about["segments"]):
                model = segment.get("model", 0)
                check(model in range(len(codecs)), "the number of a model")
                is_inline = "directory" in segment
                directory = np.frombuffer(inline(segment["directory"]), np.uint8) if is_inline else bytes_of(z, f"{member}{index}-{n}")
                found = find(segment, bytes_of(z, f"{member}payload-{n}"), directory)
                images += images_of(segment, *found, codecs[model])
                if "keys" in segment:
                    text = None if "pattern" in segment["keys"] else bytes_of(z, f"{member}keys-{n}")
                    keys += keys_of(segment, text)
            stacks = stacks_of(about)
            for key in keys + [stack["key"] for stack in stacks]:
                check(is_key(key), f"a name of a member, not {key!r}")
            start = 0
            for described in stacks:
                shape, end = described["shape"], start + math.prod(described["shape"][:-2])
                check(end <= len(images) and all(list(image.shape) == shape[-2:] for image in images[start:end]), "images of the stacks")
                stack = restore(np.array(images[start:end], bool).reshape(shape), about)
                arrays[described["key"]] = in_form(stack, described["array"]) if "array" in described else stack
                start = end
            check(not stacks or start == len(images), "no images behind the stacks")
            if not stacks:
                before, behind = about.get("ones", (0, 0))
                check(max(before, behind) <= 31, "at most 31 axes of length 1")
                for key, image in zip(keys, images):
                    arrays[key] = restore(image, about).reshape((1,) * before + image.shape + (1,) * behind)
            places.append([stack["key"] for stack in stacks] or keys)
    return in_order(arrays, places, sets.get("order"))


def directory(data):
    """Returns the central directory of a ZIP archive without a comment."""
    end = len(data) - 22
    check(end >= 0 and data[end : end + 4] == b"PK\5\6", "an end record")
    size, start = struct.unpack_from("<II", data, end + 12)
    if 0xFFFFFFFF in (size, start):
        (record,) = struct.unpack_from("<Q", data, end - 12)
        check(data[record : record + 4] == b"PK\6\6", "a zip64 end record")
        size, start = struct.unpack_from("<QQ", data, record + 40)
    return data[start : start + size]


def load_sharded(path):
    """Returns all arrays of a sharded archive, by their keys."""
    path = Path(path)
    manifest = parse(path.read_text("utf-8"))
    check(manifest.keys() == {"format", "version", "arrays", "shared", "shards"}, "the names of a manifest")
    check((manifest["format"], manifest["version"]) == ("bitnpz sharded archive", 1), "a manifest of version 1")
    check(manifest["shards"], "shards")
    names = [shard["name"] for shard in manifest["shards"]]
    keys = [array.get("key") for array in manifest["arrays"]] + manifest["shared"]
    check(len({*names}) == len(names) and len({*keys}) == len(keys), "names and keys that differ")
    parts, named = {array["key"]: [] for array in manifest["arrays"] if "key" in array}, Arrays()
    for shard in manifest["shards"]:
        check(shard.keys() == {"name", "bytes", "directory", "items"}, "the names of a shard")
        plain = not any(char in "/\\:" or ord(char) < 32 or 127 <= ord(char) < 160 for char in shard["name"])
        check(plain and shard["name"] not in ("", ".", ".."), "a file in the folder of the manifest")
        data = (path.parent / shard["name"]).read_bytes()
        check((len(data), f"{zlib.crc32(directory(data)):08x}") == (shard["bytes"], shard["directory"]), "the shard of the manifest")
        arrays = load(path.parent / shard["name"])
        own = {key: array for key, array in arrays.items() if key not in keys}
        for array, items in zip(manifest["arrays"], shard["items"], strict=True):
            check(array.keys() <= {"key", "dtype", "values", "shape", "trailing"}, "the names of an array")
            if "key" not in array:
                check(len(own) == items, f"{items} images with keys of their own")
                check("shape" not in array or all(list(image.shape) == array["shape"] for image in own.values()), "images of one size")
                for key, image in own.items():
                    named[key] = image
                continue
            part = arrays[array["key"]]
            check([*part.shape] == [items, *array["shape"]], f"an array of shape {[items, *array['shape']]}")
            parts[array["key"]].append(part)
        check(None in keys or not own, "the arrays of the manifest")
    shared = {key: arrays[key] for key in manifest["shared"]}
    return {**{key: np.concatenate(part) for key, part in parts.items()}, **shared, **named}


if __name__ == "__main__":
    np.savez_compressed(sys.argv[2], **(load_sharded if sys.argv[1].endswith(".json") else load)(sys.argv[1]))
