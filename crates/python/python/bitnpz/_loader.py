"""Batches for training, shuffled anew in every epoch."""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Generic, Literal, TypeVar, overload

import numpy as np
import numpy.typing as npt

from . import _bitnpz
from ._arithmetic import Array
from ._block_items import BlockItems
from ._errors import InputError
from ._file_array import IndexArray
from ._forks import Process
from ._images import Images
from ._stored_array import StoredArray
from ._windows import Window, Windows

#: The attributes that decide which images a batch holds: a saved state must agree with them.
_ORDER_ATTRIBUTES = ("length", "batch_size", "shuffle", "seed", "drop_last", "rank", "world_size", "block", "window")

#: A random order of all images, or of blocks of them.
Order = _bitnpz.Shuffle | _bitnpz.BlockShuffle

#: What batches are made of.
Source = Images | StoredArray | Array

Batch = TypeVar("Batch")


class Loader(Generic[Batch]):
    """Yields batches of images, and of arrays that belong to them, while the next ones are read in the background.

    Each iteration is an epoch. Its order depends on the seed and the epoch only. It is computed, not stored: it takes no memory,
    however many images there are.

    Parameters
    ----------
    images : Images, StoredArray or array_like
    *arrays : Images, StoredArray or array_like
        Arrays of the same length, such as labels or masks. Each batch comes with their items at its indices. `Images` are read batch
        by batch, and so is a `StoredArray` if the order is that of the file or of blocks. All of it is read at once with
        `shuffle=True`.
    batch_size : int
        The number of images in a batch.
    shuffle : bool or "blocks"
        Whether to yield images in a random order, a new one in each epoch. With "blocks", blocks of consecutive images are in
        random order, and the images of a window of some blocks are mixed: each block is read once, which a store answers with
        few requests, if a window takes at most 16 MiB of the file, and a disk without seeking. With False, as many images are
        requested at a time; in both cases those of the next window while the images of one are read.
    seed : int
        The seed of the random orders.
    drop_last : bool
        Whether to drop the last batch if it is not full.
    dtype : dtype, optional
        The dtype of the images in a batch. Default: the one in which they were saved.
    packed : bool
        Whether to yield images as packed rows; `bitnpz.torch.unpack` unpacks them on another device.
    prefetch : int
        The number of batches to read ahead; 0 reads each when it is asked for.
    rank, world_size : int
        This loader's number, from 0, and the number of all loaders with the same seed, which share the images between them. With
        `drop_last` all yield the same number of batches.
    block, window : int
        With `shuffle="blocks"`, the number of images in a block, and the number of blocks whose images are mixed. Neighbours in a
        batch come from the same block with a probability of 1 / `window`; else they are as far apart in the archive as any two
        images. In an archive that is sorted by label, a batch has images from at most `window` places, and so fewer labels than
        with True.

    Attributes
    ----------
    epoch : int
        The number of the current epoch, from 0. Setting it makes the next iteration this epoch, from its start.

    Examples
    --------
    >>> glyphs = np.random.default_rng(0).random((1000, 16, 16)) < 0.2
    >>> bitnpz.save("training.npz", {"glyphs": glyphs, "outputs": np.arange(1000)})
    >>> archive = bitnpz.load("training.npz")
    >>> loader = bitnpz.Loader(archive["glyphs"], archive["outputs"], batch_size=256, shuffle=True, seed=7)
    >>> for images, outputs in loader:
    ...     assert (images == glyphs[outputs]).all()
    >>> len(loader), images.shape
    (4, (232, 16, 16))
    """

    @overload
    def __init__(
        self: Loader[Array],
        images: Images | npt.ArrayLike,
        /,
        *,
        batch_size: int = 256,
        shuffle: bool | Literal["blocks"] = False,
        seed: int = 0,
        drop_last: bool = False,
        dtype: npt.DTypeLike | None = None,
        packed: bool = False,
        prefetch: int = 2,
        rank: int = 0,
        world_size: int = 1,
        block: int = 4096,
        window: int = 16,
    ) -> None: ...

    @overload
    def __init__(
        self: Loader[tuple[Array, ...]],
        images: Images | npt.ArrayLike,
        first: Images | npt.ArrayLike,
        /,
        *arrays: Images | npt.ArrayLike,
        batch_size: int = 256,
        shuffle: bool | Literal["blocks"] = False,
        seed: int = 0,
        drop_last: bool = False,
        dtype: npt.DTypeLike | None = None,
        packed: bool = False,
        prefetch: int = 2,
        rank: int = 0,
        world_size: int = 1,
        block: int = 4096,
        window: int = 16,
    ) -> None: ...

    def __init__(
        self,
        images: Images | npt.ArrayLike,
        *arrays: Images | npt.ArrayLike,
        batch_size: int = 256,
        shuffle: bool | Literal["blocks"] = False,
        seed: int = 0,
        drop_last: bool = False,
        dtype: npt.DTypeLike | None = None,
        packed: bool = False,
        prefetch: int = 2,
        rank: int = 0,
        world_size: int = 1,
        block: int = 4096,
        window: int = 16,
    ) -> None:
        if isinstance(images, Mapping):
            raise InputError("images: expected images, found an archive: Loader(archive[key], archive[other_key])")
        if not isinstance(seed, (int, np.integer)):
            raise InputError(f"seed: expected an int, so that the order can be repeated, found {type(seed).__name__}")
        if shuffle not in (True, False, "blocks"):
            raise InputError(f'shuffle: expected True, False or "blocks", found {shuffle!r}')
        if shuffle != "blocks":
            # 1 and NumPy's True are True, too.
            shuffle = bool(shuffle)
        try:
            # Those of NumPy are no numbers of JSON.
            batch_size, prefetch, rank, world_size, block, window = map(
                operator.index, (batch_size, prefetch, rank, world_size, block, window)
            )
        except TypeError as error:
            raise InputError(f"expected whole numbers of batches, parts and blocks: {error}") from None
        if batch_size < 1 or prefetch < 0 or not 0 <= rank < world_size or block < 1 or window < 1:
            raise InputError(
                "expected batch_size >= 1, prefetch >= 0, 0 <= rank < world_size, block >= 1 and window >= 1, found "
                f"batch_size={batch_size}, prefetch={prefetch}, rank={rank}, world_size={world_size}, block={block}, window={window}"
            )
        given = check_lengths(images, arrays)
        if shuffle is True:
            # An item here and there takes reading a part of many items each.
            given = [whole(array) for array in given]
        self.images, *others = given
        self.arrays = tuple(others)
        if any(isinstance(array, Images) and array.is_ragged for array in (self.images, *self.arrays)):
            raise InputError(
                "images: expected images of one size, found several sizes, which do not fit in one array: "
                "bitnpz.torch.Dataset yields them one by one"
            )
        if packed and not isinstance(self.images, Images):
            raise InputError("packed: expected Images, found an array: pass np.packbits(images, axis=-1) instead")
        self.length = len(self.images)
        self.batch_size, self.shuffle, self.seed, self.drop_last = batch_size, shuffle, int(seed), bool(drop_last)
        self.dtype, self.packed, self.prefetch = dtype, packed, prefetch
        self.rank, self.world_size = rank, world_size
        self.block, self.window = block, window
        self._epoch = 0
        self._window_images = min(block, max(self.length, 1)) * window
        #: The number of batches of this epoch that have been yielded.
        self._yielded = 0
        #: The epoch and the batch with which the next iteration starts.
        self._next = (0, 0)

    def __len__(self) -> int:
        """Returns the number of batches in an epoch."""
        if self.drop_last:
            return self.length // self.world_size // self.batch_size
        return -(-self._count() // self.batch_size)

    def _count(self) -> int:
        """Returns the number of images of this rank."""
        return max(-(-(self.length - self.rank) // self.world_size), 0)

    @property
    def epoch(self) -> int:
        """The number of the current epoch."""
        return self._epoch

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        if not isinstance(epoch, (int, np.integer)) or epoch < 0:
            raise InputError(f"epoch: expected an int of 0 or more, found {epoch!r}")
        self._start_at(int(epoch), 0)

    def _start_at(self, epoch: int, batch: int) -> None:
        """Makes the next iteration start with this batch."""
        self._next = self._epoch, self._yielded = epoch, batch

    def __iter__(self) -> Iterator[Batch]:
        epoch, first = self._next
        self._start_at(epoch, first)
        self._next = (epoch + 1, 0)
        return self._batches(epoch, first)

    def _batches(self, epoch: int, first: int) -> Iterator[Any]:
        order = self._order(epoch)
        numbers = range(first, len(self))
        if self.prefetch == 0:
            process, reading = Process(), _Reading(self)
            for number in numbers:
                if not process.is_current():
                    process, reading = Process(), _Reading(self)
                batch = self._batch(reading, order, number)
                self._note_yielded(epoch, number)
                yield batch
            return
        waiting: deque[Future[Any]] = deque()
        process, background = Process(), None
        try:
            for number in numbers:
                if background is None or not process.is_current():
                    # One thread keeps the batches in order, and decoding one uses all cores. A forked child that continues its
                    # parent's iterator has no such thread: it starts its own, which reads the batches ahead again.
                    process, background = Process(), ThreadPoolExecutor(1, thread_name_prefix="bitnpz-loader")
                    reading = _Reading(self)
                    waiting.clear()
                    ahead = iter(range(number, numbers.stop))
                while len(waiting) <= self.prefetch and (next_number := next(ahead, None)) is not None:
                    waiting.append(background.submit(self._batch, reading, order, next_number))
                batch = waiting.popleft().result()
                self._note_yielded(epoch, number)
                yield batch
        finally:
            if background is not None and process.is_current():
                background.shutdown(wait=False, cancel_futures=True)

    def _note_yielded(self, epoch: int, number: int) -> None:
        # Another epoch may have been chosen during this one.
        if epoch == self._epoch:
            self._yielded = number + 1

    def _order(self, epoch: int) -> Order | None:
        seed = seed_of(self.seed, epoch)
        if self.shuffle == "blocks":
            return _bitnpz.BlockShuffle(self.length, seed, self.block, self.window)
        return _bitnpz.Shuffle(self.length, seed) if self.shuffle else None

    def _indices(self, reading: _Reading, order: Order | None, number: int) -> IndexArray:
        stop = min((number + 1) * self.batch_size, self._count())
        if isinstance(order, _bitnpz.BlockShuffle):
            # Each rank has windows of its own, so that it reads no blocks of others but at its ends.
            first = self.rank * (self.length // self.world_size) + min(self.rank, self.length % self.world_size)
            start, last = first + number * self.batch_size, first + stop - 1
            if start <= last:
                # The last images of a batch may be in the next window.
                self._enter(reading, order.window, last, first + self._count())
            return order.take(start, first + stop)
        positions = (self.rank + number * self.batch_size * self.world_size, self.rank + (stop - 1) * self.world_size + 1)
        if order is None:
            if positions[0] < positions[1]:
                self._enter(reading, self._window, positions[1] - 1, self.length)
            return np.arange(*positions, self.world_size, dtype=np.int64)
        return order.take(*positions, self.world_size)

    def _window(self, position: int) -> Window:
        """Returns the window of an image if images are not shuffled."""
        start = position // self._window_images * self._window_images
        return [(start, min(start + self._window_images, self.length))]

    def _enter(self, reading: _Reading, window: Callable[[int], Window], position: int, stop: int) -> None:
        """Requests the window of a position from a store, and the one after it, if it begins before `stop`."""
        if reading.windows is not None:
            following = position + self._window_images
            reading.windows.enter(window(position), window(following) if following < stop else [])

    def _batch(self, reading: _Reading, order: Order | None, number: int) -> Any:
        indices = self._indices(reading, order, number)
        images = reading.images(indices)
        return (images, *(take(indices) for take in reading.arrays)) if self.arrays else images

    def state_dict(self) -> dict[str, Any]:
        """Returns the position, from which `load_state_dict` of another loader continues, even within an epoch."""
        return {"epoch": self.epoch, "batch": self._yielded, **{name: getattr(self, name) for name in _ORDER_ATTRIBUTES}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Makes the next iteration continue after the last batch that the other loader yielded.

        Raises
        ------
        InputError
            If the other loader has other batches than this one.

        Examples
        --------
        >>> loader = bitnpz.Loader(np.arange(10), batch_size=3, shuffle=True)
        >>> batches = iter(loader)
        >>> first, state = next(batches), loader.state_dict()
        >>> resumed = bitnpz.Loader(np.arange(10), batch_size=3, shuffle=True)
        >>> resumed.load_state_dict(state)
        >>> all((one == other).all() for one, other in zip(batches, resumed))
        True
        """
        for name in _ORDER_ATTRIBUTES:
            expected, found = getattr(self, name), state.get(name)
            if found != expected:
                raise InputError(f"expected the state of a loader with {name}={expected}, found {found}")
        try:
            epoch, yielded = operator.index(state["epoch"]), operator.index(state["batch"])
        except (KeyError, TypeError):
            epoch = yielded = -1
        if epoch < 0 or yielded < 0:
            raise InputError(f"expected a state that state_dict returned, found {state}")
        self._start_at(*((epoch + 1, 0) if yielded >= len(self) else (epoch, yielded)))

    def __repr__(self) -> str:
        blocks = f" in blocks of {self.block}" if self.shuffle == "blocks" else ""
        order = f"shuffled{blocks} by seed {self.seed}" if self.shuffle else "in order"
        part = f", part {self.rank} of {self.world_size}" if self.world_size > 1 else ""
        return f"Loader of {self.length} images, {len(self)} batches of {self.batch_size}, {order}{part}"


class _Reading:
    """What one iteration of a loader keeps between batches."""

    def __init__(self, loader: Loader[Any]) -> None:
        self.windows = Windows(loader.images) if isinstance(loader.images, Images) else None
        #: The functions that read the images, and the items of each array, of a batch.
        self.images = _reader(loader, loader.images, loader.dtype, packed=loader.packed)
        self.arrays = [_reader(loader, array) for array in loader.arrays]


def _reader(
    loader: Loader[Any], array: Source, dtype: npt.DTypeLike | None = None, *, packed: bool = False
) -> Callable[[IndexArray], Array]:
    """Returns the function that reads the items of a batch."""
    if isinstance(array, StoredArray) and loader.shuffle == "blocks":
        items = BlockItems(array, min(loader.block, max(len(array), 1)), loader.window)
        return lambda indices: _converted(items.take(indices), dtype)
    return partial(read_items, array, dtype=dtype, packed=packed)


def check_lengths(images: Images | npt.ArrayLike, arrays: Sequence[Images | npt.ArrayLike]) -> list[Source]:
    """Checks that arrays have as many items as there are images. Returns all of them, each as it is read."""
    all_arrays = (images, *arrays)
    given: list[Source] = [array if isinstance(array, (Images, StoredArray)) else np.asarray(array) for array in all_arrays]
    for number, array in enumerate(given):
        name = f"arrays[{number - 1}]" if number else "images"
        if array.ndim == 0:
            raise InputError(f"{name}: expected an array or Images, found {all_arrays[number]!r}")
        if len(array) != len(given[0]):
            raise InputError(f"{name}: expected as many items as images, {len(given[0])}, found {len(array)}")
    return given


def whole(array: Source) -> Images | Array:
    """Returns images as they are, and all items of any other array."""
    return np.asarray(array) if isinstance(array, StoredArray) else array


def read_items(array: Source, indices: IndexArray, dtype: npt.DTypeLike | None = None, *, packed: bool = False) -> Array:
    """Returns the items of images or of an array at these indices."""
    if isinstance(array, Images):
        return array.take(indices, dtype=dtype, packed=packed)
    return _converted(array[indices], dtype)


def _converted(items: Array, dtype: npt.DTypeLike | None) -> Array:
    return items if dtype is None else items.astype(dtype, copy=False)


def seed_of(seed: int, epoch: int) -> int:
    """Returns the seed of an epoch's order, which differs for any two pairs of seed and epoch."""
    return int(np.random.SeedSequence(seed & (2**64 - 1), spawn_key=(epoch,)).generate_state(1, np.uint64)[0])
