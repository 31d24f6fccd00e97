"""The code in the guide, the README and `examples/` runs as written."""

import re
import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def run(path, least):
    """Runs the Python blocks of a document in order, as a reader would paste them; checks that there are enough."""
    blocks = re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL)
    assert len(blocks) >= least
    names = {"__name__": path.stem}
    for block in blocks:
        exec(compile(block, str(path), "exec"), names)


@pytest.mark.timeout(900)  # trains a classifier
def test_guide_runs_as_written(capsys):
    pytest.importorskip("PIL")
    run(ROOT / "docs" / "guide.md", 12)
    printed = capsys.readouterr().out
    assert "unseen images" in printed and printed.count("microseconds an image") == 4
    assert Path("sheet.png").stat().st_size > 1000


def test_readme_runs_as_written():
    run(ROOT / "README.md", 5)
    assert Path("training.npz").stat().st_size < Path("plain.npz").stat().st_size / 5


@pytest.mark.parametrize("name", ["archive_in_memory", "make_font", "stream_a_million", "train_test_split"])
def test_example_runs(name, monkeypatch, capsys):
    arguments = {"make_font": ["font.npz"], "stream_a_million": ["3000"]}
    if name == "make_font":
        pytest.importorskip("PIL")
    path = ROOT / "examples" / f"{name}.py"
    monkeypatch.setattr(sys, "argv", [str(path), *arguments.get(name, [])])
    runpy.run_path(str(path), run_name="__main__")
    assert Path("font.npz").exists() if name == "make_font" else capsys.readouterr().out
