"""What all open archives have in common, those in one file and sharded ones."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.lib import format as npy

from ._errors import ClosedError, Error, InputError, NoSuchKeyError
from ._reopen import Call, reopen

if TYPE_CHECKING:
    from ._images import Images

#: The number of keys in a repr, as in NumPy's.
REPR_KEYS = 5

#: The number of keys that IPython offers for completion: more would be slow, and nobody reads them.
_COMPLETION_KEYS = 1000

Self = TypeVar("Self", bound="ArchiveFile")


class ArchiveFile(Mapping[str, Any]):
    """An open archive: a read-only mapping from keys to arrays and images."""

    filename: str

    if TYPE_CHECKING:
        # Of the compiled half.
        @property
        def closed(self) -> bool: ...

        def _images(self, key: str) -> Any: ...

        def _keyed_images(self) -> list[Any]: ...

        def _describe(self, key: str) -> tuple[str, list[int]] | None: ...

        def close(self) -> None: ...

    def images(self, key: str | None = None) -> Images:
        """Returns the images under a key as `Images`, whatever their encoding.

        Parameters
        ----------
        key : str, optional
            The key of the images. Default: all images of the archive's image set that have keys of their own.

        Raises
        ------
        NoSuchKeyError
            If there is no such key, or no image set of images with keys of their own.
        InputError
            If the array has more than two values, or if images with keys of their own differ in dtype or values.

        Examples
        --------
        >>> bitnpz.save("named.npz", {f"ix-{i:06}": np.eye(8, k=i % 5) for i in range(100)})
        >>> images = bitnpz.load("named.npz").images()
        >>> images.shape, images.keys()[3], images.dtype
        ((100, 8, 8), 'ix-000003', dtype('float64'))
        """
        if key is not None:
            images: Images = self._images(key)
            return images
        sets = self.image_sets()
        if len(sets) == 1:
            return sets[0]
        if not sets:
            raise NoSuchKeyError(
                f"{self.filename}: expected an image set whose images have keys of their own, found none; "
                "images(key) returns the images under one key"
            )
        kinds = ", ".join(f"{len(images)} of {images.dtype}" for images in sets)
        raise InputError(
            f"{self.filename}: expected one image set whose images have keys of their own, found {len(sets)} ({kinds}); "
            "image_sets() returns them all"
        )

    def image_sets(self) -> list[Images]:
        """Returns the image sets whose images have keys of their own, one for each dtype and pair of values."""
        sets: list[Images] = self._keyed_images()
        return sets

    @property
    def files(self) -> list[str]:
        """The keys as a list. To iterate over the archive itself takes less memory."""
        return list(self)

    @property
    def f(self) -> Attributes:
        """The arrays as attributes, as in NumPy's `NpzFile`."""
        return Attributes(self)

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        kind = type(self).__name__
        if self.closed:
            return f"{kind} {self.filename!r} (closed)"
        try:
            keys = [self._shown(key) for key in islice(self, REPR_KEYS)]
            more = f", ... {len(self):,} in all" if len(self) > REPR_KEYS else ""
        except Error as error:
            # The keys of images are in the shards.
            return f"{kind} {self.filename!r} whose keys cannot be read: {error}"
        return f"{kind} {self.filename!r} with keys: {', '.join(keys)}{more}"

    def _shown(self, key: str) -> str:
        """Returns a key for the repr, with the array's shape and dtype if they can be read."""
        try:
            described = self._describe(key)
        except Error:
            described = None
        if described is None:
            return key
        descr, shape = described
        return f"{key} {tuple(shape)} {np.dtype(npy.descr_to_dtype(ast.literal_eval(descr)))}"

    def _ipython_key_completions_(self) -> list[str]:
        try:
            return list(islice(self, _COMPLETION_KEYS))
        except Error:
            return []

    def _check_open(self) -> None:
        if self.closed:
            raise ClosedError(f"{self.filename}: the archive is closed; load it again")

    def _origin(self) -> Call:
        """Returns what opens the archive again, also once it is closed."""
        raise NotImplementedError

    def __reduce__(self) -> tuple[Any, ...]:
        self._check_open()
        return reopen, self._origin()

    __eq__ = object.__eq__
    __hash__ = object.__hash__


class Attributes:
    """The arrays of an archive as attributes."""

    def __init__(self, archive: ArchiveFile) -> None:
        self._archive = archive

    def __getattribute__(self, name: str) -> Any:
        archive = object.__getattribute__(self, "_archive")
        try:
            return archive[name]
        except KeyError:
            raise AttributeError(name) from None

    def __dir__(self) -> Iterator[str]:
        return iter(object.__getattribute__(self, "_archive"))
