"""Operators, functions and methods of arrays for those in a file: all items are read, and the array does the rest."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
from numpy.lib.mixins import NDArrayOperatorsMixin

from ._errors import InputError

Array = np.ndarray[Any, np.dtype[Any]]

#: Methods and attributes of arrays that do not change the array.
_READ_ONLY_ATTRIBUTES = frozenset(
    "T mT all any argmax argmin argpartition argsort astype choose clip compress conj conjugate copy cumprod cumsum diagonal "
    "dot dump dumps flat flatten imag max mean min nonzero prod ptp ravel real repeat reshape round searchsorted squeeze std "
    "sum swapaxes tobytes tofile tolist trace transpose var view".split()
)


class ArrayArithmetic(NDArrayOperatorsMixin):
    """Applies operators, NumPy's functions and the methods of arrays to the array that `numpy.asarray(self)` returns."""

    #: What the items are called in messages.
    _items = "images"

    @property
    @abstractmethod
    def _name(self) -> str:
        """The archive's name in messages."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        # The method `at` changes its first operand.
        changed = inputs[:1] if method == "at" else options.get("out", ())
        if any(isinstance(array, ArrayArithmetic) for array in changed):
            self._refuse_to_change()
        arrays = [np.asarray(value) if isinstance(value, ArrayArithmetic) else value for value in inputs]
        return getattr(ufunc, method)(*arrays, **options)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(np.ndarray, name):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        if name not in _READ_ONLY_ATTRIBUTES:
            raise AttributeError(
                f"{self._name}: these {self._items} are in a file and have no {name!r}; np.asarray({self._items}) has it"
            )
        if not callable(getattr(np.ndarray, name)):
            array = np.asarray(self)
            if name == "flat":
                # What is assigned to its items would change the array that was read, and be lost.
                array.flags.writeable = False
            return getattr(array, name)

        def method(*arguments: Any, **options: Any) -> Any:
            return getattr(np.asarray(self), name)(*arguments, **options)

        method.__name__, method.__doc__ = name, getattr(np.ndarray, name).__doc__
        return method

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(name for name in _READ_ONLY_ATTRIBUTES if hasattr(np.ndarray, name))})

    def __dlpack__(self, **options: Any) -> Any:
        """Exports the array to other libraries, such as `torch.as_tensor` and `jax.numpy.from_dlpack`."""
        if options.pop("copy", None) is False:
            raise BufferError(f"{self._name}: expected copy=None or True, as {self._items} that are read are always a copy")
        return np.asarray(self).__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0

    def __bool__(self) -> bool:
        raise InputError(
            f"{self._name}: the truth value of an array is ambiguous: use len({self._items}) > 0 to ask whether there are any, "
            f"{self._items}.any() whether one is not zero"
        )

    def __contains__(self, value: object) -> bool:
        return bool(np.any(np.asarray(self) == value))

    def __setitem__(self, key: object, value: npt.ArrayLike) -> None:
        self._refuse_to_change()

    def _refuse_to_change(self) -> NoReturn:
        raise InputError(
            f"{self._name}: {self._items} in a file are read-only: change np.asarray({self._items}), and save it"
        )

    # `==` compares items, so the hash is that of the object, as for tensors.
    __hash__ = object.__hash__
