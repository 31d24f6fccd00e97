"""What arrays can do, for what lies in a file: it is read as a whole, and the array does it."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
from numpy.lib.mixins import NDArrayOperatorsMixin

from ._errors import InputError

Array = np.ndarray[Any, np.dtype[Any]]

#: Methods and attributes of arrays that change nothing.
_READING = frozenset(
    "T mT all any argmax argmin argpartition argsort astype choose clip compress conj conjugate copy cumprod cumsum diagonal dot "
    "dump dumps flat flatten imag max mean min nonzero prod ptp ravel real repeat reshape round searchsorted squeeze std "
    "sum swapaxes tobytes tofile tolist trace transpose var view".split()
)


class ArrayArithmetic(NDArrayOperatorsMixin):
    """Operators, NumPy's functions and the methods of arrays, on the array that `numpy.asarray` gives."""

    @property
    @abstractmethod
    def _name(self) -> str:
        """What messages call the file."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if any(isinstance(out, ArrayArithmetic) for out in options.get("out", ())):
            self._refuse_to_change()
        arrays = [np.asarray(one) if isinstance(one, ArrayArithmetic) else one for one in inputs]
        return getattr(ufunc, method)(*arrays, **options)

    def __getattr__(self, name: str) -> Any:
        if name not in _READING:
            if not name.startswith("_") and hasattr(np.ndarray, name):
                raise AttributeError(
                    f"{self._name}: these images lie in the file and have no {name!r}; np.asarray(images) is an array that has"
                )
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        if not callable(getattr(np.ndarray, name, None)):
            return getattr(np.asarray(self), name)

        def method(*arguments: Any, **options: Any) -> Any:
            return getattr(np.asarray(self), name)(*arguments, **options)

        method.__name__, method.__doc__ = name, getattr(np.ndarray, name).__doc__
        return method

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(name for name in _READING if hasattr(np.ndarray, name))})

    def __dlpack__(self, **options: Any) -> Any:
        """The array, for `torch.as_tensor`, `jax.numpy.from_dlpack` and others of the array API."""
        if options.pop("copy", None) is False:
            raise BufferError(f"{self._name}: images are decoded, so an array of them is a copy; expected copy=None or True")
        return np.asarray(self).__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0

    def __bool__(self) -> bool:
        raise InputError(
            f"{self._name}: the truth value of an array is ambiguous: len(images) > 0 tells whether there are images, "
            "images.any() whether a pixel is set"
        )

    def __contains__(self, value: object) -> bool:
        return bool(np.any(np.asarray(self) == value))

    def __setitem__(self, key: object, value: npt.ArrayLike) -> None:
        self._refuse_to_change()

    def _refuse_to_change(self) -> NoReturn:
        raise InputError(
            f"{self._name}: these images lie in the file and are read-only: change np.asarray(images), and save it"
        )

    # As of tensors: they are compared pixel by pixel, and told apart as objects.
    __hash__ = object.__hash__
