# Pictures of every mode, format and compression that Pillow writes, and TIFF files of kinds that it only reads.
# For each `outputs` gets its name, the threshold or nothing, the shape, and what is True as Pillow's values have it.
import struct
from pathlib import Path
from PIL import Image

folder = Path(inputs[0].decode())
rng = np.random.default_rng(7)
number = 0


def expect(name, values=None):
    """Has values compared, those that Pillow reads unless given: two by which is larger, more by their median."""
    if values is None:
        with Image.open(folder / name) as picture:
            picture.load()
            values = np.asarray(picture if picture.mode in ("I;16", "I;16B", "I", "F") else picture.convert("L"))
    found = np.unique(values)
    threshold = "" if len(found) == 2 else repr(float(np.median(values)))
    on = values == found[-1] if threshold == "" else values >= float(threshold)
    for part in (name, threshold, "%d %d" % on.shape):
        outputs.append(part.encode())
    outputs.append(on.tobytes())


def saved(picture, ending, **options):
    global number
    name = f"{number:04}.{ending}"
    number += 1
    try:
        picture.save(folder / name, **options)
    except (OSError, ValueError, KeyError, SystemError, RuntimeError):
        return
    expect(name)


def tiff(bits, tags, pieces, tiled=False, big=False, order="<"):
    """Writes a TIFF file of these strips or tiles; tags are {number: values}, each in 16 bits if it fits."""
    global number
    word = "Q" if big else "I"
    head = {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "H", 43 if big else 42)
    head += struct.pack(order + "HHQ", 8, 0, 0) if big else struct.pack(order + "I", 0)
    data, places = bytearray(head), []
    for piece in pieces:
        places.append(len(data))
        data += piece
    height, width = bits.shape
    tags = {256: [width], 257: [height], 258: [1], 259: [1], 262: [1], 277: [1], 278: [height], **tags}
    tags.update({324: places, 325: [len(p) for p in pieces]} if tiled else {273: places, 279: [len(p) for p in pieces]})
    entries = b""
    for tag, values in sorted(tags.items()):
        kind = "H" if max(values) < 1 << 16 else "I"
        packed = struct.pack(f"{order}{len(values)}{kind}", *values)
        if len(packed) > struct.calcsize(word):
            place = len(data)
            data += packed
            packed = struct.pack(order + word, place)
        entries += struct.pack(order + "HH" + word, tag, {"H": 3, "I": 4}[kind], len(values))
        entries += packed.ljust(struct.calcsize(word), b"\0")
    start = len(data)
    data += struct.pack(order + ("Q" if big else "H"), len(tags)) + entries + struct.pack(order + word, 0)
    struct.pack_into(order + word, data, 8 if big else 4, start)
    name = f"{number:04}.tif"
    number += 1
    (folder / name).write_bytes(data)
    return name


for size in [(29, 37), (64, 48), (2, 200)]:
    bits = rng.random(size) > 0.6
    grey = rng.integers(0, 256, size, dtype=np.uint8)
    colours = Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8))
    black_and_white = Image.fromarray(bits)
    pictures = [black_and_white.convert(mode) for mode in ("1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr")]
    for values in (bits * np.uint16(1), bits * np.uint16(65535), bits * np.int32(70000), bits * np.float32(1),
                   bits * np.uint8(1), grey, grey * np.uint16(251), grey / np.float32(7)):
        pictures.append(Image.fromarray(values))
    pictures += [colours, colours.convert("CMYK"), colours.quantize(16), black_and_white.convert("RGB").quantize(2)]
    for picture in pictures:
        for ending in ("png", "bmp", "gif", "pbm", "pgm", "ppm", "tif"):
            # Fractions in PFM, which Pillow writes under these names too, are none of ours.
            if not (picture.mode == "F" and ending != "tif"):
                saved(picture, ending)
        saved(picture, "webp", lossless=True)
        for compression in ("tiff_lzw", "packbits", "tiff_adobe_deflate", "tiff_deflate", "zstd"):
            saved(picture, "tif", compression=compression)
            saved(picture, "tif", compression=compression, tiffinfo={278: 5})
            # PackBits with a predictor is refused: libtiff and tifffile read it differently.
            if compression != "packbits":
                saved(picture, "tif", compression=compression, tiffinfo={317: 2})
        saved(picture, "tif", compression="tiff_lzw", big_tiff=True)
    for compression in ("group3", "group4", "tiff_ccitt", "tiff_lzw", "packbits"):
        for info in ({}, {266: 2}, {262: 0}, {262: 1}, {278: 5}, {278: 5, 266: 2}):
            saved(black_and_white, "tif", compression=compression, tiffinfo=info)
    for options in (1, 4, 5):
        saved(black_and_white, "tif", compression="group3", tiffinfo={292: options})

    height, width = size
    rows = np.packbits(bits, axis=1).tobytes()
    swapped = np.packbits(bits, axis=1, bitorder="little").tobytes()
    for order in "<>":
        for orientation in range(1, 9):
            expect(tiff(bits, {274: [orientation]}, [rows], order=order))
        expect(tiff(bits, {266: [2]}, [swapped], order=order))
        expect(tiff(bits, {262: [0], 278: [2**32 - 1]}, [rows], order=order))
        expect(tiff(bits, {262: [3], 320: [0, 65535] * 3}, [rows], order=order))
        # Pillow takes a BigTIFF of this byte order for none.
        expect(tiff(bits, {}, [rows], big=True, order=order), bits if order == ">" else None)
        floats = bits.astype(order + "f4").tobytes()
        expect(tiff(bits, {258: [32], 339: [3]}, [floats], order=order))
        # Pillow has no whole numbers of 64 bits.
        for kind, sample in (("i8", 2), ("u8", 1)):
            expect(tiff(bits, {258: [64], 339: [sample]}, [bits.astype(order + kind).tobytes()], order=order), bits)
    for depth in (2, 4):
        repeated = np.packbits(np.repeat(bits, depth, axis=1), axis=1).tobytes()
        expect(tiff(bits, {258: [depth]}, [repeated]))
    opaque = np.dstack([bits * np.uint8(255), np.full(size, 255, np.uint8)])
    expect(tiff(bits, {258: [8, 8], 277: [2], 338: [2]}, [opaque.tobytes()]))
    # Planes apart, in tiles of 16 x 16 and in strips.
    down, across = -(-height // 16), -(-width // 16)
    sheet = np.zeros((16 * down, 16 * across), np.uint8)
    sheet[:height, :width] = bits * 255
    tiles = [sheet[16 * y : 16 * y + 16, 16 * x : 16 * x + 16].tobytes() for y in range(down) for x in range(across)]
    planes = {258: [8] * 3, 262: [2], 277: [3], 284: [2]}
    expect(tiff(bits, {**planes, 322: [16], 323: [16]}, tiles * 3, tiled=True))
    expect(tiff(bits, planes, [(bits * np.uint8(255)).tobytes()] * 3))

# Longer than a decoder takes.
wide = np.zeros((3, 70_000), bool)
wide[1, ::7] = True
for picture in (wide, wide.T):
    saved(Image.fromarray(picture), "bmp")
    saved(Image.fromarray(picture * np.uint8(255)).convert("RGB"), "bmp")
    saved(Image.fromarray(picture), "tif", compression="group4")
