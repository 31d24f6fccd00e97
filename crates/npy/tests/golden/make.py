"""Writes the golden files with NumPy. Run in this folder: python make.py"""

from pathlib import Path

import numpy as np
from numpy.lib import format as npy

HERE = Path(__file__).parent


def values(dtype, count):
    """Returns items of any dtype, the same each time."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return np.arange(count) % 3 == 0
    if dtype.kind in "SU":
        return np.array([("item %d \xe9" if dtype.kind == "U" else "item %d") % i for i in range(count)]).astype(dtype)
    if dtype.kind == "V":
        raw = (np.arange(count * dtype.itemsize) % 251).astype(np.uint8)
        return np.frombuffer(raw.tobytes(), dtype)
    return np.arange(count).astype(dtype)


def save(name, array, version=None):
    with open(HERE / (name + ".npy"), "wb") as file:
        npy.write_array(file, array, version=version, allow_pickle=False)


SCALARS = "b1 i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8 c16 S5 U9 V3 M8[ns] m8[25s]".split()
for scalar in SCALARS:
    for order in "<>":
        dtype = np.dtype(order + scalar)
        if order == ">" and dtype == np.dtype("<" + scalar):
            continue
        name = scalar.replace("[", "_").replace("]", "")
        save(f"{name}_{'big' if order == '>' else 'little'}", values(dtype, 6).reshape(2, 3))

save("zero_dimensions", np.array(3.5))
save("empty", np.zeros((0, 4), np.int16))
save("empty_strings", np.array(["", ""]))
save("one_dimension", np.arange(5))
save("dimensions_64", np.ones((1,) * 64, np.uint8))
save("fortran", np.asfortranarray(np.arange(24, dtype="<i4").reshape(2, 3, 4)))
save("version_2", np.arange(3), (2, 0))
save("version_3", np.arange(3), (3, 0))
save("unicode_field", np.zeros(2, [("\u540d\u524d", "<f4")]))
save("latin_field", np.zeros(2, [("caf\xe9", "<f4")]))
save("quoted_field", np.zeros(2, [("it's", "<f4"), ("back\\slash", "<f4"), ("new\nline", "i1")]))
save("many_fields", np.zeros(1, [("field number %d" % i, "<f4") for i in range(3000)]))
point = np.dtype([("x", "<f4"), ("y", ">i2", (2, 3)), ("s", "S3")])
save("record", values(point, 3))
save("nested", values(np.dtype([("p", point), ("q", [("r", "?"), ("t", "<M8[D]")], 2)]), 2))
save("aligned", values(np.dtype([("a", "i1"), ("b", "<f8"), ("c", "i1")], align=True), 2))
save("titles", values(np.dtype([(("A title", "a"), "<f4"), ("b", "i1")]), 2))
