"""Models that archives share: for archives that many processes write."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from . import _bitnpz
from ._arrays import to_array, to_items
from ._errors import InputError
from ._images import Images
from ._options import Codec, Effort, check_number, check_options


class Model:
    """What a codec has learnt from images, for archives of images like these. It can be pickled.

    Parameters
    ----------
    data : bytes
        The bytes of a model, as `bytes(model)` returns them.

    Attributes
    ----------
    codec : str
        The codec that the model is for.

    See Also
    --------
    train : trains a model.

    Examples
    --------
    >>> model = bitnpz.train(np.random.default_rng(0).random((1000, 28, 28)) < 0.1)
    >>> bitnpz.Model(bytes(model)) == model
    True
    """

    def __init__(self, data: bytes) -> None:
        self._data = bytes(data)
        self.codec: str = _bitnpz._model_codec(self._data)

    def __bytes__(self) -> bytes:
        return self._data

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and self._data == other._data

    def __hash__(self) -> int:
        return hash(self._data)

    def __repr__(self) -> str:
        return f"<bitnpz.Model of the codec {self.codec}, {len(self._data):,} bytes>"


def train(
    images: npt.ArrayLike | Images,
    *,
    total: int | None = None,
    axes: str | None = None,
    codec: Codec | None = None,
    effort: Effort = "balanced",
    threads: int | None = None,
) -> Model:
    """Trains a model on a sample of images, for archives that are written apart, as by many processes.

    With `Writer(model=...)` no process trains a model of its own, each archive is small from its first image on, and archives that
    are merged have the model once.

    Parameters
    ----------
    images : array_like
        A stack of images with at most two values, drawn at random from all images.
    total : int, optional
        The number of images in each archive. For more images the model may be larger. Default: ten times those given.
    axes : str, optional
        See `Writer.add_images`. The first axis besides height and width counts the images; without `axes` it must be the first of
        all.
    codec, effort, threads
        See `Writer`.

    Returns
    -------
    Model

    Raises
    ------
    InputError
        If the array is not a stack of images, or has more than two values.

    Examples
    --------
    >>> images = np.random.default_rng(0).random((3000, 28, 28)) < 0.1
    >>> model = bitnpz.train(images[:1000])
    >>> for part in range(3):
    ...     bitnpz.save(f"part-{part}", {"glyphs": images[1000 * part : 1000 * (part + 1)]}, model=model)
    """
    check_options(None, codec, effort, None, threads)
    array, axes = _stack(to_array("images", images), axes)
    check_number("total", total, 2**40)
    total = 10 * len(array) if total is None else total
    return Model(_bitnpz._train(to_items(array), total, axes, codec, effort, threads))


def _stack(array: np.ndarray[Any, Any], axes: str | None) -> tuple[np.ndarray[Any, Any], str | None]:
    """Returns images whose first axis counts them, and their axes."""
    if array.ndim < (3 if axes is None else 2):
        raise InputError(f"images: expected images, a stack of shape (n, height, width), found shape {array.shape}")
    if axes is None or not len(axes) == len(set(axes)) == array.ndim or not {"H", "W"} <= set(axes):
        # What is wrong with axes the compiled half says.
        return array, axes
    order = [place for place, letter in enumerate(axes) if letter not in "HW"] + [axes.index("H"), axes.index("W")]
    return array.transpose(order), "".join(axes[place] for place in order)
