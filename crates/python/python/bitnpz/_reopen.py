"""What a pickle of an archive, or of something of one, has to open it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

#: A function, and what to call it with.
Call = tuple[Callable[..., Any], tuple[Any, ...]]


class Unopened(NDArrayOperatorsMixin):
    """Stands for what could not be opened again, such as an archive whose file was replaced: every use raises the error.

    Unpickling raises nothing: a worker of `multiprocessing.Pool` ends if it cannot unpickle a task, and the pool waits for the
    result forever.
    """

    def __init__(self, error: Exception, again: Call) -> None:
        self._error, self._again = error, again

    def _refuse(self, *arguments: object, **options: object) -> NoReturn:
        raise self._error.with_traceback(None)

    def __getattr__(self, name: str) -> Any:
        self._refuse()

    # Python looks these up in the class. `__array_ufunc__` is for operators.
    __array__ = __array_ufunc__ = __array_function__ = _refuse
    __bool__ = __contains__ = __delitem__ = __enter__ = __exit__ = __getitem__ = __iter__ = __len__ = __setitem__ = _refuse
    __hash__ = object.__hash__

    def __reduce__(self) -> tuple[Any, ...]:
        return reopen, self._again

    def __repr__(self) -> str:
        return f"<could not be opened again: {self._error}>"


def reopen(opens: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Opens what was pickled. If that fails, returns what raises the error when it is used."""
    try:
        return opens(*arguments)
    except Exception as error:  # noqa: BLE001
        return Unopened(error, (opens, arguments))


def open_images(archive: Call, key: str | None, number: int, selected: np.ndarray[Any, np.dtype[np.int64]] | None) -> Any:
    """Opens an archive, and returns the images of this key, or of the image set with this number, or some of them."""
    opens, arguments = archive
    opened = opens(*arguments)
    images = opened.image_sets()[number] if key is None else opened.images(key)
    return images if selected is None else images.subset(selected)


def open_array(archive: Call, key: str) -> Any:
    """Opens an archive, and returns the array of this key."""
    opens, arguments = archive
    return opens(*arguments)[key]
