"""Draws line drawings: flow charts, plots, plans, constructions and doodles."""

import numpy as np
from PIL import Image, ImageFilter

import shapes
from sheet import Sheet
from strokes import arc, new_character, spline, written


def flow_chart(sheet, random):
    sheet.open_arrows = random.random() < 0.5
    columns, rows = random.integers(1, 4, 2) + (sheet.side > 200)
    cell = sheet.side / np.array([columns, rows])
    centers = [(np.array([column, row]) + 0.5) * cell for row in range(rows) for column in range(columns)]
    boxes = []
    for center in centers:
        if random.random() < 0.85:
            half = cell * random.uniform([0.2, 0.15], [0.36, 0.32])
            boxes.append((center + random.normal(0, 0.03, 2) * cell, half))
    for (center, half), (other, other_half) in zip(boxes, boxes[1:]):
        if random.random() < 0.85:
            if abs(other[1] - center[1]) < cell[1] / 2:
                start, end = center + half * [1, 0], other - other_half * [1, 0]
                middle = (start[0] + end[0]) / 2
                sheet.arrow([start, (middle, start[1]), (middle, end[1]), end])
            elif random.random() < 0.5:
                start, end = center + half * [0, 1], other - other_half * [0, 1]
                middle = (start[1] + end[1]) / 2
                sheet.arrow([start, (start[0], middle), (end[0], middle), end])
            else:
                sheet.arrow([center + half * [0, 1], other - other_half * [0, 1]])
    kind = random.choice(["box", "box", "round", "ellipse", "diamond", "any"])
    labels = random.random() < 0.6
    for center, half in boxes:
        this = random.choice(["box", "round", "ellipse", "diamond"]) if kind == "any" else kind
        if this == "ellipse":
            sheet.circle(center, half, fill=0)
        elif this == "diamond":
            sheet.closed(center + half * np.array([(0, -1), (1, 0), (0, 1), (-1, 0)]), fill=0)
        elif this == "round":
            corner = min(half) * random.uniform(0.3, 1)
            quarters = [(1, 1, 0), (-1, 1, 1), (-1, -1, 2), (1, -1, 3)]
            points = [
                arc(center + (half - corner) * [x, y], (corner, corner), turn * np.pi / 2, np.pi / 2, 6)
                for x, y, turn in quarters
            ]
            sheet.closed(np.concatenate(points), fill=0)
        else:
            sheet.closed(center + half * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]), fill=0)
        if labels:
            sheet.text(center)


def plot(sheet, random):
    low, high = sheet.side * random.uniform(0.06, 0.16), sheet.side * random.uniform(0.86, 0.95)
    if random.random() < 0.4:
        sheet.closed([(low, low), (high, low), (high, high), (low, high)])
    else:
        sheet.open_arrows = random.random() < 0.5
        sheet.arrow([(low, high), (low, low / 2)])
        sheet.arrow([(low, high), (high, high)])
    ticks = np.linspace(low, high, random.integers(4, 12))[1:-1]
    grid = random.random() < 0.2
    for at in ticks:
        if grid:
            sheet.dashes((at, low), (at, high), 2.5)
            sheet.dashes((low, at), (high, at), 2.5)
        else:
            sheet.line([(at, high - 2.5), (at, high + 2.5)])
            sheet.line([(low - 2.5, at), (low + 2.5, at)])
    room = high - low - 6
    kind = random.choice(["curves", "bars", "points", "steps"], p=[0.5, 0.2, 0.15, 0.15])
    if kind == "bars":
        count = random.integers(4, 13)
        width = room / count
        fill = random.choice([0, 255], p=[0.6, 0.4])
        for bar in range(count):
            left, top = low + 4 + bar * width, high - random.uniform(0.05, 0.95) * room
            sheet.closed(
                [(left, top), (left + 0.7 * width, top), (left + 0.7 * width, high), (left, high)], fill=int(fill)
            )
        return
    for _ in range(random.integers(1, 4)):
        x = np.linspace(low + 2, high - 4, random.integers(5, 30))
        y = (
            high
            - 4
            - room
            * np.clip(
                random.uniform(0.1, 0.8) + np.cumsum(random.normal(0, 0.7 / len(x) ** 0.5, len(x))) * 0.5, 0.02, 1
            )
        )
        points = np.stack([x, y], 1)
        if kind == "points":
            for point in points:
                sheet.circle(point, 1 + sheet.pen / 2, fill=random.choice([0, 255]).item())
        elif kind == "steps":
            sheet.line(np.stack([x.repeat(2)[1:], y.repeat(2)[:-1]], 1))
        elif random.random() < 0.6:
            sheet.line(spline(points, 8))
        else:
            sheet.line(points)
    if random.random() < 0.4:
        sheet.text((random.uniform(0.4, 0.8) * sheet.side, random.uniform(0.06, 0.2) * sheet.side))


def plan(sheet, random):
    """Draws rooms with doors, and something in some of them."""
    outside = sheet.side * random.uniform([0.04, 0.04, 0.82, 0.82], [0.18, 0.18, 0.96, 0.96])
    wall = sheet.pen * random.choice([1, 1, 2])

    def divide(left, top, right, bottom, depth):
        wide = right - left > bottom - top
        if depth == 0 or max(right - left, bottom - top) < sheet.side / 5:
            middle, half = np.array([left + right, top + bottom]) / 2, np.array([right - left, bottom - top]) / 2
            kind = random.choice(5)
            if kind == 0:
                sheet.circle(middle, min(half) * random.uniform(0.2, 0.7))
            elif kind == 1:
                sheet.closed(middle + half * random.uniform(0.3, 0.7) * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]))
            elif kind == 2:
                sheet.text(middle)
            return
        share = random.uniform(0.35, 0.65)
        if wide:
            at = left + share * (right - left)
            door = top + random.uniform(0.1, 0.6) * (bottom - top)
            size = min(0.25 * (bottom - top), sheet.side / 8)
            sheet.line([(at, top), (at, door)], wall)
            sheet.line([(at, door + size), (at, bottom)], wall)
            sheet.line(arc((at, door), (size, size), np.pi / 2, -np.pi / 2), 1)
            sheet.line([(at, door), (at + size, door)], 1)
            divide(left, top, at, bottom, depth - 1)
            divide(at, top, right, bottom, depth - 1)
        else:
            at = top + share * (bottom - top)
            door = left + random.uniform(0.1, 0.6) * (right - left)
            size = min(0.25 * (right - left), sheet.side / 8)
            sheet.line([(left, at), (door, at)], wall)
            sheet.line([(door + size, at), (right, at)], wall)
            sheet.line(arc((door, at), (size, size), 0, np.pi / 2), 1)
            sheet.line([(door, at), (door, at + size)], 1)
            divide(left, top, right, at, depth - 1)
            divide(left, at, right, bottom, depth - 1)

    left, top, right, bottom = outside
    sheet.line([(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], wall)
    divide(*outside, random.integers(1, 5))


def construction(sheet, random):
    """Draws a mechanical part or a figure of geometry: circles, arcs, lines, dimensions and hatching."""
    side = sheet.side
    center = side * random.uniform(0.35, 0.65, 2)
    radius = side * random.uniform(0.15, 0.38)
    match random.choice(4):
        case 0:  # a wheel
            for share in random.uniform(0.15, 1, random.integers(1, 4)):
                sheet.circle(center, radius * share)
            holes = random.integers(0, 9)
            for angle in np.linspace(0, 6.2832, holes, endpoint=False):
                at = center + radius * 0.7 * np.array([np.cos(angle), np.sin(angle)])
                sheet.circle(at, radius * 0.1)
            if random.random() < 0.5:
                teeth = random.integers(8, 24)
                angles = np.linspace(0, 6.2832, 4 * teeth, endpoint=False)
                radii = radius * np.where(np.arange(4 * teeth) % 4 < 2, 1.2, 1.05)
                sheet.closed(center + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1))
        case 1:  # a triangle or another polygon, with marked angles
            angles = np.sort(random.uniform(0, 6.2832, random.integers(3, 6)))
            corners = center + 1.3 * radius * np.stack([np.cos(angles), np.sin(angles)], 1)
            sheet.closed(corners)
            for corner in corners:
                sheet.text(corner + 0.18 * (corner - center), 1)
            if random.random() < 0.5:
                sheet.circle(center, 1.3 * radius)
            for corner in corners[: random.integers(0, 3)]:
                sheet.dashes(corner, center)
        case 2:  # a hatched profile
            left, right = center - [radius, radius * 0.6], center + [radius, radius * 0.6]
            sheet.closed([left, (right[0], left[1]), right, (left[0], right[1])])
            gap = random.uniform(4, 9) + sheet.pen
            height = right[1] - left[1]
            for x in np.arange(left[0] - height, right[0], gap):
                start, end = max(x, left[0]), min(x + height, right[0])
                if start < end:
                    sheet.line([(start, right[1] - (start - x)), (end, right[1] - (end - x))], 1)
        case 3:  # a block in perspective
            size = radius * random.uniform(0.6, 1.2, 2)
            depth = random.uniform(0.3, 0.7) * radius * np.array([1, -1])
            front = center + size * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
            sheet.closed(front)
            sheet.line([front[0], front[0] + depth, front[1] + depth, front[2] + depth, front[2]])
            sheet.line([front[1], front[1] + depth])
            if random.random() < 0.5:
                sheet.dashes(front[3], front[3] + depth)
                sheet.dashes(front[3] + depth, front[0] + depth)
                sheet.dashes(front[3] + depth, front[2] + depth)
    if random.random() < 0.5:
        sheet.dashes(center - [1.4 * radius, 0], center + [1.4 * radius, 0], 5)
        sheet.dashes(center - [0, 1.4 * radius], center + [0, 1.4 * radius], 5)
    if random.random() < 0.5:
        y = center[1] + 1.35 * radius
        sheet.arrow([center + [0, 1.35 * radius], (center[0] + radius, y)])
        sheet.arrow([center + [0, 1.35 * radius], (center[0] - radius, y)])
        sheet.text((center[0], y + 8))


def doodle(sheet, random):
    """Draws a face, a flower, a house, or lines that mean nothing, with a hand that is not steady."""
    side = sheet.side
    center, radius = side * random.uniform(0.4, 0.6, 2), side * random.uniform(0.2, 0.4)

    def shaky(points):
        points = np.asarray(points, float)
        sheet.line(spline(points + random.normal(0, 0.012 * side, points.shape), 8))

    def ring(at, size, turn=6.6):
        shaky(arc(at, np.broadcast_to(size, 2), random.uniform(0, 6.28), turn, 10))

    match random.choice(4):
        case 0:
            ring(center, [radius, radius * random.uniform(0.8, 1.3)])
            for x in (-0.35, 0.35):
                ring(center + radius * np.array([x, -0.25]), radius * random.uniform(0.05, 0.18))
            shaky(center + radius * np.array([(0, -0.1), (0.08, 0.1), (-0.05, 0.15)]))
            shaky(arc(center + [0, 0.2 * radius], (radius * 0.5, radius * random.uniform(-0.3, 0.5)), 0.2, 2.7, 5))
            for x in np.linspace(-0.8, 0.8, random.integers(0, 12)):
                shaky(
                    center
                    + radius
                    * np.array([(x, -0.95), (x + random.normal(0, 0.1), -1.2), (x + random.normal(0, 0.2), -1.4)])
                )
        case 1:
            center = center - [0, 0.15 * side]
            ring(center, radius * 0.3)
            for angle in np.linspace(0, 6.28, random.integers(4, 10), endpoint=False):
                ring(
                    center + radius * 0.55 * np.array([np.cos(angle), np.sin(angle)]),
                    radius * random.uniform(0.2, 0.28),
                )
            shaky([center + [0, radius * 0.8], center + [random.normal(0, 6), radius * 1.4], (center[0], 0.95 * side)])
        case 2:
            box = np.array([(-1, -0.2), (1, -0.2), (1, 1), (-1, 1), (-1, -0.2)])
            for start, end in zip(box, box[1:]):
                shaky(center + radius * np.linspace(start, end, 4))
            shaky(
                center + radius * np.array([(-1.2, -0.15), (-0.6, -0.55), (0, -1), (0, -1), (0.6, -0.55), (1.2, -0.15)])
            )
            for x, y, size in ((-0.5, 0.2, 0.2), (0.5, 0.2, 0.2), (0, 0.75, 0.22)):
                for start, end in zip(box, box[1:]):
                    shaky(
                        center + radius * (np.array([x, y]) + size * (np.linspace(start, end, 3) - [0, 0.4]) * [1, 1.4])
                    )
        case 3:
            for _ in range(random.integers(1, 4)):
                at = side * random.uniform(0.05, 0.5, 2)
                for line in written(new_character(random), random, 0.02):
                    sheet.line(at + line * side * random.uniform(0.3, 0.5))


def table(sheet, random):
    """Draws a table or a form: lines in a grid, some of them left out, with words in it."""
    rows, columns = random.integers(2, 9), random.integers(1, 6)
    low, high = sheet.side * random.uniform(0.02, 0.12), sheet.side * random.uniform(0.88, 0.98)
    ys, xs = np.linspace(low, high, rows + 1), np.sort(np.r_[low, high, random.uniform(low, high, columns - 1)])
    for y in ys:
        sheet.line([(low, y), (high, y)])
    for x in xs[:: random.choice([1, len(xs) - 1])]:
        sheet.line([(x, low), (x, high)])
    for top, bottom in zip(ys, ys[1:]):
        for left, right in zip(xs, xs[1:]):
            if random.random() < 0.6 and bottom - top > 10 and right - left > 16:
                sheet.text(
                    ((left + right) / 2, (top + bottom) / 2),
                    max(1, min(int((right - left) / 9), random.integers(1, 7).item())),
                )


def graph(sheet, random):
    """Draws circles joined by lines or bows, as in a graph, a tree or a circuit."""
    nodes = sheet.side * random.uniform(0.1, 0.9, (random.integers(3, 14), 2))
    radius = sheet.side * random.uniform(0.02, 0.07)
    fill = random.choice([0, 0, 255]).item()
    straight, labels = random.random() < 0.5, fill == 0 and radius > 7
    for number, node in enumerate(nodes[1:], 1):
        near = np.hypot(*(nodes[:number] - node).T).argsort()[: random.integers(1, 3)]
        for other in nodes[near]:
            if straight:
                sheet.line([node, other])
            else:
                aside = (other - node)[::-1] * [-0.25, 0.25]
                sheet.line(spline([node, (node + other) / 2 + aside, other], 10))
    for node in nodes:
        sheet.circle(node, radius, fill)
        if labels:
            sheet.text(node, 1)


def contours(sheet, random):
    """Draws a map: lines of equal height."""
    height = shapes.waves(sheet.side * sheet.scale, random, 4, 8) * random.uniform(1, 2.5)
    level = np.floor(height)
    line = np.zeros(level.shape, bool)
    line[1:, 1:] = (level[1:, 1:] != level[:-1, 1:]) | (level[1:, 1:] != level[1:, :-1])
    image = Image.fromarray(line.astype(np.uint8) * 255).filter(
        ImageFilter.MaxFilter(2 * round(sheet.pen * sheet.scale / 2) + 1)
    )
    sheet.draw.bitmap((0, 0), image, fill=255)
    for _ in range(random.integers(0, 4)):
        sheet.text(sheet.side * random.uniform(0.15, 0.85, 2))


KINDS = (flow_chart, plot, plan, construction, doodle, graph, contours, table)
SHARES = (0.18, 0.16, 0.12, 0.16, 0.16, 0.1, 0.06, 0.06)


def drawing_drawer(side, fonts, random):
    def draw():
        sheet = Sheet(side, fonts, random)
        random.choice(KINDS, p=SHARES)(sheet, random)
        return sheet.pixels()

    return draw
