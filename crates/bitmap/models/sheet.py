"""The paper and the pen of line drawings."""

import numpy as np
from PIL import Image, ImageDraw

from glyphs import at_size, text_of
from strokes import arc


class Sheet:
    """A sheet of paper with a pen of one width; points are in pixels of the finished image."""

    def __init__(self, side, fonts, random):
        self.side, self.fonts, self.random = side, fonts, random
        # Half of the drawings are made of whole pixels, the others are reduced from three times the size.
        self.scale = int(random.choice([1, 3]))
        self.pen = random.choice([1, 2, 3], p=[0.45, 0.4, 0.15]) if self.scale == 1 else random.uniform(1, 3.2)
        self.image = Image.new("L", (side * self.scale, side * self.scale))
        self.draw = ImageDraw.Draw(self.image)
        self.font = fonts[random.integers(len(fonts))]
        self.text_size = random.uniform(8, 14) * self.scale

    def line(self, points, pen=None):
        points = [tuple(point) for point in (np.asarray(points, float) * self.scale).tolist()]
        self.draw.line(points, fill=255, width=max(round((pen or self.pen) * self.scale), 1), joint="curve")

    def dashes(self, start, end, dash=4.0):
        start, end = np.asarray(start, float), np.asarray(end, float)
        count = max(int(np.hypot(*(end - start)) / dash), 1)
        for step in range(0, count, 2):
            self.line([start + (end - start) * step / count, start + (end - start) * (step + 1) / count])

    def closed(self, points, fill=None):
        points = np.asarray(points, float)
        if fill is not None:
            self.draw.polygon([tuple(point) for point in (points * self.scale).tolist()], fill=fill)
        self.line([*points, *points[:2]])

    def circle(self, center, radii, fill=None):
        radii = np.broadcast_to(radii, 2)
        self.closed(arc(center, radii, 0, 6.2832, 12 + int(max(radii) * 2)), fill)

    def arrow(self, points, head=None):
        points = np.asarray(points, float)
        self.line(points)
        head = head or 2.5 + 1.5 * self.pen
        way = points[-1] - points[-2]
        way = way / max(np.hypot(*way), 1e-9) * head
        aside = np.array([-way[1], way[0]]) * 0.5
        tip = [points[-1] - way + aside, points[-1], points[-1] - way - aside]
        if self.open_arrows:
            self.line(tip)
        else:
            self.closed(tip, fill=255)

    def text(self, center, length=None):
        length = length or int(self.random.integers(1, 5))
        font = at_size(self.font, self.text_size)
        text = text_of("latin_letters", self.font, length, self.random)
        self.draw.text((center[0] * self.scale, center[1] * self.scale), text, font=font, fill=255, anchor="mm")

    open_arrows = True

    def pixels(self):
        return np.asarray(self.image.reduce(self.scale) if self.scale > 1 else self.image) >= 128
