"""NumPy's own tests of `savez`, `savez_compressed` and `load`, run against ours."""

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
    #: Objects are stored as what they are, or not at all: `test_objects.py`.
    test_array_object = None

    #: Two gigabytes of memory, twice.
    test_big_arrays = None
