"""Renders the 95 printable ASCII characters into `font.npz`, for the Rust example `embed`.

    pip install bitnpz pillow
    python make_font.py ../crates/bitnpz/examples/font.npz
"""
import sys

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import bitnpz

HEIGHT, WIDTH = 13, 8


def main(path: str) -> None:
    font = ImageFont.load_default(11)
    glyphs = np.zeros((95, HEIGHT, WIDTH), bool)
    for number in range(95):
        page = Image.new("L", (WIDTH, HEIGHT))
        ImageDraw.Draw(page).text((WIDTH / 2, HEIGHT - 3), chr(32 + number), 255, font, anchor="ms")
        glyphs[number] = np.asarray(page) > 100
    bitnpz.save(path, {"glyphs": glyphs})


if __name__ == "__main__":
    main(*sys.argv[1:])
