"""Compares bitnpz with the other formats that hold images: `cargo xtask peers FILE.npz ...` writes docs/benchmarks.md.

Each FILE.npz holds `packed` (`np.packbits(images, axis=-1)`) and `shape` (N, H, W). Linux only: memory and the page cache are
read and dropped by its means.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from . import curves, formats, images, machine, quick
from .compare import Comparison

#: The side of the big pictures, which are drawn, and the bytes of their packed rows.
_BIG_SIDE, _BIG_BYTES = 1024, 128 << 20


def arguments():
    parser = argparse.ArgumentParser(prog="cargo xtask peers", description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE.npz")
    parser.add_argument("--images", type=int, default=100_000, help="the images of each set (default: 100,000)")
    parser.add_argument("--only", metavar="NAME,...", help="the peers whose names start with one of these")
    parser.add_argument("--largest", type=int, default=1_000_000, help="the most images of the curves (default: 1,000,000)")
    parser.add_argument("--no-curves", action="store_true", help="only compare on the files")
    parser.add_argument("--no-big", action="store_true", help="leave out the set of big pictures")
    parser.add_argument("--output", type=Path, default=Path("docs"), help="the folder of the report (default: docs)")
    parser.add_argument("--folder", type=Path, default=Path("target"), help="where archives are written: on a real disk")
    parser.add_argument("--quick", action="store_true", help="compare our ratios with those that are recorded, in two minutes")
    parser.add_argument("--record", action="store_true", help="with --quick: record the ratios instead")
    return parser.parse_args()


def log(message):
    print(f"{time.strftime('%H:%M:%S')} {message}", flush=True)


def selected(only):
    peers, missing = formats.find()
    if only:
        starts = tuple(name.strip().lower() for name in only.split(","))
        peers = {name: peer for name, peer in peers.items() if name.lower().startswith(starts)}
    return peers, missing


def sets(options):
    for path in options.files:
        log(f"{path.name}: making {options.images:,} distinct images")
        yield images.load(path, options.images)
    if not options.no_big:
        log("drawing big pictures")
        most = _BIG_BYTES // (_BIG_SIDE * _BIG_SIDE // 8)
        yield images.strokes(min(most, options.images), _BIG_SIDE)


def write(found, output):
    """Writes what has been found so far: a run takes more than an hour, and may be stopped."""
    # Drawing needs a package that the quick check does without.
    from . import report

    output.mkdir(parents=True, exist_ok=True)
    (output / "benchmarks.json").write_text(json.dumps(found, indent=1) + "\n")
    report.write(found, output)
    log(f"wrote {output / 'benchmarks.md'}")


def main():
    options = arguments()
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        scratch = Path(scratch)
        if options.quick:
            return quick.run(scratch, options.record)
        if not options.files:
            sys.exit("expected a FILE.npz, found none")
        peers, missing = selected(options.only)
        found = {"machine": machine.describe(options.folder), "missing": missing, "sets": {}, "curves": {}}
        for number, one in enumerate(sets(options)):
            results = Comparison(peers, one, scratch / str(number)).run(lambda message: log(f"{one.name}: {message}"))
            size = {"images": len(one), "height": one.height, "width": one.width}
            found["sets"][one.name] = size | {"density": float(one.bools(0, 2000).mean()), "peers": results}
            write(found, options.output)
        if not options.no_curves:
            settings = next(iter(found["sets"].values()))["peers"]
            for name, curve in curves.run(peers, settings, options.files, scratch, options.largest, log):
                found["curves"][name] = curve
                write(found, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
