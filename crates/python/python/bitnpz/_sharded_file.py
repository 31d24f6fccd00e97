"""`ShardedFile`: several archives that are read as one."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast

from . import _bitnpz
from ._archive import Access
from ._archive_file import ArchiveFile
from ._damage import Problem
from ._errors import ClosedError, DamagedError, FileChangedError, InputError, NoSuchKeyError
from ._options import MAX_THREADS, check_number
from ._paths import Path, shown
from ._reopen import Call
from ._store_options import StoreOptions
from ._stores import Ranges, disk_cache_of, ranges_of

if TYPE_CHECKING:
    from ._images import Images

#: The end of the names of manifests.
MANIFEST_SUFFIX = ".bitnpz.json"

#: The most bytes that a manifest in a store may have: those of some million shards.
_MAX_MANIFEST_BYTES = 256 << 20

#: More than systems allow a process to have open.
_MAX_OPEN_SHARDS = 2**20


def is_manifest(file: object) -> bool:
    """Returns whether a file is a manifest, by its name."""
    if isinstance(file, os.PathLike):
        file = os.fspath(file)
    if isinstance(file, bytes):
        # The bytes of a file end otherwise.
        return file.endswith(MANIFEST_SUFFIX.encode())
    # What follows in a URL is no part of the name.
    return isinstance(file, str) and (file if "://" not in file else file.split("?")[0]).endswith(MANIFEST_SUFFIX)


@dataclass(frozen=True)
class Shard:
    """An archive that a sharded archive has a part in.

    Attributes
    ----------
    name : str
        The name of the file, which is in the folder of the manifest.
    bytes : int
        The size of the file.
    items : dict
        How many items it has of each array that is cut over the shards, by key; of images with keys of their own by None.
    """

    name: str
    bytes: int
    items: dict[str | None, int]


class ShardedFile(_bitnpz.ShardedArchive, ArchiveFile):
    """Several archives, the *shards*, that are read as one: a read-only mapping from keys to arrays and images.

    Each stack of images is returned as `Images`, and other arrays as `StoredArray`, as long as those of all shards together; an
    array that is the same in all shards as a `numpy.ndarray`. Shards are opened when something is read of them. It is pickled by the
    path of its manifest. If there is another manifest when it is unpickled, the first use raises `FileChangedError`.

    Parameters
    ----------
    file : str or path
        The path or URL of the manifest, `NAME.bitnpz.json`; with `store` its path there.
    access, limits, threads, store, store_options : optional
        See `load`.
    open_shards : int, optional
        How many shards are open at most. Default: 128.

    Attributes
    ----------
    filename : str
        The name of the manifest in messages.
    closed : bool
        Whether the archive has been closed. `Images` taken from it before still work.

    See Also
    --------
    bitnpz.shard : cuts an archive into shards.
    bitnpz.commit : makes archives shards of one.

    Examples
    --------
    >>> stack = np.random.default_rng(0).random((5000, 16, 16)) < 0.1
    >>> bitnpz.save("training.npz", {"glyphs": stack, "outputs": np.arange(5000)})
    >>> bitnpz.shard("training.bitnpz.json", "training.npz", 4)
    >>> archive = bitnpz.load("training.bitnpz.json")
    >>> len(archive.shards), archive["glyphs"].shape, int(archive["outputs"][4999])
    (4, (5000, 16, 16), 4999)
    """

    filename: str
    _source: str | Ranges
    _access: Access
    _limits: dict[str, int] | None
    _threads: int | None
    _open_shards: int | None

    def __new__(
        cls,
        file: Path | Ranges,
        *,
        access: Access = "read",
        limits: dict[str, int] | None = None,
        store: Any = None,
        store_options: StoreOptions | None = None,
        threads: int | None = None,
        open_shards: int | None = None,
    ) -> ShardedFile:
        check_number("threads", threads, MAX_THREADS)
        check_number("open_shards", open_shards, _MAX_OPEN_SHARDS)
        source: str | Ranges
        if (ranges := ranges_of(file, store, store_options)) is not None:
            source, name = ranges, ranges.name
            cache = disk_cache_of(ranges)
            self = super().__new__(cls, read_manifest(ranges), ranges, name, access, limits, threads, cache, open_shards)
        else:
            path = os.fsdecode(cast(Path, file))
            name = shown(path)
            # The working directory may change before a shard is opened, or be another in a worker process.
            source = os.path.abspath(path)
            self = super().__new__(cls, source, None, name, access, limits, threads, None, open_shards)
        self.filename, self._source = name, source
        self._access, self._limits, self._threads, self._open_shards = access, limits, threads, open_shards
        return self

    @property
    def shards(self) -> list[Shard]:
        """The shards, in their order."""
        self._check_open()
        return list(self._shards)

    @cached_property
    def _shards(self) -> list[Shard]:
        # An open archive keeps its manifest, even if that is replaced.
        manifest = json.loads(self._manifest())
        keys = [array.get("key") for array in manifest["arrays"]]
        return [Shard(shard["name"], shard["bytes"], dict(zip(keys, shard["items"], strict=True))) for shard in manifest["shards"]]

    def verify(self, *, fast: bool = False) -> list[Problem]:
        """Checks every shard: that it is the archive that the manifest names, its members, images and checksums. Returns what is
        damaged, with the name of the shard before that of the member.

        Parameters
        ----------
        fast : bool
            Whether to check only headers, directories and descriptions, and no pixels.

        See Also
        --------
        bitnpz.salvage : saves what is intact of a shard.
        """
        found = [(shard, Problem(**problem)) for shard, problem in self._verify(not fast)]
        return [
            replace(problem, member=f"{shard}: {problem.member}", text=f"{shard}: {problem.text}") for shard, problem in found
        ]

    def __iter__(self) -> Iterator[str]:
        yield from self._array_keys()
        for images in self._keyed_images():
            yield from images.keys()

    def __len__(self) -> int:
        return len(self._array_keys()) + sum(len(images) for images in self._keyed_images())

    def images(self, key: str | None = None) -> Images:
        """Returns the images under a key as `Images`.

        Parameters
        ----------
        key : str, optional
            The key of a stack. One image with a key of its own is `archive[key]`. Default: all images with keys of their own.

        Raises
        ------
        NoSuchKeyError
            If there is no such key, or no images with keys of their own.
        InputError
            If it is the key of another array, or of one image with a key of its own.
        """
        try:
            return super().images(key)
        except NoSuchKeyError:
            if key is None or key not in self:
                raise
        raise InputError(
            f"{self.filename}: expected the key of a stack, found {key!r}, that of one image with a key of its own: archive[key] "
            "reads it, and images() returns all such images"
        )

    def close(self) -> None:
        """Closes the archive. `Images` taken from it before still work."""
        # They are pickled with what tells the manifest from others.
        with suppress(ClosedError):
            self._origin()
        super().close()

    def _origin(self) -> Call:
        options = (self._access, self._limits, self._threads, self._open_shards)
        return _open_again, (self._source, *options, self._digest)

    @cached_property
    def _digest(self) -> str:
        """What tells the manifest from others, also once the archive is closed."""
        return sha256(self._manifest().encode()).hexdigest()


def _open_again(
    source: str | Ranges,
    access: Access,
    limits: dict[str, int] | None,
    threads: int | None,
    open_shards: int | None,
    digest: str,
) -> ShardedFile:
    archive = ShardedFile(source, access=access, limits=limits, threads=threads, open_shards=open_shards)
    if archive._digest != digest:
        raise FileChangedError(f"{archive.filename}: expected the manifest that was opened, found another at its path: load it again")
    return archive


def read_manifest(ranges: Ranges) -> bytes:
    """Reads the manifest from a store."""
    length, text = ranges.read_end(1 << 20)
    if length > _MAX_MANIFEST_BYTES:
        raise DamagedError(f"{ranges.name}: expected at most {_MAX_MANIFEST_BYTES} bytes of manifest, found {length}")
    return text if len(text) == length else ranges.read_ranges([0], [length])[0]
