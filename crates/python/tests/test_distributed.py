"""The programs of `docs/distributed.md` run as written, each in a process and an empty folder of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import documents
import pytest

TEXT = (Path(__file__).parents[3] / "docs" / "distributed.md").read_text()

#: The sections with programs, and what they need.
SECTIONS = {
    "Ray": ["ray.data"],
    "Dask": ["dask.array"],
    "Spark": ["pyspark.sql", "pyarrow", "pandas"],
    "Grain": ["grain"],
    "Hugging Face Datasets": ["datasets"],
    "Distributed PyTorch": ["torch"],
}


def test_all_programs_are_here():
    assert sum(len(documents.blocks(documents.section(TEXT, name), "python")) for name in SECTIONS) == TEXT.count("```python\n")


@pytest.mark.parametrize("name", SECTIONS)
def test_program_runs_as_written(tmp_path, name):
    for module in SECTIONS[name]:
        pytest.importorskip(module)
    if name == "Spark" and shutil.which("java") is None:
        pytest.skip("java is not installed")
    program = "\n".join(documents.blocks(documents.section(TEXT, name), "python"))
    (tmp_path / "program.py").write_text(program)
    # As in an activated environment.
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    environment = {**os.environ, "HF_HOME": str(tmp_path), "PATH": path}
    done = subprocess.run([sys.executable, "program.py"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert done.returncode == 0 and "Error" not in said, said
