"""Huge sets of small bilevel images in NumPy `.npz` archives: small, fast to read at random, safe.

`savez`, `savez_compressed` and `load` stand in for NumPy's. `save` and `Writer` make image sets, which take a tenth of the
space; `load` gives them as `Images`, which looks like an array that lies on disk. `Loader` gives shuffled batches,
`bitnpz.torch` gives tensors.

Examples
--------
>>> stack = np.random.default_rng(0).random((1000, 28, 28)) < 0.1
>>> bitnpz.save("training.npz", {"glyphs": stack, "outputs": np.arange(1000)})
>>> archive = bitnpz.load("training.npz")
>>> archive["outputs"][17], archive["glyphs"][17].shape, archive["glyphs"][[5, 3, 9]].dtype
(np.int64(17), (28, 28), dtype('bool'))
"""

import os

from . import _bitnpz
from ._archive import NpzFile, load
from ._bitnpz import __version__
from ._damage import Problem, Salvage, clean, salvage
from ._errors import (
    ClosedError,
    DamagedError,
    Error,
    FileChangedError,
    FileError,
    FileMissingError,
    FilePermissionError,
    FilePresentError,
    InputError,
    InternalError,
    KeyTypeError,
    LimitError,
    NoMemoryError,
    NoSuchImageError,
    NoSuchKeyError,
    StorageWarning,
)
from ._images import Images, Sheet
from ._loader import Loader
from ._progress import Progress
from ._save import Writer, save, savez, savez_compressed

__all__ = [
    "ClosedError",
    "DamagedError",
    "Error",
    "FileChangedError",
    "FileError",
    "FileMissingError",
    "FilePermissionError",
    "FilePresentError",
    "Images",
    "InputError",
    "InternalError",
    "KeyTypeError",
    "LimitError",
    "Loader",
    "NoMemoryError",
    "NoSuchImageError",
    "NoSuchKeyError",
    "NpzFile",
    "Problem",
    "Progress",
    "Salvage",
    "Sheet",
    "StorageWarning",
    "Writer",
    "__version__",
    "clean",
    "load",
    "salvage",
    "save",
    "savez",
    "savez_compressed",
]

if hasattr(os, "register_at_fork"):
    # A child finds nothing half made.
    os.register_at_fork(
        before=_bitnpz._before_fork, after_in_parent=_bitnpz._after_fork, after_in_child=_bitnpz._after_fork
    )
