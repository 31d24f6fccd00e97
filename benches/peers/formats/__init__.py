"""The formats that are compared, one library per module, so that one that is not installed is the only one that is skipped."""

import importlib

MODULES = [
    "npz", "mapped", "ninja", "safetensors", "hdf5", "zarr", "blosc2", "lmdb", "array_record", "lance", "parquet", "datasets",
    "webdataset", "pillow", "imagecodecs", "ours",
]  # fmt: skip

#: Formats that have no package for Python, and why.
UNAVAILABLE = {"JBIG2": "no package on PyPI has an encoder; docs/compression.md has its sizes"}


def find():
    """Returns the classes of all peers by name, and the formats that are not installed with the reason."""
    peers, missing = {}, dict(UNAVAILABLE)
    for module in MODULES:
        try:
            found = importlib.import_module(f".{module}", __name__).PEERS
        except ImportError as error:
            missing[module] = f"not installed: {error}"
            continue
        peers.update((peer.name, peer) for peer in found)
    return peers, missing
