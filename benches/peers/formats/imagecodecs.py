"""JPEG XL, in an LMDB database: files of their own would take a block of the disk each."""

import imagecodecs
import numpy as np

from .lmdb import Database


class JpegXl(Database):
    name = "JPEG XL in LMDB"
    packed = False
    effort = 7
    sample = 1 << 20
    settings = ({"effort": 3}, {"effort": 7}, {"effort": 9})

    def encode(self, image):
        return imagecodecs.jpegxl_encode(image.view(np.uint8) * np.uint8(255), lossless=True, effort=self.effort)

    def decode(self, data):
        return imagecodecs.jpegxl_decode(data) > 0


PEERS = [JpegXl]
