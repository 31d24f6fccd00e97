"""Draws the report's plots as SVG, each for a light and for a dark page."""

import math
import statistics

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from . import labels

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


def size_and_speed(peers, title, path):
    """Draws bytes per image against images per second in shuffled batches, with a label at each point."""
    points = {
        name: (peer["bytes"], 1 / statistics.median(peer["bools"]), peer["ours"])
        # Ours first, so that their names get the best places.
        for name, peer in sorted(peers.items(), key=lambda item: not item[1]["ours"])
        if peer.get("bools")
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
            _set_ticks(axes.xaxis)
            _set_ticks(axes.yaxis)
            figure.canvas.draw()
            figure.set_layout_engine("none")
            _label(axes, points, colors)
            _save(figure, path, theme)


def curve(found, title, axis, path):
    """Draws images per second along a quantity, and bytes per image if it changes them, with a label at the end of each line."""
    whats = ["images per second, batches to bool"]
    if axis != "images in a batch":
        whats.insert(0, "bytes per image, all files")
    for theme, colors in THEMES.items():
        with plt.rc_context(_STYLE | _colors(colors)):
            figure, all_axes = plt.subplots(1, len(whats), figsize=(6.5 * len(whats), 4.8), squeeze=False)
            figure.subplots_adjust(left=0.12 / len(whats), right=1 - 0.34 / len(whats), wspace=0.8, top=0.92, bottom=0.12)
            for axes, what in zip(all_axes[0], whats):
                _log_axes(axes, colors, axis, what)
                _lines(axes, found, what.startswith("bytes"), colors)
            all_axes[0, 0].set_title(title, loc="left", fontweight="bold")
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
    _set_ticks(axes.yaxis)
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
    """Writes the name of each point beside it."""
    axes.autoscale(False)
    texts = []
    for name, (_, _, ours) in points.items():
        color, weight = colors["ours" if ours else "text"], "bold" if ours else "normal"
        texts.append(axes.text(0, 0, name, color=color, fontweight=weight, fontsize=8, va="center"))
    extents = [text.get_window_extent() for text in texts]
    spots = axes.transData.transform([point[:2] for point in points.values()])
    # Other fonts may be a little wider.
    sizes = [(extent.width * 1.06, extent.height) for extent in extents]
    boxes, lines = labels.place(spots, sizes, axes.get_window_extent().extents)
    to_data = axes.transData.inverted().transform
    for text, box, line in zip(texts, boxes, lines):
        text.set_position(to_data((box[0], (box[1] + box[3]) / 2)))
        if line is not None:
            axes.plot(*to_data(line).T, color=text.get_color(), linewidth=0.6, zorder=2)


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


def _set_ticks(axis):
    """Puts ticks at powers of ten, and between them if there are few."""
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if math.log10(high / low) < 2.5 else (1,)))


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
