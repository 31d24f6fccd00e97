"""Writes the report: tables in Markdown, with the plots between them."""

import statistics

from . import plot

_CURVES = {
    "images": ("Number of images", "images"),
    "side": ("Side of the images", "pixels of a side"),
    "density": ("Density", "percent of pixels that are set, 64x64"),
    "batch": ("Size of a batch", "images in a batch"),
}

_READS = {
    "one": "one by one", "bools": "batches, bool", "rows": "batches, packed", "floats": "batches, float32", "slice": "slices",
    "core": "one core", "threads": "two threads", "pair": "two processes", "cold": "cold",
}  # fmt: skip

_HEAD = """\
# Benchmarks

bitnpz and the other formats that hold images, compared by `cargo xtask peers`. This page is written by that command; the raw
results are in [benchmarks.json](benchmarks.json).

{machine}

How to read the tables:

- All peers hold the same images, which all differ: the sets are extended by mirrored and shifted copies. They write from bools in
  memory, and take turns in each round. Figures are medians; behind ± is half the range from the fastest to the slowest round, in
  percent.
- Each peer has the best of the settings that were tried: the smallest product of bytes and time of a batch. All trials are listed
  below the tables.
- A peer that would write for more than {seconds} seconds holds fewer images: see the column *images*.
- *Bytes* are those of all files, in whole blocks of the file system. *Shuffled*: the same images written in random order.
- *Opening* includes reading one image. *Memory* is how much the process grows (PSS) by opening, and after 10,000 reads of images
  in batches or what it reads in two seconds; it includes pages of mapped files.
- *Images/s*: one by one as bools; shuffled batches of 256 as bool, packed rows and float32; slices of 4,096 as bools. Batches and
  slices have fewer images if these are big. One core, two threads and two processes read batches as bool. *Cold*: opening and
  reading 100 images one by one, after the files were dropped from the page cache.
- WebDataset can only be read in order.
"""


def write(found, output):
    """Writes `benchmarks.md` and the plots that it shows."""
    from .compare import WRITE_SECONDS

    parts = [_HEAD.format(machine=_machine(found["machine"]), seconds=WRITE_SECONDS)]
    for name, one in found["sets"].items():
        title = f"{name}: {one['images']:,} images of {one['height']}x{one['width']}, {one['density']:.1%} of the pixels set"
        plot.size_and_speed(one["peers"], title, output / f"benchmarks-{name}")
        tables = [table(one["peers"]) for table in (_sizes, _speeds, _trials)]
        parts.append("\n\n".join([f"## {title}", _picture(name, title), *tables]) + "\n")
    for name, one in found["curves"].items():
        title, axis = _CURVES[name]
        plot.curve(one, title, axis, output / f"benchmarks-{name}")
        parts.append(f"## {title}\n\n{_picture(name, title)}\n")
    parts.append(_failures(found))
    (output / "benchmarks.md").write_text("\n".join(parts))


def _machine(machine):
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"{machine['date']}, {machine['processor']}, {machine['cores']} cores, {machine['memory']} of memory, {machine['system']}, "
        f"{machine['file_system']}, CPython {machine['python']}; load at the start {machine['load']}. {versions}.\n\n"
        f"    cargo xtask peers {' '.join(machine['arguments'])}"
    )


def _picture(name, title):
    dark, light = (f"benchmarks-{name}-{theme}.svg" for theme in ("dark", "light"))
    return (
        f'<picture>\n  <source media="(prefers-color-scheme: dark)" srcset="{dark}">\n'
        f'  <img alt="{title}" src="{light}">\n</picture>'
    )


def _rows(peers):
    """Yields the peers that worked, the smallest first, with their names as they are shown."""
    for name, peer in sorted(peers.items(), key=lambda item: item[1].get("bytes", 0)):
        if "bytes" in peer and not peer["errors"]:
            yield f"**{name}**" if peer["ours"] else name, peer


def _table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _sizes(peers):
    head = ["", "setting", "images", "bytes", "shuffled", "writes images/s", "opening, ms", "memory opened, MB", "memory read, MB"]
    rows = []
    for name, peer in _rows(peers):
        shuffled = f"{peer['bytes_shuffled']:,.1f}" if "bytes_shuffled" in peer else "–"
        opening = f"{statistics.median(peer['first']) * 1e3:,.1f}" if "first" in peer else "–"
        memory = [f"{peer[what][0] / 1e6:,.1f}" if what in peer else "–" for what in ("after_opening", "after_reads")]
        size, images = f"{peer['bytes']:,.1f}", f"{peer['images']:,}"
        rows.append([name, setting(peer["setting"]), images, size, shuffled, rate(peer["write"]), opening, *memory])
    return _table(head, rows)


def _speeds(peers):
    rows = [[name, *(rate(peer.get(what)) for what in _READS)] for name, peer in _rows(peers)]
    return _table(["images/s", *_READS.values()], rows)


def _trials(peers):
    rows = []
    for name, peer in peers.items():
        for number, trial in enumerate(peer.get("trials", [])):
            if "error" in trial:
                rows.append([name, setting(trial["setting"]), trial["error"], "", ""])
            elif "bytes" in trial:
                best = f"**{setting(trial['setting'])}**" if number == 0 else setting(trial["setting"])
                rows.append([name, best, f"{trial['bytes']:,.1f}", rate([trial["write"]]), rate([trial["read"]])])
    table = _table(["peer", "setting", "bytes", "writes images/s", "reads images/s"], rows)
    summary = "Settings that were tried, on a part of the images in batches of 16"
    return f"<details><summary>{summary}</summary>\n\n{table}\n\n</details>"


def _failures(found):
    lines = ["## Left out, and failed\n"]
    lines += [f"- {name}: {reason}" for name, reason in found["missing"].items()]
    for where, one in found["sets"].items():
        for name, peer in one["peers"].items():
            lines += [f"- {name} failed on {where}: {error}" for error in peer["errors"]]
            lines += [f"- {name} failed on {where}, {_READS[what]}: {error}" for what, error in peer["failed_reads"].items()]
    for where, one in found["curves"].items():
        lines += [f"- curve {where}: {error}" for error in one["errors"]]
    return "\n".join(lines) + "\n"


def setting(options):
    """Describes a setting in words."""
    words = []
    for name, value in options.items():
        if name == "packed":
            words.append("packed rows" if value else "bools")
        else:
            words.append(f"{name} {value}")
    return ", ".join(words) or "–"


def rate(seconds):
    """Formats images per second, and how far rounds differ."""
    if not seconds:
        return "–"
    value = 1 / statistics.median(seconds)
    unit, size = next(((unit, size) for unit, size in ((" M", 1e6), (" k", 1e3)) if value >= size), ("", 1))
    number = f"{value / size:.3g}" if value < 1000 * size else f"{value / size:,.0f}"
    spread = (max(seconds) - min(seconds)) / 2 / statistics.median(seconds)
    return f"{number}{unit}" + (f" ±{spread:.0%}" if len(seconds) > 1 else "")
