"""Makes the images that the shipped model is trained on, and others to measure it with.

    python material.py FOLDER

writes FOLDER/train/*.npz and FOLDER/held_out/*.npz, each with one array `images`, (N, H, W), True for ink. Fonts are
fetched to FOLDER/fonts; see README.md.
"""

import hashlib
import sys
import zlib
from pathlib import Path

import numpy as np
import PIL

import drawings
import fonts
import glyphs
import shapes
import strokes

# Kind, number of images, height and width. A file is named for its kind and its size.
FILES = {
    "train": [
        ("latin", 3000, 28, 28),
        ("latin", 3000, 64, 64),
        ("latin", 2500, 128, 128),
        ("latin", 1200, 200, 200),
        ("latin", 2000, 48, 32),
        ("words", 800, 200, 440),
        ("greek_cyrillic", 2000, 28, 28),
        ("greek_cyrillic", 2000, 64, 64),
        ("greek_cyrillic", 1500, 128, 128),
        ("cjk", 3000, 64, 64),
        ("cjk", 2400, 128, 128),
        ("thick_strokes", 3000, 28, 28),
        ("thick_strokes", 1000, 64, 64),
        ("thin_strokes", 1500, 64, 64),
        ("thin_strokes", 2500, 105, 105),
        ("thin_strokes", 1000, 128, 128),
        ("masks", 1500, 64, 64),
        ("masks", 1200, 128, 128),
        ("masks", 600, 256, 256),
        ("drawings", 1200, 128, 128),
        ("drawings", 600, 256, 256),
        ("icons", 1600, 32, 32),
        ("icons", 1600, 64, 64),
    ],
    "held_out": [
        ("latin", 1200, 28, 28),
        ("latin", 800, 40, 40),
        ("latin", 1000, 64, 64),
        ("latin", 600, 96, 96),
        ("latin", 800, 128, 128),
        ("latin", 400, 200, 200),
        ("latin", 600, 48, 32),
        ("words", 300, 200, 440),
        ("greek_cyrillic", 700, 28, 28),
        ("greek_cyrillic", 600, 64, 64),
        ("cjk", 700, 64, 64),
        ("cjk", 500, 128, 128),
        ("hangul", 500, 96, 96),
        ("arabic", 600, 64, 64),
        ("devanagari", 600, 64, 64),
        ("thai", 500, 40, 40),
        ("thick_strokes", 1000, 28, 28),
        ("thin_strokes", 500, 64, 64),
        ("thin_strokes", 1000, 105, 105),
        ("thin_strokes", 500, 128, 128),
        ("masks", 500, 64, 64),
        ("masks", 400, 96, 96),
        ("masks", 300, 128, 128),
        ("masks", 200, 256, 256),
        ("drawings", 400, 128, 128),
        ("drawings", 200, 256, 256),
        ("icons", 400, 32, 32),
        ("icons", 400, 64, 64),
    ],
}

VERSIONS = {"numpy": "2.4.6", "pillow": "13.0.0"}


def drawer(kind, shape, paths, random):
    """Returns a function that draws images of a kind, one after the other."""
    match kind:
        case "latin":
            return glyphs.drawer(paths["letters"], ["latin"], shape, random)
        case "words":
            return glyphs.drawer(paths["letters"], ["latin_letters", "cyrillic"], shape, random, longest=5)
        case "greek_cyrillic":
            return glyphs.drawer(paths["letters"], ["greek", "cyrillic"], shape, random)
        case "thick_strokes":
            return strokes.thick_drawer(shape, random)
        case "thin_strokes":
            return strokes.thin_drawer(shape, random)
        case "masks":
            return shapes.mask_drawer(shape[0], random)
        case "drawings":
            return drawings.drawing_drawer(shape[0], glyphs.fonts_with(paths["letters"], "latin"), random)
        case _:
            return glyphs.drawer(paths[kind], [kind], shape, random)


def distinct(draw, count):
    """Draws until there are so many different images, none of them empty or full."""
    images = {}
    for _ in range(20 * count):
        image = draw()
        if image is not None and 3 < image.sum() < image.size - 3:
            images[image.tobytes()] = image
            if len(images) == count:
                return np.array(list(images.values()))
    sys.exit(f"expected {count} different images, found {len(images)} in {20 * count}")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = {"numpy": np.__version__, "pillow": PIL.__version__}
    if found != VERSIONS:
        print(f"expected {VERSIONS}, found {found}: the images may differ", file=sys.stderr)
    folder = Path(sys.argv[1])
    cache = folder / "fonts"
    listed = fonts.listed()
    fonts.fetch(listed, cache)
    everything = hashlib.sha256()
    for use, files in FILES.items():
        (folder / use).mkdir(parents=True, exist_ok=True)
        paths = {}
        for font in listed:
            if font.use == use:
                paths.setdefault(font.kind, []).append(font.path(cache))
        for kind, count, height, width in files:
            name = f"{kind}_{height}x{width}"
            random = np.random.default_rng(zlib.crc32(f"{use}/{name}".encode()))
            images = distinct(drawer(kind, (height, width), paths, random), count)
            np.savez_compressed(folder / use / f"{name}.npz", images=images)
            everything.update(np.packbits(images).tobytes())
            print(f"{use}/{name}.npz: {images.shape}, {images.mean():.0%} ink", flush=True)
    print(f"SHA-256 of all images: {everything.hexdigest()}")


if __name__ == "__main__":
    main()
