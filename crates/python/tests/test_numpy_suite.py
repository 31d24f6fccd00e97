"""NumPy's own tests of `savez`, `savez_compressed` and `load`, run on those of bitnpz."""

import numpy as np
import pytest
from numpy.lib.tests import test_io

import bitnpz


@pytest.fixture(autouse=True)
def _ours(monkeypatch, request):
    monkeypatch.setattr(np, "savez", getattr(bitnpz, request.param))
    monkeypatch.setattr(np, "load", bitnpz.load)


@pytest.mark.parametrize("_ours", ["savez", "savez_compressed"], indirect=True)
class TestSavezLoad(test_io.TestSavezLoad):
    #: Objects are not pickled: see `test_objects.py`.
    test_array_object = None

    #: It takes two gigabytes of memory, twice.
    test_big_arrays = None
