"""Measures the bytes per image of other formats, each written by a real encoder. Counts encoded bytes only: no file system, no index.

Takes a .npy file of packed rows (N, H, ceil(W / 8)) and W, and prints JSON: bytes per image by format.
"""
import io
import json
import lzma
import sys
import zlib

import imagecodecs
import numpy as np
import zstandard
from PIL import Image
from pyroaring import BitMap


def picture(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return len(file.getvalue())


packed, width = np.load(sys.argv[1]), int(sys.argv[2])
count = len(packed)
rows = [image.tobytes() for image in packed]
solid = b"".join(rows)

sizes = {"packbits + deflate -9": sum(len(zlib.compress(image, 9)) - 6 for image in rows) / count}
frames = dict(write_content_size=False, write_checksum=False, write_dict_id=False)
sizes["packbits + zstd -19"] = sum(len(zstandard.ZstdCompressor(19, **frames).compress(image)) for image in rows) / count
best = []
for size in (4096, 16384, 65536, 112640):
    try:
        dictionary = zstandard.train_dictionary(size, rows[:: max(1, count // 10000)], level=19)
    except zstandard.ZstdError:
        continue
    compressor = zstandard.ZstdCompressor(19, dict_data=dictionary, **frames)
    best.append((len(dictionary.as_bytes()) + sum(len(compressor.compress(image)) for image in rows)) / count)
sizes["packbits + zstd -19 + dictionary"] = min(best, default=sizes["packbits + zstd -19"])
sizes["packbits + xz -9e, solid"] = len(lzma.compress(solid, preset=9 | lzma.PRESET_EXTREME)) / count

some = np.unpackbits(packed[:: max(1, count // 1000)], axis=-1, count=width).astype(bool)
pictures = [Image.fromarray(image) for image in some]
mean = lambda sizes: sum(sizes) / len(some)
sizes["PNG, 1 bit, optimised"] = mean(picture(image, "PNG", optimize=True) for image in pictures)
gray = [np.ascontiguousarray(image, np.uint8) * 255 for image in some]
sizes["WebP lossless"] = mean(picture(image.convert("RGB"), "WEBP", lossless=True, quality=100, method=6) for image in pictures)
sizes["CCITT G4 TIFF"] = mean(picture(image, "TIFF", compression="group4") for image in pictures)
sizes["JPEG XL, effort 9"] = mean(len(imagecodecs.jpegxl_encode(image, lossless=True, effort=9)) for image in gray)
roaring = []
for image in some:
    bitmap = BitMap(np.flatnonzero(image).astype(np.uint32))
    bitmap.run_optimize()
    roaring.append(len(bitmap.serialize()))
sizes["Roaring"] = mean(roaring)
print(json.dumps(sizes))
