"""Draws the report's plots as SVG, each for a light and for a dark page."""

import statistics
from itertools import product

import matplotlib
import numpy as np

matplotlib.use("agg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.ticker import FuncFormatter, NullFormatter  # noqa: E402

THEMES = {
    "light": {"page": "#ffffff", "text": "#1f2328", "grid": "#d8dee4", "other": "#6e7781", "ours": "#0550ae"},
    "dark": {"page": "#0d1117", "text": "#e6edf3", "grid": "#30363d", "other": "#9198a1", "ours": "#6cb6ff"},
}

#: Colors of lines that are not ours, which can be told apart on both pages.
_LINES = ("#d97706", "#8250df", "#2da44e", "#cf222e", "#bf3989", "#1b9aaa", "#8c6d31", "#e5765f")

_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    # Text stays text; the salt makes the same plot the same file.
    "svg.fonttype": "none",
    "svg.hashsalt": "bitnpz",
}

#: Directions in which a label may lie from its point, the best first.
_DIRECTIONS = ((1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1), (0, 1), (0, -1))


def size_and_speed(peers, title, path):
    """Draws bytes per image against images per second in shuffled batches, with a label at each point."""
    points = {
        name: (peer["bytes"], 1 / statistics.median(peer["bools"]), peer["ours"]) for name, peer in peers.items() if peer.get("bools")
    }
    for theme, colors in THEMES.items():
        with plt.rc_context(_STYLE | _colors(colors)):
            figure, axes = plt.subplots(figsize=(9, 6.2), layout="constrained")
            _log_axes(axes, colors, "bytes per image, all files", "images per second, shuffled batches of 256 to bool")
            axes.set_title(title, loc="left", fontweight="bold")
            for x, y, ours in points.values():
                color = colors["ours" if ours else "other"]
                axes.plot(x, y, "o", color=color, markersize=8 if ours else 5, zorder=3)
            axes.margins(0.12, 0.1)
            figure.canvas.draw()
            figure.set_layout_engine("none")
            _label(axes, points, colors)
            _save(figure, path, theme)


def curve(found, title, axis, path):
    """Draws bytes per image and images per second along a quantity, with a label at the end of each line."""
    for theme, colors in THEMES.items():
        with plt.rc_context(_STYLE | _colors(colors)):
            figure, both = plt.subplots(1, 2, figsize=(13, 4.8))
            figure.subplots_adjust(left=0.06, right=0.83, wspace=0.8, top=0.92, bottom=0.12)
            for axes, what in zip(both, ("bytes per image, all files", "images per second, batches to bool")):
                _log_axes(axes, colors, axis, what)
                _lines(axes, found, what.startswith("bytes"), colors)
            both[0].set_title(title, loc="left", fontweight="bold")
            _save(figure, path, theme)


def _lines(axes, found, is_size, colors):
    others, ends = iter(_LINES), []
    for name, points in found["peers"].items():
        ours = name.startswith("bitnpz")
        line = [(value, _of(point, is_size)) for value, point in zip(found["values"], points) if _of(point, is_size)]
        if not line:
            continue
        color = colors["ours"] if ours else next(others)
        dashes = "--" if name == "bitnpz zstd" else "-"
        axes.plot(*zip(*line), dashes, color=color, linewidth=2.4 if ours else 1.3, marker="o", markersize=4 if ours else 3)
        ends.append((line[-1][1], name, color, ours))
    axes.set_xticks(found["values"], [_short(value) for value in found["values"]])
    axes.minorticks_off()
    axes.figure.canvas.draw()
    _label_ends(axes, sorted(ends))


def _of(point, is_size):
    if not point or not point.get("bools"):
        return None
    return point["bytes"] if is_size else 1 / statistics.median(point["bools"])


def _label_ends(axes, ends):
    """Writes names right of the lines' ends, moved apart so that each has a line of its own."""
    height = 12 * axes.figure.dpi / 72
    box = axes.get_window_extent()
    places = [axes.transData.transform((1, value))[1] for value, *_ in ends]
    for _ in range(200):
        for number in range(len(places) - 1):
            gap = places[number + 1] - places[number]
            if gap < height:
                places[number] -= (height - gap) / 2
                places[number + 1] += (height - gap) / 2
    low = min([box.y0, *places])
    places = [place + box.y0 - low for place in places]
    for place, (value, name, color, ours) in zip(places, ends):
        y = (place - box.y0) / box.height
        true = (axes.transData.transform((1, value))[1] - box.y0) / box.height
        axes.plot([1.0, 1.04], [true, y], color=color, linewidth=0.6, transform=axes.transAxes, clip_on=False)
        weight = "bold" if ours else "normal"
        axes.text(1.05, y, name, color=color, va="center", fontweight=weight, transform=axes.transAxes)


def _label(axes, points, colors):
    """Writes the name of each point beside it. Names cover neither points nor each other, nor the lines that lead to them."""
    renderer, page = axes.figure.canvas.get_renderer(), axes.get_window_extent()
    to_data = axes.transData.inverted().transform
    spots = {name: axes.transData.transform(point[:2]) for name, point in points.items()}
    taken, lines = [(x - 6, y - 6, x + 6, y + 6) for x, y in spots.values()], []
    for name in sorted(spots, key=lambda name: (not points[name][2], spots[name][1])):
        ours = points[name][2]
        color, weight = colors["ours" if ours else "other"], "bold" if ours else "normal"
        label = axes.text(0, 0, name, color=color if ours else colors["text"], fontweight=weight, fontsize=8)
        extent = label.get_window_extent(renderer)
        # Other fonts may be a little wider.
        box, line = _free_place(spots[name], extent.width * 1.06, extent.height, page, taken, lines)
        taken.append(box)
        lines.append(line)
        label.set_position(to_data(box[:2]))
        axes.plot(*to_data([line[0], line[-1]]).T, color=color, linewidth=0.6, zorder=2)


def _free_place(spot, width, height, page, taken, lines):
    """Returns the nearest box for a label that is free, and points on the line that leads to it."""
    x, y = spot
    for distance, (right, up) in product(range(9, 600, 4), _DIRECTIONS):
        left = x + right * distance - (width if right < 0 else width / 2 if right == 0 else 0)
        bottom = y + up * distance - height / 2
        box = (left, bottom, left + width, bottom + height)
        corner = np.clip(spot, box[:2], box[2:])
        line = np.linspace(spot, corner, 40)
        outside = line[np.hypot(*(line - spot).T) > 7]
        if (
            _inside(box, page)
            and not any(_overlap(box, other) or _crosses(other, outside) for other in taken)
            and not any(_crosses(box, other) for other in lines)
        ):
            break
    return box, line


def _inside(box, page):
    return box[0] > page.x0 and box[1] > page.y0 and box[2] < page.x1 and box[3] < page.y1


def _overlap(box, other):
    return box[0] < other[2] and other[0] < box[2] and box[1] < other[3] + 1 and other[1] < box[3] + 1


def _crosses(box, line):
    return ((line > box[:2]) & (line < box[2:])).all(axis=-1).any()


def _log_axes(axes, colors, x, y):
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(color=colors["grid"], linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    for one in (axes.xaxis, axes.yaxis):
        one.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
        one.set_minor_formatter(NullFormatter())


def _short(value):
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if value >= size and value % (size / 10) == 0:
            return f"{value / size:g} {unit}"
    return f"{value:,g}"


def _colors(colors):
    return {
        "figure.facecolor": colors["page"],
        "axes.facecolor": colors["page"],
        "savefig.facecolor": colors["page"],
        "text.color": colors["text"],
        "axes.labelcolor": colors["text"],
        "axes.edgecolor": colors["grid"],
        "xtick.color": colors["text"],
        "ytick.color": colors["text"],
    }


def _save(figure, path, theme):
    for ending in path.suffixes or [".svg"]:
        figure.savefig(path.with_name(f"{path.stem}-{theme}{ending}"), metadata={"Date": None} if ending == ".svg" else None)
    plt.close(figure)
