"""The examples in docstrings run, and print what they show."""

import doctest
import importlib
import pkgutil

import numpy as np
import pytest

import bitnpz

MODULES = ["bitnpz", *(f"bitnpz.{module.name}" for module in pkgutil.iter_modules(bitnpz.__path__))]

#: The modules that need a package which may be missing.
NEEDS = {"bitnpz.torch": "torch", "bitnpz.ray": "ray.data", "bitnpz._ray_source": "ray.data", "bitnpz._ray_sink": "ray.data"}


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_run(name):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    module = importlib.import_module(name)
    with np.printoptions(legacy=False):
        result = doctest.testmod(module, extraglobs={"np": np, "bitnpz": bitnpz})
    assert result.failed == 0
