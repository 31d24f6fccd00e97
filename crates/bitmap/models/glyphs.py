"""Renders glyphs as people do for a data set: a size, a place, black on white, a threshold."""

from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

# Bounding boxes are measured at this size, in pixels per em.
MEASURED = 100


def span(*ranges):
    return "".join(chr(code) for first, last in ranges for code in range(first, last + 1))


def rows(encoding, first, last):
    """Returns the characters in these rows of 94 of a CJK standard: those of level 1 are in daily use."""
    cells = (bytes((row, cell)) for row in range(first, last + 1) for cell in range(0xA1, 0xFF))
    return b"".join(cells).decode(encoding, "ignore")


# Parts of alphabets, with their shares of the images.
ALPHABETS = {
    "latin": {
        0.65: span((0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)),
        0.1: span((0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E), (0xA1, 0xBF), (0x2010, 0x2044)),
        0.25: span((0xC0, 0x17F), (0x1E00, 0x1EFF)),
    },
    "latin_letters": {
        0.85: span((0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)),
        0.15: span((0xC0, 0xD6), (0xD8, 0xF6), (0xF8, 0x17F)),
    },
    "greek": {0.8: span((0x391, 0x3C9)), 0.2: span((0x386, 0x390), (0x3CA, 0x3CE), (0x1F00, 0x1FFF))},
    "cyrillic": {0.8: span((0x410, 0x44F)), 0.2: span((0x400, 0x40F), (0x450, 0x45F), (0x48A, 0x4FF))},
    "cjk": {0.88: rows("euc_jp", 0xB0, 0xCF), 0.12: span((0x3041, 0x3093), (0x30A1, 0x30F6))},
    "hangul": {1.0: span((0xAC00, 0xD7A3))},
    "icons": {1.0: span((0x2190, 0x27BF), (0xE000, 0xF8FF), (0x1F300, 0x1F6FF))},
    "thai": {1.0: span((0xE01, 0xE2E))},
    "devanagari": {1.0: span((0x904, 0x939), (0x958, 0x961))},
    # The first of the four forms of the letters that join on both sides: isolated, final, initial, medial.
    "arabic": {1.0: "".join(map(chr, (*range(0xFE8F, 0xFEA9, 4), *range(0xFEB1, 0xFEED, 4), 0xFEF1)))},
}


@cache
def at_size(path, size):
    # The basic layout: the other one depends on a library of the system.
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)


@cache
def glyph(path, character):
    """Returns the pixels of a character at size 40, as bytes."""
    return bytes(at_size(path, 40).getmask(character))


@cache
def alphabet(path, name):
    """Returns the parts of an alphabet that a font has, each with its share of the images."""
    missing = {glyph(path, character) for character in "\uffff\u0378"} | {b""}
    parts = {}
    for share, characters in ALPHABETS[name].items():
        found = [character for character in characters if glyph(path, character) not in missing]
        if len(found) >= 10:
            parts[share] = found
    return parts


def fonts_with(paths, name):
    return [path for path in paths if max(alphabet(path, name), default=0) >= 0.5]


def text_of(name, path, length, random):
    """Returns a random text in the letters of an alphabet: one character, or a word that need not exist."""
    parts = alphabet(path, name)
    shares = np.array(list(parts))
    characters = list(parts.values())[random.choice(len(parts), p=shares / shares.sum())]
    text = "".join(random.choice(characters, length))
    if name == "thai":
        text += random.choice(["", "", "\u0e34", "\u0e35", "\u0e38", "\u0e31\u0e49", "\u0e48", "\u0e32"])
    elif name == "devanagari":
        text += random.choice(["", "", "\u093e", "\u0940", "\u0941", "\u0942", "\u0947", "\u0948", "\u094b", "\u0902"])
    elif name == "arabic":
        letters = [ord(letter) for letter in random.choice(characters, random.integers(1, 4))]
        # From left to right: the final form, medial forms, the initial form.
        forms = [1, *[3] * (len(letters) - 2), 2] if len(letters) > 1 else [0]
        text = "".join(chr(letter + form) for letter, form in zip(letters, forms))
    return text


def render(path, text, shape, random):
    """Draws a text at a random size and place; returns None if the font has nothing to draw."""
    height, width = shape
    left, top, right, bottom = at_size(path, MEASURED).getbbox(text)
    if right <= left or bottom <= top:
        return None
    share = random.uniform(0.5, 0.95)
    fits = min(height / (bottom - top), width / (right - left))
    if random.random() < 0.5:
        # The ink takes this share of the side: small letters are as large as capitals.
        size = share * fits
    else:
        # A line takes it: all glyphs of a font are in proportion.
        size = min(share * min(height, 1.5 * width) / sum(at_size(path, MEASURED).getmetrics()) * 1.15, fits)
    # Half of the images are hinted, as FreeType renders them; the others are reduced from four times the size.
    scale = int(random.choice([1, 4]))
    font = ImageFont.truetype(path, max(size * MEASURED * scale, 4), layout_engine=ImageFont.Layout.BASIC)
    left, top, right, bottom = font.getbbox(text)
    image = Image.new("L", (width * scale, height * scale))
    room = width * scale - (right - left), height * scale - (bottom - top)
    x, y = (random.integers(min(0, space), max(0, space) + 1) for space in room)
    ImageDraw.Draw(image).text((int(x) - left, int(y) - top), text, font=font, fill=255)
    return np.asarray(image.reduce(scale) if scale > 1 else image) >= 128


def drawer(fonts, names, shape, random, longest=1):
    """Returns a function that draws the next image: of each alphabet and each of its fonts in turn."""
    faces = [(name, path) for name in names for path in fonts_with(fonts, name)]
    if not faces:
        raise ValueError(f"no font has the alphabets {names}")
    turn = 0

    def draw():
        nonlocal turn
        name, path = faces[turn % len(faces)]
        turn += 1
        return render(path, text_of(name, path, int(random.integers(1, longest + 1)), random), shape, random)

    return draw
