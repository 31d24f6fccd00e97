"""Generates images that are not glyphs, 2,000 of each kind, and letters in many hands, as archives for `cargo xtask ratio` and `compare`.

    python benches/kinds.py FOLDER
"""
import sys
from pathlib import Path

import numpy as np

N = 2000
random = np.random.default_rng(5)


def smooth(count, side):
    """Returns sums of four waves, scaled to 0 to 1."""
    y, x = np.mgrid[:side, :side] / side
    sums = np.zeros((count, side, side))
    for _ in range(4):
        across, down, phase = random.uniform(-2, 2, (3, count, 1, 1))
        sums += np.sin(2 * np.pi * (across * x + down * y) + 3 * phase) * random.uniform(0.3, 1, (count, 1, 1))
    low, high = sums.min((1, 2), keepdims=True), sums.max((1, 2), keepdims=True)
    return (sums - low) / (high - low)


def ordered_dither(gray):
    """Dithers with the 8 x 8 Bayer matrix."""
    matrix = np.zeros((1, 1))
    for _ in range(3):
        matrix = np.block([[4 * matrix, 4 * matrix + 2], [4 * matrix + 3, 4 * matrix + 1]])
    side = gray.shape[1]
    return gray > np.tile((matrix + 0.5) / 64, (side // 8, side // 8))


def error_diffusion(gray):
    """Dithers with the weights of Floyd and Steinberg."""
    count, height, width = gray.shape
    rest = np.pad(gray, ((0, 0), (0, 1), (1, 1)))
    for y in range(height):
        for x in range(1, width + 1):
            error = rest[:, y, x] - (rest[:, y, x] > 0.5)
            rest[:, y, x] -= error
            for down, across, weight in ((0, 1, 7), (1, -1, 3), (1, 0, 5), (1, 1, 1)):
                rest[:, y + down, x + across] += error * weight / 16
    return rest[:, :height, 1 : width + 1] > 0.5


def ellipses(side):
    y, x = np.mgrid[:side, :side]
    images = np.zeros((N, side, side), bool)
    for image in images:
        for _ in range(random.integers(1, 4)):
            (left, top), (a, b) = random.uniform(0.08, 0.92, 2) * side, random.uniform(0.03, 0.27, 2) * side
            turn = random.uniform(0, np.pi)
            u = (x - left) * np.cos(turn) + (y - top) * np.sin(turn)
            v = (y - top) * np.cos(turn) - (x - left) * np.sin(turn)
            image |= (u / a) ** 2 + (v / b) ** 2 < 1
    return images


def stripes(side):
    y, x = np.mgrid[:side, :side]
    turn, often, phase = (random.uniform(low, high, (N, 1, 1)) for low, high in ((0, np.pi), (0.05, 0.4), (0, 6)))
    return np.sin(2 * np.pi * often * (x * np.cos(turn) + y * np.sin(turn)) + phase) > 0


def codes():
    """Returns images like QR codes of version 2: random modules and three finder patterns."""
    images = random.random((N, 25, 25)) < 0.5
    finder = np.ones((7, 7), bool)
    finder[1:6, 1:6] = False
    finder[2:5, 2:5] = True
    for top, left in ((0, 0), (0, 18), (18, 0)):
        images[:, top : top + 7, left : left + 7] = finder
    return images


def symmetric(side):
    images = random.random((N, side, side)) < 0.01
    return images | images.transpose(0, 2, 1)


def letters(side, kinds=26, hands=242):
    """Returns letters of three strokes each, one hand after the other; each hand has its own pen width, size and slant."""
    y, x = np.mgrid[:side, :side] / side - 0.5
    strokes = random.random((kinds, 3, 2, 2)) - 0.5
    images, labels = [], []
    for hand in range(hands):
        size, slant, pen = random.uniform(0.5, 0.9), random.uniform(-0.5, 0.5), random.uniform(0.02, 0.09)
        for letter in range(kinds):
            image = np.zeros((side, side), bool)
            for (x0, y0), (x1, y1) in strokes[letter]:
                u, v = x / size + slant * y - x0, y / size - y0
                along, down = x1 - x0, y1 - y0
                t = np.clip((u * along + v * down) / (along**2 + down**2), 0, 1)
                image |= np.hypot(u - t * along, v - t * down) < pen
            images.append(image)
            labels.append((letter, hand))
    return np.array(images), dict(zip(("letter", "hand"), np.array(labels).T))


kinds = {f"noise_{percent}": random.random((N, 64, 64)) < percent / 100 for percent in (1, 5, 20, 50)}
kinds["ordered_dither"] = ordered_dither(smooth(N, 64))
kinds["error_diffusion"] = error_diffusion(smooth(N, 64))
kinds["ellipses"] = ellipses(256)
kinds["blobs"] = smooth(N, 128) > 0.6
kinds["stripes"] = stripes(64)
kinds["codes"] = codes()
kinds["codes_4"] = codes().repeat(4, 1).repeat(4, 2)
kinds["boards"] = random.random((N, 19, 19)) < random.uniform(0.05, 0.4, (N, 1, 1))
kinds["symmetric"] = symmetric(64)
kinds["letters"], labels = letters(28)

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for name, images in kinds.items():
    more = labels if name == "letters" else {}
    np.savez(folder / f"{name}.npz", packed=np.packbits(images, axis=-1), shape=np.array(images.shape), **more)
