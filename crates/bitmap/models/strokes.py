"""Draws characters of pen strokes: letters of alphabets that do not exist, and digits, in many hands."""

import numpy as np
from PIL import Image, ImageDraw

# The middle lines of digits, some in two forms, in a square of side 1, y downwards. A point given twice is a corner.
DIGITS = [
    [[(0.5, 0.05), (0.2, 0.3), (0.2, 0.7), (0.5, 0.95), (0.8, 0.7), (0.8, 0.3), (0.5, 0.05)]],
    [[(0.5, 0.05), (0.5, 0.95)]],
    [[(0.3, 0.3), (0.5, 0.05), (0.5, 0.05), (0.5, 0.95)], [(0.3, 0.95), (0.7, 0.95)]],
    [[(0.2, 0.25), (0.45, 0.05), (0.78, 0.25), (0.6, 0.55), (0.2, 0.93), (0.2, 0.93), (0.5, 0.88), (0.85, 0.92)]],
    [[(0.22, 0.12), (0.55, 0.05), (0.75, 0.25), (0.45, 0.47), (0.45, 0.47), (0.78, 0.68), (0.55, 0.95), (0.2, 0.85)]],
    [[(0.3, 0.05), (0.2, 0.52), (0.2, 0.52), (0.85, 0.5)], [(0.7, 0.15), (0.65, 0.95)]],
    [
        [
            (0.78, 0.08),
            (0.3, 0.08),
            (0.3, 0.08),
            (0.27, 0.42),
            (0.27, 0.42),
            (0.62, 0.42),
            (0.8, 0.65),
            (0.55, 0.93),
            (0.2, 0.85),
        ]
    ],
    [[(0.65, 0.95), (0.65, 0.05), (0.65, 0.05), (0.15, 0.65), (0.15, 0.65), (0.9, 0.65)]],
    [[(0.65, 0.05), (0.3, 0.4), (0.25, 0.75), (0.5, 0.95), (0.75, 0.75), (0.5, 0.55), (0.27, 0.72)]],
    [[(0.2, 0.1), (0.8, 0.08), (0.8, 0.08), (0.45, 0.95)]],
    [[(0.2, 0.1), (0.8, 0.08), (0.8, 0.08), (0.6, 0.45), (0.45, 0.95)], [(0.4, 0.5), (0.8, 0.47)]],
    [
        [
            (0.7, 0.15),
            (0.4, 0.08),
            (0.3, 0.28),
            (0.5, 0.47),
            (0.75, 0.72),
            (0.5, 0.95),
            (0.25, 0.75),
            (0.45, 0.5),
            (0.72, 0.25),
            (0.7, 0.15),
        ]
    ],
    [[(0.75, 0.25), (0.45, 0.05), (0.25, 0.3), (0.5, 0.5), (0.75, 0.28), (0.72, 0.6), (0.6, 0.95)]],
]


def spline(points, steps=16):
    """Returns a smooth line through points (a Catmull-Rom spline)."""
    points = np.asarray(points, float)
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    before, start, end, after = (padded[i : len(padded) - 3 + i, None] for i in range(4))
    line = start + t / 2 * (
        end - before + t * (2 * before - 5 * start + 4 * end - after + t * (3 * (start - end) + after - before))
    )
    return np.concatenate([line.reshape(-1, 2), points[-1:]])


def arc(center, radii, start, turn, points=9):
    angles = np.linspace(start, start + turn, points)
    return np.stack([center[0] + radii[0] * np.cos(angles), center[1] + radii[1] * np.sin(angles)], 1)


def new_character(random, most=5):
    """Returns the strokes of a character: up to `most` lines, hooks, bows, loops, zigzags and dots, many joined."""
    strokes = []
    for _ in range(min(random.choice([1, 2, 3, 4, 5], p=[0.2, 0.33, 0.27, 0.14, 0.06]), most)):
        if strokes and random.random() < 0.6:
            other = strokes[random.integers(len(strokes))]
            start = other[random.integers(len(other))]
        else:
            start = random.uniform(0.05, 0.95, 2)
        way = random.choice([0, 90, 45, 135], p=[0.35, 0.4, 0.15, 0.1]) + random.normal(0, 9)
        ahead = np.array([np.cos(np.radians(way)), np.sin(np.radians(way))])
        if (start + 0.5 * ahead > 1.05).any() or (start + 0.5 * ahead < -0.05).any():
            ahead = -ahead
        aside = np.array([-ahead[1], ahead[0]]) * random.choice([-1, 1])
        length = random.uniform(0.3, 0.95)
        end = start + length * ahead
        match random.choice(9, p=[0.22, 0.11, 0.1, 0.08, 0.12, 0.05, 0.05, 0.05, 0.22]):
            case 0:  # a line
                stroke = [start, end]
            case 1:  # a bow
                stroke = [start, (start + end) / 2 + aside * length * random.uniform(0.1, 0.5), end]
            case 2:  # a line with a hook at its end
                stroke = [start, end, end, end + length * random.uniform(0.2, 0.6) * aside]
            case 3:  # a bow that turns back
                stroke = [
                    start,
                    start + 0.4 * length * ahead,
                    end + 0.3 * aside,
                    end - 0.4 * length * ahead + 0.5 * aside,
                ]
            case 4:  # a circle, or most of it
                radii = random.uniform(0.12, 0.4, 2) if random.random() < 0.3 else np.full(2, random.uniform(0.1, 0.35))
                turn = random.choice([-1, 1]) * random.uniform(3.6, 6.9)
                stroke = arc(start + radii * ahead, radii, random.uniform(0, 6.28), turn)
            case 5:  # an S
                stroke = [
                    start,
                    start + length * (0.3 * ahead + 0.3 * aside),
                    start + length * (0.7 * ahead - 0.3 * aside),
                    end,
                ]
            case 6:  # a zigzag
                steps = np.arange(random.integers(3, 6))
                stroke = [start + step * 0.25 * ahead + step % 2 * 0.3 * aside for step in steps.repeat(2)]
            case 7:  # a dot, but not alone
                stroke = [start, start + (0.02 if strokes else length) * ahead]
            case 8:  # a pen that wanders: bows one after the other, with a corner now and then
                stroke = [start]
                for _ in range(random.integers(2, 5)):
                    bend, steps = random.normal(0, 0.75), random.integers(3, 6)
                    for _ in range(steps):
                        way += np.degrees(bend)
                        stroke.append(
                            stroke[-1]
                            + random.uniform(0.09, 0.13) * np.array([np.cos(np.radians(way)), np.sin(np.radians(way))])
                        )
                    if random.random() < 0.3:
                        stroke.append(stroke[-1])
                        way += random.choice([-110, 110])
        strokes.append(np.array(stroke))
    return strokes


def written(strokes, random, care):
    """Returns a character's strokes as lines of a hand: moved, slanted, turned and a little shaky."""
    turn, slant = random.normal(0, 0.1), random.normal(0.05, 0.17)
    stretch = random.uniform(0.8, 1.25)
    hand = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) @ [
        [stretch, 0],
        [-slant, 1 / stretch],
    ]
    lines = []
    for stroke in strokes:
        moved = np.asarray(stroke) + random.normal(0, care / 2, 2)
        # Small strokes are drawn with more care.
        shift = random.normal(0, care * min(1, 2 * np.ptp(moved, axis=0).max()), moved.shape)
        same = np.r_[False, (np.diff(np.asarray(stroke), axis=0) == 0).all(1)]
        shift[same] = shift[np.flatnonzero(same) - 1]
        lines.append(spline(moved + shift) @ hand)
    return lines


def fitted(lines, shape, pen, share, random):
    """Scales lines so that the ink takes this share of the larger side, at a place near the middle."""
    height, width = shape
    points = np.concatenate(lines)
    low, high = points.min(0), points.max(0)
    size = max((high - low).max(), 0.25)
    scale = max(share * min(height, width) - pen, 4) / size
    room = np.array([width, height]) - pen - scale * (high - low)
    corner = pen / 2 + room * np.clip(random.normal(0.5, 0.12, 2), 0, 1)
    return [(line - low) * scale + corner for line in lines]


def dense(line, step):
    """Returns points along a line, at most `step` apart."""
    lengths = np.r_[0, np.hypot(*np.diff(line, axis=0).T).cumsum()]
    at = np.linspace(0, lengths[-1], int(lengths[-1] / step) + 2)
    return np.stack([np.interp(at, lengths, line[:, axis]) for axis in (0, 1)], 1)


def stamped(lines, shape, pen, random):
    """Draws with a square pen of whole pixels, from point to point, as a mouse on a canvas does."""
    image = Image.new("1", shape[::-1])
    draw = ImageDraw.Draw(image)
    pen = max(round(pen), 1)
    often = random.uniform(1.5, 6)
    for line in lines:
        for x, y in np.rint(dense(dense(line, often).round(), 1) - (pen - 1) / 2).tolist():
            draw.rectangle((x, y, x + pen - 1, y + pen - 1), fill=1)
    return np.asarray(image)


def inked(lines, shape, pen, random):
    """Draws with a round pen, a brush whose width varies, or a broad nib, at four times the size."""
    scale = 4
    image = Image.new("L", (shape[1] * scale, shape[0] * scale))
    draw = ImageDraw.Draw(image)
    kind = random.choice(["round", "brush", "nib"], p=[0.55, 0.3, 0.15])
    angle, broad = random.uniform(0.4, 1.1), random.uniform(0.5, 0.9)
    nib = pen * broad * scale * np.array([np.cos(angle), -np.sin(angle)])
    for line in lines:
        points = dense(line * scale, max(pen, 2) * scale / 6)
        radius = np.full(len(points), pen * scale / 2)
        if kind == "brush":
            t = np.linspace(0, 1, len(points))
            radius *= 1 + 0.3 * np.sin(random.uniform(2, 9) * t + random.uniform(0, 6))
            if random.random() < 0.5:
                radius *= np.clip(0.4 + 2.5 * np.minimum(t + 0.1, 1.1 - t), 0.4, 1)
        for (x, y), r in zip(points.tolist(), radius.tolist()):
            if kind == "nib":
                draw.line((x - nib[0], y - nib[1], x + nib[0], y + nib[1]), fill=255, width=max(round(r), 4))
            else:
                draw.ellipse((x - r, y - r, x + r, y + r), fill=255)
    return np.asarray(image.reduce(scale)) >= 128


def thin_drawer(shape, random, hands=20):
    """Returns a function that draws letters with a thin pen, each letter in as many hands."""
    turn, strokes = 0, None

    def draw():
        nonlocal turn, strokes
        if turn % hands == 0:
            strokes = new_character(random)
        turn += 1
        pen = random.uniform(2, 5) if min(shape) > 100 else random.uniform(1.5, 4)
        lines = written(strokes, random, 0.025)
        lines = fitted(lines, shape, pen, random.uniform(0.45, 0.95), random)
        return (stamped if random.random() < 0.6 else inked)(lines, shape, pen, random)

    return draw


def thick_drawer(shape, random):
    """Returns a function that draws digits and letters with a thick pen, as large as digits in a data set of digits."""
    letters = [new_character(random, most=3) for _ in range(80)]

    def draw():
        kinds = DIGITS if random.random() < 0.65 else letters
        strokes = kinds[random.integers(len(kinds))]
        pen = random.uniform(0.06, 0.15 if kinds is DIGITS else 0.11) * min(shape)
        lines = fitted(written(strokes, random, 0.045), shape, pen, random.uniform(0.66, 0.82), random)
        return inked(lines, shape, pen, random)

    return draw
