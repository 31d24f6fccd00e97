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
    def test_array_object(self):
        with pytest.raises(ValueError, match="Python objects"):
            super().test_array_object()

    #: Two gigabytes of memory, twice.
    test_big_arrays = None
