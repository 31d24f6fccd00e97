"""Prints the sizes of images that the shipped model was not trained on: the table of docs/compression.md.

    python crates/bitmap/models/material.py FOLDER
    python benches/held_out.py FOLDER
"""

import lzma
import sys
import tempfile
from pathlib import Path

import bitnpz
import numpy as np


def rows(folder, scratch):
    """Yields the name, the number of images, and the bytes of an image in each format."""
    for path in sorted((folder / "held_out").glob("*.npz")):
        images = np.load(path)["images"]
        some = np.random.default_rng(0).permutation(len(images))[:100]
        saved = scratch / "saved.npz"
        ours = []
        for chosen in (images, images[some]):
            bitnpz.save(saved, {"images": chosen})
            ours.append(saved.stat().st_size / len(chosen))
        keyed = scratch / "keyed.npz"
        np.savez_compressed(keyed, **{f"image-{number:05}": image for number, image in enumerate(images)})
        xz = len(lzma.compress(np.packbits(images, axis=-1).tobytes(), preset=9 | lzma.PRESET_EXTREME))
        others = [size / len(images) for size in (xz, path.stat().st_size, keyed.stat().st_size)]
        yield path.stem, len(images), ours, others


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print("| | images | bitnpz | 100 of them | xz, solid | `np.savez_compressed`, one array | a key for each image |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as scratch:
        for name, count, (whole, part), others in rows(Path(sys.argv[1]), Path(scratch)):
            kind, size = name.rsplit("_", 1)
            shown = " | ".join(f"{other:.1f} ({other / whole:.2f})" for other in others)
            print(f"| {kind.replace('_', ' ')}, {size} | {count:,} | {whole:.1f} | {part:.1f} | {shown} |")


if __name__ == "__main__":
    main()
