"""Describes the machine and the versions with which the benchmark ran."""

import importlib.metadata
import os
import platform
import sys
import time
from pathlib import Path

_PACKAGES = [
    "bitnpz", "numpy", "array-record", "blosc2", "datasets", "h5py", "hdf5plugin", "imagecodecs", "lmdb", "mmap-ninja", "pillow",
    "pyarrow", "pylance", "safetensors", "webdataset", "zarr", "zstandard",
]  # fmt: skip


def describe(folder):
    return {
        "processor": _after("/proc/cpuinfo", "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "memory": _after("/proc/meminfo", "MemTotal"),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "file_system": file_system(folder),
        "date": time.strftime("%Y-%m-%d"),
        "load": round(os.getloadavg()[0], 1),
        "arguments": [Path(argument).name for argument in sys.argv[1:]],
        "versions": {name: version for name in _PACKAGES if (version := _version(name))},
    }


def file_system(folder):
    """Returns the kind of the file system that a folder is on."""
    mounts = (line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines())
    above = [(len(point), kind) for point, kind in mounts if Path(folder).resolve().is_relative_to(point)]
    return max(above)[1]


def _after(path, name):
    """Returns what follows a name and a colon in a file of the system."""
    for line in Path(path).read_text().splitlines():
        if line.startswith(name):
            return line.split(":", 1)[1].strip()
    return "unknown"


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
