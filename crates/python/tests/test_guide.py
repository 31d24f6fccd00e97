"""The code in the guide and in `examples/` runs as written."""

import runpy
import sys
from pathlib import Path

import documents
import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.timeout(900)  # trains a classifier
def test_guide_runs_as_written(capsys):
    pytest.importorskip("PIL")
    documents.run(ROOT / "docs" / "guide.md", 12)
    printed = capsys.readouterr().out
    assert "unseen images" in printed and printed.count("microseconds an image") == 4
    assert Path("sheet.png").stat().st_size > 1000


@pytest.mark.parametrize("name", ["archive_in_memory", "make_font", "stream_a_million", "train_test_split"])
def test_example_runs(name, monkeypatch, capsys):
    arguments = {"make_font": ["font.npz"], "stream_a_million": ["3000"]}
    if name == "make_font":
        pytest.importorskip("PIL")
    path = ROOT / "examples" / f"{name}.py"
    monkeypatch.setattr(sys, "argv", [str(path), *arguments.get(name, [])])
    runpy.run_path(str(path), run_name="__main__")
    assert Path("font.npz").exists() if name == "make_font" else capsys.readouterr().out
