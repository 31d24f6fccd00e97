"""Writes seeds of the fuzz targets with NumPy: python make_seeds.py"""

import io
import json
import zipfile
from pathlib import Path

import numpy as np

SEEDS = Path(__file__).parent / "seeds"
ARRAYS = {
    "bools": np.eye(5, dtype=bool),
    "big": np.arange(3, dtype=">u2"),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "text": np.array(["a", "bc"]),
    "date": np.array(["2020-01-01"], "M8[D]"),
    "record": np.zeros(2, [("x", "<f4"), (("title", "y"), "i1", (2,))]),
    "scalar": np.array(7),
}


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def archive(method, force_zip64=False, comment=b""):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as z:
        for name, array in list(ARRAYS.items())[:3]:
            with z.open(name + ".npy", "w", force_zip64=force_zip64) as member:
                member.write(npy(array))
        z.writestr("packed.npy", npy(np.packbits(np.eye(5, dtype=bool), axis=-1)))
        kind = {"dtype": "|b1", "values": [False, True], "width": 5}
        index = {"version": 1, "exceptions": {"packed": kind}}
        z.writestr(".bitnpz/packed.json", json.dumps(index))
        z.comment = comment
    return file.getvalue()


for name, array in ARRAYS.items():
    (SEEDS / "npy_header" / name).write_bytes(npy(array))
for name, options in {
    "stored": (zipfile.ZIP_STORED,),
    "deflated": (zipfile.ZIP_DEFLATED,),
    "zip64": (zipfile.ZIP_DEFLATED, True),
    "comment": (zipfile.ZIP_STORED, False, b"a comment"),
}.items():
    (SEEDS / "archive_open" / name).write_bytes(archive(*options))

manifest = {
    "format": "bitnpz sharded archive",
    "version": 1,
    "arrays": [
        {"key": "glyphs", "dtype": "|b1", "values": [False, True], "shape": [3, 28, 28, 1], "trailing": 1},
        {"key": "boxes", "dtype": "[('x', '<f4'), ('y', '<f4', (2,))]", "shape": []},
        {"dtype": "|u1", "values": [0, 255]},
    ],
    "shared": ["names"],
    "shards": [{"name": "glyphs-0.npz", "bytes": 14000, "directory": "0f3c21aa", "items": [100, 300, 7]}],
}
(SEEDS / "manifest").mkdir(exist_ok=True)
(SEEDS / "manifest" / "all").write_text(json.dumps(manifest))
