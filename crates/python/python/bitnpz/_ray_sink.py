"""The sink of `bitnpz.ray.write`: a sharded archive, of which each task writes a shard."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from ray.data.block import Block, BlockAccessor
from ray.data.datasource import Datasink

from ._arithmetic import Array
from ._errors import InputError
from ._save import Writer
from ._sharded_file import ShardedFile
from ._shards import commit, shard_path

#: The bytes of pixels that a task converts at a time.
_PIECE_BYTES = 16 << 20


class _Column(NamedTuple):
    """A column of the dataset, as the sample has it."""

    key: str
    is_images: bool
    dtype: np.dtype[Any]
    #: The shape of an item.
    shape: tuple[int, ...]


def found_columns(batch: dict[str, Array], images: Collection[str] | None) -> list[_Column]:
    """Returns the columns of a sample."""
    if missing := sorted(set(images or ()) - set(batch)):
        raise InputError(f"images: expected columns of the dataset, {sorted(batch)}, found {missing}")
    columns = []
    for key, values in batch.items():
        array = _plain(key, values)
        is_images = _is_bilevel(array) if images is None else key in images
        columns.append(_Column(key, is_images, array.dtype, array.shape[1:]))
    return columns


def _is_bilevel(array: Array) -> bool:
    """Returns whether an array is a stack of images with at most two values."""
    if array.ndim < 3 or array.dtype.kind not in "biuf":
        return False
    return array.size == 0 or bool(((array == array.min()) | (array == array.max())).all())


def _plain(key: str, values: Array) -> Array:
    """Returns the items of a column as an array that is not of Python objects."""
    if values.dtype != object:
        return values
    if all(isinstance(value, str) for value in values):
        return values.astype(np.str_)
    shapes = sorted({np.shape(value) for value in values})
    if len(shapes) > 1:
        raise InputError(
            f"{key!r}: expected items of one shape, found {shapes[0]} and {shapes[1]}: pad images to one size, or write those of "
            "each size to an archive of their own"
        )
    raise InputError(f"{key!r}: expected numbers, bools or strings, found {type(values[0]).__name__}: convert the column first")


class Sink(Datasink[Any]):
    """A sharded archive as a sink of Ray Data."""

    def __init__(
        self,
        path: str,
        columns: list[_Column],
        store: Any,
        replaces: ShardedFile | None,
        min_rows: int | None,
        options: dict[str, Any],
    ) -> None:
        self._path, self._columns, self._store = path, columns, store
        self._replaces, self._min_rows, self._options = replaces, min_rows, options

    def get_name(self) -> str:
        return "Bitnpz"

    @property
    def min_rows_per_write(self) -> int | None:
        return self._min_rows

    def on_write_start(self, schema: Any = None) -> None:
        """Does nothing: Ray calls it with a schema or without, depending on its version."""

    def __getstate__(self) -> dict[str, Any]:
        # Tasks need not open the archive that is replaced.
        return {**self.__dict__, "_replaces": None}

    def write(self, blocks: Iterable[Block], ctx: Any) -> tuple[int, str] | None:
        """Writes a shard in a task. Returns the task's number and the shard's path, or None if there are no rows.

        The blocks can be read only once: after an error the task fails, and Ray may run all of it again.
        """
        pieces = (piece for block in blocks for piece in self._pieces(BlockAccessor.for_block(block)))
        piece = next(pieces, None)
        if piece is None:
            return None
        path = shard_path(self._path, ctx.task_idx)
        arrays: dict[str, list[Array]] = {column.key: [] for column in self._columns if not column.is_images}
        with Writer(path, store=self._store, **self._options) as writer:
            while piece is not None:
                for column in self._columns:
                    values = self._values(column, piece[column.key])
                    if column.is_images:
                        writer.extend(column.key, values)
                    else:
                        # A block may be freed before the shard is complete.
                        arrays[column.key].append(values.copy())
                piece = next(pieces, None)
            for key, parts in arrays.items():
                writer.add_array(key, np.concatenate(parts))
        return ctx.task_idx, path

    def _pieces(self, block: Any) -> Iterator[dict[str, Array]]:
        """Yields the rows of a block in pieces, so that bools, which Arrow packs, do not take eight times the block's memory."""
        each = sum(math.prod(column.shape) * column.dtype.itemsize for column in self._columns)
        step = max(_PIECE_BYTES // max(each, 1), 1)
        for start in range(0, block.num_rows(), step):
            piece = BlockAccessor.for_block(block.slice(start, min(start + step, block.num_rows()), copy=False))
            yield piece.to_batch_format("numpy")

    def _values(self, column: _Column, values: Array) -> Array:
        """Checks that items are like those of the sample, as all shards must be."""
        array = _plain(column.key, values)
        if array.dtype.kind == "U" and array.dtype.itemsize <= column.dtype.itemsize:
            array = array.astype(column.dtype)
        if array.dtype != column.dtype or array.shape[1:] != column.shape:
            raise InputError(
                f"{column.key!r}: expected items of {column.dtype} and shape {column.shape}, as in the first rows, found "
                f"{array.dtype} and {array.shape[1:]}"
            )
        return array

    def on_write_complete(self, write_result: Any) -> None:
        """Writes the manifest, on the driver."""
        written = sorted(result for result in write_result.write_returns if result is not None)
        commit(self._path, [path for _, path in written], store=self._store, replaces=self._replaces)

