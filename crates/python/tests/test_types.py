"""A type checker sees the types of what the package returns, and of what its compiled half takes."""

import ast
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import bitnpz

PROGRAM = '''
import numpy as np
import bitnpz
from bitnpz import _bitnpz

labels = np.arange(3)
archive = bitnpz.load("a.npz")
images = bitnpz.NpzFile("a.npz").images("glyphs")
for batch in bitnpz.Loader(images, batch_size=3):
    reveal_type(batch)
for batches in bitnpz.Loader(images, labels):
    reveal_type(batches)
with bitnpz.Writer("a.npz", "a", codec="raw") as writer:
    reveal_type(writer)
    del writer["x"]
    writer.extend("glyphs", images)
reveal_type(images.subset(labels[:2]))
reveal_type(images.take([1]))
bitnpz.save("b.npz", {"x": [1]}, progress=lambda done: print(done.images, done.total_bytes))
bitnpz.save("b.npz", {"x": [1]}, codec="png")
_bitnpz._shard("a.bitnpz.json", "a.npz", None, "a.npz")


class Ranges:
    def length(self) -> int:
        return 0

    def read_ranges(self, starts: list[int], ends: list[int]) -> list[bytes]:
        return []


class Unopened:
    fs: object
    path = "a.npz"


bitnpz.load(Ranges())
bitnpz.load(Unopened())
bitnpz.load(3)
'''

REVEALED = [
    "numpy.ndarray[Any, numpy.dtype[Any]]",
    "tuple[numpy.ndarray[Any, numpy.dtype[Any]], ...]",
    "bitnpz._save.Writer",
    "bitnpz._images.Images",
    "numpy.ndarray[Any, numpy.dtype[Any]]",
]


def test_type_checker_sees_what_is_returned(tmp_path):
    pytest.importorskip("mypy")
    (tmp_path / "program.py").write_text(PROGRAM)
    folder = str(Path(bitnpz.__file__).parents[1])
    environment = {**os.environ} if "site-packages" in folder else {**os.environ, "MYPYPATH": folder}
    check = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "program.py"]
    said = subprocess.run(check, capture_output=True, text=True, cwd=tmp_path, env=environment).stdout
    revealed = [line.split('"')[1] for line in said.splitlines() if "Revealed type" in line]
    assert revealed == REVEALED, said
    errors = [line for line in said.splitlines() if ": error:" in line]
    assert len(errors) == 3 and '"codec"' in errors[0] and '"_shard"' in errors[1] and '"int"' in errors[2], said


def test_the_stub_has_the_parameters_of_the_compiled_half():
    stub = ast.parse(Path(bitnpz.__file__).with_name("_bitnpz.pyi").read_text())
    functions = [node for node in stub.body if isinstance(node, ast.FunctionDef)]
    assert functions
    for function in functions:
        compiled = inspect.signature(getattr(bitnpz._bitnpz, function.name))
        assert [argument.arg for argument in function.args.args] == list(compiled.parameters), function.name
