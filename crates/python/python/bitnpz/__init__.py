"""Stores millions of small black-and-white images in NumPy `.npz` archives: small, fast to read at random, safe.

`savez`, `savez_compressed` and `load` replace NumPy's. `save` and `Writer` write image sets, which are much smaller; `load`
returns their images as `Images`, which behaves like an array on disk. `Loader` yields shuffled batches, `bitnpz.torch` tensors.

Examples
--------
>>> stack = np.random.default_rng(0).random((1000, 28, 28)) < 0.1
>>> bitnpz.save("training.npz", {"glyphs": stack, "outputs": np.arange(1000)})
>>> archive = bitnpz.load("training.npz")
>>> archive["outputs"][17], archive["glyphs"][17].shape, archive["glyphs"][[5, 3, 9]].dtype
(np.int64(17), (28, 28), dtype('bool'))
"""

from ._archive import NpzFile
from ._bitnpz import __version__
from ._damage import Problem, Salvage, clean, salvage
from ._errors import (
    ClosedError,
    DamagedError,
    EmptyFileError,
    Error,
    FileChangedError,
    FileError,
    FileMissingError,
    FilePermissionError,
    FilePresentError,
    FileTruncatedError,
    InputError,
    InternalError,
    KeyTypeError,
    LimitError,
    NoMemoryError,
    NoSuchImageError,
    NoSuchKeyError,
    StorageWarning,
)
from ._forks import prepare_for_forks
from ._images import Images, Sheet
from ._load import load
from ._loader import Loader
from ._merge import merge, split
from ._model import Model, train
from ._progress import Progress
from ._save import Writer, save, savez, savez_compressed
from ._sharded_file import Shard, ShardedFile
from ._shards import commit, gc, shard, shard_path
from ._store_options import StoreOptions
from ._stored_array import StoredArray

__all__ = [
    "ClosedError",
    "DamagedError",
    "EmptyFileError",
    "Error",
    "FileChangedError",
    "FileError",
    "FileMissingError",
    "FilePermissionError",
    "FilePresentError",
    "FileTruncatedError",
    "Images",
    "InputError",
    "InternalError",
    "KeyTypeError",
    "LimitError",
    "Loader",
    "Model",
    "NoMemoryError",
    "NoSuchImageError",
    "NoSuchKeyError",
    "NpzFile",
    "Problem",
    "Progress",
    "Salvage",
    "Shard",
    "ShardedFile",
    "Sheet",
    "StorageWarning",
    "StoreOptions",
    "StoredArray",
    "Writer",
    "__version__",
    "clean",
    "commit",
    "gc",
    "load",
    "merge",
    "salvage",
    "save",
    "savez",
    "savez_compressed",
    "shard",
    "shard_path",
    "split",
    "train",
]

prepare_for_forks()
