"""Images as PyTorch tensors.

`Images` are a map-style dataset by themselves. The classes of this module yield tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ._arithmetic import Array
from ._errors import InputError
from ._images import Images
from ._loader import Loader, check_lengths, read_items, whole

__all__ = ["Dataset", "Tensors", "unpack"]


def unpack(packed: torch.Tensor, width: int, dtype: torch.dtype = torch.bool) -> torch.Tensor:
    """Unpacks rows that `numpy.packbits(axis=-1)` or `Images.take(packed=True)` packed, on the tensor's own device.

    Parameters
    ----------
    packed : Tensor of uint8, shape (..., ceil(width / 8))
    width : int
        The width in pixels.
    dtype : torch.dtype
        The dtype of the result, whose values are 0 and 1.

    Returns
    -------
    Tensor of shape (..., width)

    Examples
    --------
    >>> import torch, bitnpz.torch
    >>> bitnpz.torch.unpack(torch.tensor([[0b10100000]], dtype=torch.uint8), 3, torch.float32)
    tensor([[1., 0., 1.]])
    """
    shifts = torch.arange(7, -1, -1, dtype=torch.uint8, device=packed.device)
    bits = (packed.unsqueeze(-1) >> shifts) & 1
    return bits.flatten(-2)[..., :width].to(dtype)


class Dataset(torch.utils.data.Dataset[Any]):
    """A map-style dataset of images, and of arrays that belong to them, as tensors.

    Parameters
    ----------
    images : Images or ndarray
        If images differ in size, a `DataLoader` needs a `collate_fn` to batch them.
    *arrays : Images or array_like
        Arrays of the same length, such as labels or masks.
    dtype : dtype, optional
        The dtype of the images. Default: the one in which they were saved.
    transform : callable, optional
        A function that is applied to the tensor of each image.
    indices : array_like of int, or mask, optional
        The images, and items of the arrays, that the dataset consists of: a mask has an item for each image. Default: all.

    Examples
    --------
    >>> import torch, bitnpz.torch
    >>> bitnpz.save("training.npz", {"glyphs": np.zeros((1000, 16, 16), bool), "outputs": np.arange(1000)})
    >>> archive = bitnpz.load("training.npz")
    >>> order = np.random.default_rng(0).permutation(1000)
    >>> training = bitnpz.torch.Dataset(archive["glyphs"], archive["outputs"], dtype=np.float32, indices=order[:800])
    >>> images, outputs = next(iter(torch.utils.data.DataLoader(training, batch_size=32)))
    >>> images.shape, images.dtype, outputs.dtype
    (torch.Size([32, 16, 16]), torch.float32, torch.int64)
    """

    def __init__(
        self,
        images: Images | Array,
        *arrays: npt.ArrayLike | Images,
        dtype: npt.DTypeLike | None = None,
        transform: Callable[[torch.Tensor], Any] | None = None,
        indices: npt.ArrayLike | None = None,
    ) -> None:
        # The order in which items are wanted is not known.
        self.images, *self.arrays = (whole(array) for array in check_lengths(images, arrays))
        if indices is not None:
            self.images, *self.arrays = (_subset(array, indices) for array in (self.images, *self.arrays))
        self.dtype, self.transform = dtype, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Any:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        images = _tensors(self.images, indices, self.dtype)
        if self.transform is not None:
            images = [self.transform(image) for image in images]
        if not self.arrays:
            return images
        return list(zip(images, *(_tensors(array, indices) for array in self.arrays), strict=True))


def _subset(array: Images | Array, indices: npt.ArrayLike) -> Images | Array:
    if isinstance(array, Images):
        return array.subset(indices)
    numbers = np.asarray(indices)
    if numbers.ndim != 1:
        raise InputError(f"indices: expected an array of one dimension, found shape {numbers.shape}")
    items: Array = array[numbers]
    return items


def _tensors(array: Images | Array, indices: Sequence[int], dtype: npt.DTypeLike | None = None) -> list[torch.Tensor]:
    """Returns a tensor of each item at these indices."""
    if isinstance(array, Images) and array.is_ragged:
        return [torch.from_numpy(_native(image)) for image in array._read_each(indices, dtype)]
    return list(torch.from_numpy(_native(read_items(array, np.asarray(indices, np.int64), dtype))))


def _native(array: Array) -> Array:
    """Returns the array in the machine's byte order, the only one that tensors have."""
    return np.ascontiguousarray(array, array.dtype.newbyteorder("="))


class Tensors:
    """Yields the batches of a `Loader` as tensors on a device. Packed images are moved packed, and unpacked on the device: the
    tensors have the shape of batches that are not packed.

    Parameters
    ----------
    loader : Loader
    device : torch.device or str, optional
    dtype : torch.dtype, optional
        The dtype of the images. Default: that of the loader's batches, or bool if they are packed.

    Examples
    --------
    >>> import torch, bitnpz.torch
    >>> bitnpz.save("training.npz", {"glyphs": np.eye(16, dtype=bool)[None].repeat(1000, 0), "outputs": np.arange(1000)})
    >>> archive = bitnpz.load("training.npz")
    >>> loader = bitnpz.Loader(archive["glyphs"], archive["outputs"], batch_size=256, packed=True)
    >>> for images, outputs in bitnpz.torch.Tensors(loader, device="cpu", dtype=torch.float32):
    ...     assert images.shape[1:] == (16, 16) and images.sum() == 16 * len(outputs)
    """

    def __init__(
        self, loader: Loader[Any], device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> None:
        self.loader, self.device, self.dtype = loader, device, dtype

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        for batch in self.loader:
            if self.loader.arrays:
                images, *others = batch
                yield self._images(images), *(torch.from_numpy(_native(other)).to(self.device) for other in others)
            else:
                yield self._images(batch)

    def _images(self, batch: np.ndarray[Any, Any]) -> torch.Tensor:
        tensor = torch.from_numpy(_native(batch)).to(self.device)
        if self.loader.packed:
            images: Any = self.loader.images
            # Packed rows lack the axes of length 1 behind the width.
            width = images.shape[-1 - images._trailing_axes]
            return unpack(tensor, width, self.dtype or torch.bool).reshape(len(batch), *images.shape[1:])
        return tensor if self.dtype is None else tensor.to(self.dtype)

    def state_dict(self) -> dict[str, Any]:
        """Returns the state of the loader."""
        return self.loader.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores the state of the loader."""
        self.loader.load_state_dict(state)
