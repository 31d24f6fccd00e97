"""The examples in docstrings run and give what they say."""

import doctest
import importlib
import pkgutil

import numpy as np
import pytest

import bitnpz

MODULES = ["bitnpz", *(f"bitnpz.{module.name}" for module in pkgutil.iter_modules(bitnpz.__path__))]


@pytest.mark.parametrize("name", MODULES)
def test_do_examples_run_as_written(name):
    if name == "bitnpz.torch":
        pytest.importorskip("torch")
    module = importlib.import_module(name)
    with np.printoptions(legacy=False):
        result = doctest.testmod(module, extraglobs={"np": np, "bitnpz": bitnpz})
    assert result.failed == 0
