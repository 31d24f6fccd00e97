"""Places the labels of points so that they cover neither points nor each other."""

import math
from itertools import product

import numpy as np

#: Directions in which a label may lie from its point, the best first: right, left, and those between.
_DIRECTIONS = [(math.cos(turn), math.sin(turn)) for turn in np.radians([0, 180, *range(30, 180, 30), *range(-150, 0, 30)])]
_DISTANCES = range(8, 160, 4)
#: A label further away has a line that leads to it.
_NEAR = 14
_LINE_POINTS = 50
#: What it costs to cover a point or a label, or a label with a line, in pixels of distance.
_COVERED, _CROSSED = 10_000, 120
_DOT = 5
_ROUNDS = 4


def place(spots, sizes, page):
    """Returns a box for each label and the two ends of the line to it, or None for a label beside its point.

    Labels are moved in turn to where they cost the least, given where the others are. All numbers are pixels: `spots` are (x, y),
    `sizes` (width, height), boxes and the `page` (left, bottom, right, top).
    """
    spots = np.asarray(spots, float)
    dots = np.hstack([spots - _DOT, spots + _DOT])
    boxes = np.full((len(spots), 4), np.nan)
    lines = np.full((len(spots), _LINE_POINTS, 2), np.nan)
    for _ in range(_ROUNDS):
        for number, (spot, size) in enumerate(zip(spots, sizes)):
            others = np.arange(len(spots)) != number
            boxes[number], lines[number] = _cheapest(spot, size, page, dots, boxes[others], lines[others])
    return boxes, [None if np.isnan(line).any() else (line[0], line[-1]) for line in lines]


def _cheapest(spot, size, page, dots, boxes, lines):
    """Returns the box of a label that costs the least, and points on the line to it."""
    least, best = math.inf, None
    for distance, direction in product(_DISTANCES, _DIRECTIONS):
        if distance >= least:
            break
        box = _box(spot, size, distance, direction)
        inside = (box[:2] > page[:2]).all() and (box[2:] < page[2:]).all()
        cost = distance + _COVERED * (_overlaps(box, dots) + _overlaps(box, boxes) + (not inside))
        if cost < least:
            line = _line(spot, box, distance)
            cost += _CROSSED * (sum(_contain(box, other) for other in lines) + sum(_contain(other, line) for other in boxes))
            if cost < least:
                least, best = cost, (box, line)
    return best


def _box(spot, size, distance, direction):
    (x, y), (width, height), (right, up) = spot, size, direction
    left = x + right * distance - (0 if right > 0.1 else width if right < -0.1 else width / 2)
    bottom = y + up * distance - height / 2
    return np.array([left, bottom, left + width, bottom + height])


def _line(spot, box, distance):
    if distance <= _NEAR:
        return np.full((_LINE_POINTS, 2), np.nan)
    third = (box[3] - box[1]) / 3
    end = np.clip(spot, (box[0], box[1] + third), (box[2], box[3] - third))
    return np.linspace(spot, end, _LINE_POINTS)


def _overlaps(box, others):
    """Returns how many other boxes a box overlaps."""
    return int(((box[:2] < others[:, 2:]) & (others[:, :2] < box[2:])).all(axis=1).sum())


def _contain(box, line):
    """Returns whether some of the points lie in a box."""
    return bool(((line > box[:2]) & (line < box[2:])).all(axis=-1).any())
