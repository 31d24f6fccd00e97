"""Draws masks: blobs, ellipses, polygons and silhouettes, one or several in an image."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from strokes import spline

# Outlines are lists of points in a square of side 1, y downwards.


def blob(random, rough=1.0):
    """Returns a smooth closed line around (0, 0), with bays and bulges."""
    angles = np.linspace(0, 2 * np.pi, 160, endpoint=False)
    radii = np.ones(len(angles))
    for wave in range(1, random.integers(3, 9)):
        radii += rough * random.normal(0, 0.35 / wave**1.1) * np.cos(wave * angles + random.uniform(0, 6.28))
    return np.maximum(radii, 0.15)[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)


def ellipse(random):
    angles = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    return np.stack([np.cos(angles), random.uniform(0.25, 1) * np.sin(angles)], 1)


def polygon(random):
    match random.choice(4):
        case 0:  # a rectangle
            x, y = 1, random.uniform(0.2, 1)
            return np.array([(-x, -y), (x, -y), (x, y), (-x, y)])
        case 1:  # a regular polygon
            angles = np.linspace(0, 2 * np.pi, random.integers(3, 9), endpoint=False)
            radii = np.ones(len(angles))
        case 2:  # a star
            angles = np.linspace(0, 2 * np.pi, 2 * random.integers(4, 10), endpoint=False)
            radii = np.where(np.arange(len(angles)) % 2, random.uniform(0.35, 0.8), 1)
        case 3:  # any polygon, as people click it around a thing
            angles = np.sort(random.uniform(0, 2 * np.pi, random.integers(4, 20)))
            radii = random.uniform(0.45, 1, len(angles))
    return radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)


def profile(random):
    """Returns the outline of a vase, a bottle, a leaf or a pawn: the same on both sides."""
    count = random.integers(4, 9)
    heights = np.linspace(-1, 1, count)
    side = spline(
        np.stack([random.uniform(0.12, 0.65, count) * np.r_[random.uniform(0, 1), np.ones(count - 1)], heights], 1)
    )
    return np.concatenate([side, (side * [-1, 1])[::-1]])


def limb(start, end, first, last):
    """Returns the outline of a limb that is `first` wide at its start and `last` at its end, with round ends."""
    start, end = np.asarray(start, float), np.asarray(end, float)
    way = np.arctan2(*(end - start)[::-1])
    half = np.linspace(np.pi / 2, 3 * np.pi / 2, 12)

    def cap(center, radius, angles):
        return center + radius * np.stack([np.cos(angles), np.sin(angles)], 1)

    return np.concatenate([cap(start, first, way + half), cap(end, last, way + half + np.pi)])


def figure(random):
    """Returns the outlines of a person, an animal or a plant, of limbs around a body."""
    match random.choice(3):
        case 0:
            lean = random.normal(0, 0.08)
            parts = [limb((0, -0.35), (lean, 0.1), random.uniform(0.13, 0.24), random.uniform(0.1, 0.22))]
            parts.append(0.15 * blob(random, 0.2) * [0.85, 1.1] + [random.normal(0, 0.03), -0.75])
            parts.append(limb((0, -0.65), (0, -0.4), 0.06, 0.07))
            for side in (-1, 1):
                elbow = np.array([side * random.uniform(0.2, 0.5), random.uniform(-0.5, 0.05)])
                hand = elbow + random.uniform(-0.3, 0.3, 2)
                knee = np.array([lean + side * random.uniform(0.03, 0.35), random.uniform(0.35, 0.55)])
                foot = knee + [random.normal(0, 0.15), random.uniform(0.3, 0.5)]
                parts += [limb((side * 0.13, -0.38), elbow, 0.08, 0.06), limb(elbow, hand, 0.06, 0.04)]
                parts += [limb((lean + side * 0.07, 0.12), knee, 0.12, 0.08), limb(knee, foot, 0.08, 0.05)]
                parts.append(limb(foot, foot + [side * 0.1, 0.03], 0.05, 0.03))
        case 1:
            body, leg = random.uniform(0.12, 0.32), random.uniform(0.2, 0.65)
            parts = [limb((-0.5, 0), (0.45, random.normal(0, 0.06)), body, body * random.uniform(0.7, 1.1))]
            head = np.array([random.uniform(0.65, 0.95), random.uniform(-0.7, -0.05)])
            parts += [limb((0.45, 0), head, body * 0.7, 0.1), random.uniform(0.12, 0.22) * blob(random, 0.3) + head]
            parts.append(limb(head, head + [random.uniform(0.15, 0.35), random.uniform(0, 0.15)], 0.1, 0.05))
            parts.append(limb(head, head + [random.uniform(-0.2, 0.05), random.uniform(-0.45, -0.2)], 0.07, 0.02))
            for x in (-0.55, -0.4, 0.35, 0.5):
                foot = (x + random.normal(0, 0.12), body * 0.6 + leg)
                parts.append(limb((x, 0.05), foot, 0.11, random.uniform(0.03, 0.06)))
            parts.append(limb((-0.6, -0.05), (random.uniform(-1.1, -0.8), random.uniform(-0.6, 0.4)), 0.07, 0.02))
        case 2:
            crown = random.uniform(0.3, 0.7)
            parts = [limb((0, 0.95), (0, 0), random.uniform(0.05, 0.12), 0.05)]
            for _ in range(random.integers(3, 9)):
                end = random.uniform(-crown, crown, 2) + [0, -0.4]
                parts += [limb((0, random.uniform(-0.1, 0.4)), end, 0.05, 0.02)]
                parts += [
                    random.uniform(0.1, 0.35) * (blob(random, 0.8) if random.random() < 0.7 else ellipse(random)) + end
                ]
    return parts


def skyline(random):
    """Returns the outline of roofs or hills; they end below the image, at 1.3."""
    if random.random() < 0.5:
        line = spline(np.stack([np.linspace(-1.3, 1.3, 8), random.uniform(-0.6, 0.6, 8)], 1))
    else:
        x = np.r_[-1.3, np.sort(random.uniform(-1.2, 1.2, random.integers(4, 14))), 1.3]
        y = random.uniform(-0.7, 0.7, len(x))
        line = np.stack([x.repeat(2)[1:], y.repeat(2)[:-1]], 1)
    return np.concatenate([line, [(1.3, 1.3), (-1.3, 1.3)]])


def placed(outlines, side, random, size, turn):
    """Scales, turns and moves outlines so that they are `size` of the side, possibly over the border."""
    points = np.concatenate(outlines)
    low, high = points.min(0), points.max(0)
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) * random.choice([[1, 1], [-1, 1]])
    scale = size * side / (high - low).max()
    center = side * np.clip(random.normal(0.5, 0.2 * max(1.2 - size, 0) + 0.02, 2), 0, 1)
    return [(outline - (low + high) / 2) @ matrix * scale + center for outline in outlines]


def filled(outlines, side, scale=4):
    image = Image.new("L", (side * scale, side * scale))
    draw = ImageDraw.Draw(image)
    for outline in outlines:
        draw.polygon([tuple(point) for point in (outline * scale).tolist()], fill=255)
    return np.asarray(image.reduce(scale) if scale > 1 else image) >= 128


def shape(side, random, size):
    """Draws one shape."""
    any_turn, little_turn = random.uniform(0, 6.28), random.normal(0, 0.12)
    match random.choice(6, p=[0.27, 0.15, 0.2, 0.1, 0.22, 0.06]):
        case 0:
            outlines, turn = [blob(random) * [1, random.uniform(0.4, 1)]], any_turn
        case 1:
            outlines, turn = [ellipse(random)], any_turn
        case 2:
            outlines, turn = [polygon(random)], any_turn * random.integers(0, 2)
        case 3:
            outlines, turn = [profile(random)], little_turn
        case 4:
            outlines, turn = figure(random), little_turn
        case 5:
            return filled([(skyline(random) + 1.2) / 2.4 * side], side)
    return filled(placed(outlines, side, random, size, turn), side, random.choice([1, 4]))


def waves(side, random, fewest=4, most=11):
    """Returns smooth noise, from -1 to 1 and a little beyond, with so many waves along a side."""
    count = random.integers(fewest, most + 1)
    noise = Image.fromarray(random.uniform(-1, 1, (count, count)).astype(np.float32))
    return np.asarray(noise.resize((side, side), Image.Resampling.BICUBIC))


def cloud(side, random):
    """Draws land and water: smooth noise above a threshold, mostly near the middle."""
    y, x = np.mgrid[:side, :side] * 2 / side - 1
    height = waves(side, random, 4, 9) + 0.4 * waves(side, random)
    if random.random() < 0.6:
        height = height + random.uniform(0.2, 0.8) - random.uniform(0.7, 1.6) * (x**2 + y**2)
    return height > random.uniform(-0.2, 0.4)


def shaken(mask, random):
    """Returns a mask with an outline as a classifier of pixels draws it: rounded and a little rough."""
    side = len(mask)
    soft = Image.fromarray(mask.astype(np.uint8) * 255).filter(
        ImageFilter.GaussianBlur(random.uniform(0.008, 0.02) * side)
    )
    rough = random.uniform(10, 80) * waves(side, random, side // 6, side // 3)
    return np.asarray(soft) + rough > 128


def mask(side, random):
    """Draws a mask: one shape, several small ones, some that overlap or cut each other, or land and water."""
    match random.choice(4, p=[0.45, 0.18, 0.22, 0.15]):
        case 0:
            image = shape(side, random, random.uniform(0.35, 1))
        case 1:
            image = np.zeros((side, side), bool)
            for _ in range(random.integers(2, 9)):
                image |= shape(side, random, random.uniform(0.1, 0.35))
        case 2:
            image = shape(side, random, random.uniform(0.4, 0.9))
            for _ in range(random.integers(1, 4)):
                other = shape(side, random, random.uniform(0.15, 0.7))
                match random.choice(3):
                    case 0:
                        image = image | other
                    case 1:
                        image = image & ~other
                    case 2:
                        image = image ^ other
        case 3:
            image = cloud(side, random)
    return shaken(image, random) if random.random() < 0.3 else image


def mask_drawer(side, random):
    return lambda: mask(side, random)
