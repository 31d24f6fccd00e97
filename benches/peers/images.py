"""The images that are compared: sets from files, extended to any number of distinct images, and sets that are drawn here."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

#: Bools that take more than this are made from packed rows again each time.
_KEPT_BYTES = 4 << 30


@dataclass
class Images:
    """A set of distinct images of one size, kept as packed rows: uint8, (N, H, ceil(W / 8))."""

    name: str
    packed: np.ndarray
    width: int

    @property
    def height(self):
        return self.packed.shape[1]

    def __len__(self):
        return len(self.packed)

    def bools(self, start=0, stop=None):
        if len(self) * self.height * self.width <= _KEPT_BYTES:
            return self._all_bools[start:stop]
        return np.unpackbits(self.packed[start:stop], axis=-1, count=self.width).view(bool)

    @cached_property
    def _all_bools(self):
        return np.unpackbits(self.packed, axis=-1, count=self.width).view(bool)

    def first(self, count):
        if count >= len(self):
            return self
        first = Images(self.name, self.packed[:count], self.width)
        first._all_bools = self.bools(0, count)
        return first

    def shuffled(self):
        order = np.random.default_rng(2).permutation(len(self))
        return Images(self.name, self.packed[order], self.width)


def load(path, count):
    """Reads `packed` and `shape` from an archive, and returns `count` images."""
    with np.load(path) as archive:
        packed, width = archive["packed"], int(archive["shape"][2])
    return extended(Images(path.stem, packed, width), count)


def extended(images, count):
    """Returns `count` distinct images: those given, then copies of all of them, each mirrored or shifted in another way.

    A shift leaves zeros behind and cuts off what leaves the image.
    """
    bools = images.bools()
    seen, parts, total = set(), [], 0
    for mirrored, down, right in _moves():
        moved = _shifted(bools[:, :, ::-1] if mirrored else bools, down, right)
        rows = np.packbits(moved, axis=-1)
        rows = rows[_unseen(rows, seen)][: count - total]
        parts.append(rows)
        total += len(rows)
        if total == count:
            return Images(images.name, np.concatenate(parts), images.width)
        if max(abs(down), abs(right)) > images.height // 2:
            raise ValueError(f"{images.name}: expected {count} distinct images, found {total}")


def _moves():
    """Yields shifts around the origin, the nearest first, each plain and mirrored."""
    radius = 0
    while True:
        for down in range(-radius, radius + 1):
            for right in range(-radius, radius + 1):
                if max(abs(down), abs(right)) == radius:
                    yield False, down, right
                    yield True, down, right
        radius += 1


def _shifted(bools, down, right):
    shifted = np.zeros_like(bools)
    height, width = bools.shape[1:]
    to_y, to_x = slice(max(down, 0), height + min(down, 0)), slice(max(right, 0), width + min(right, 0))
    from_y, from_x = slice(max(-down, 0), height - max(down, 0)), slice(max(-right, 0), width - max(right, 0))
    shifted[:, to_y, to_x] = bools[:, from_y, from_x]
    return shifted


def _unseen(rows, seen):
    """Returns which images are not in `seen`, and adds them to it."""
    new = np.zeros(len(rows), bool)
    for number, image in enumerate(rows):
        digest = hashlib.blake2b(image, digest_size=12).digest()
        if digest not in seen:
            seen.add(digest)
            new[number] = True
    return new


def strokes(count, side, seed=0):
    """Draws images with a few straight strokes of a pen: the larger the images, the more strokes."""
    random = np.random.default_rng(seed)
    packed = np.zeros((count, side, -(-side // 8)), np.uint8)
    each = max(3, side // 12)
    for number in range(count):
        image = np.zeros((side, side), bool)
        pen = max(1.0, side * random.uniform(0.02, 0.05) / max(1, side / 200))
        ends = random.uniform(0.1, 0.9, (each, 2)) * side
        reach = random.uniform(-0.4, 0.4, (each, 2)) * min(side, 120)
        for (x0, y0), (along, down) in zip(ends, reach):
            left, right = (int(np.clip(edge, 0, side)) for edge in (min(x0, x0 + along) - pen, max(x0, x0 + along) + pen + 1))
            top, bottom = (int(np.clip(edge, 0, side)) for edge in (min(y0, y0 + down) - pen, max(y0, y0 + down) + pen + 1))
            y, x = np.ogrid[top:bottom, left:right]
            u, v = x - x0, y - y0
            place = np.clip((u * along + v * down) / (along**2 + down**2 + 1e-9), 0, 1)
            image[top:bottom, left:right] |= (u - place * along) ** 2 + (v - place * down) ** 2 < pen**2
        packed[number] = np.packbits(image, axis=-1)
    return Images(f"strokes_{side}", packed, side)


def blobs(count, side, density, seed=0):
    """Draws smooth random shapes that cover the share `density` of each image."""
    random = np.random.default_rng(seed)
    packed = np.zeros((count, side, -(-side // 8)), np.uint8)
    grid = 8
    places = np.linspace(0, grid - 1.001, side)
    low, part = places.astype(int), places % 1
    for number in range(count):
        coarse = random.random((grid, grid))
        rows = coarse[low] * (1 - part)[:, None] + coarse[low + 1] * part[:, None]
        smooth = rows[:, low] * (1 - part) + rows[:, low + 1] * part
        packed[number] = np.packbits(smooth > np.quantile(smooth, 1 - density), axis=-1)
    return Images(f"blobs_{side}", packed, side)
