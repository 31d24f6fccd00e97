"""The guide runs as it stands."""

import re
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[3] / "docs" / "guide.md"


def test_does_the_guide_run_as_written(capsys):
    pytest.importorskip("PIL")
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert len(blocks) > 5
    names = {"__name__": "guide"}
    for block in blocks:
        exec(compile(block, str(GUIDE), "exec"), names)
    said = capsys.readouterr().out
    assert "unseen images told right" in said and said.count("microseconds an image") == 4
    assert Path("sheet.png").stat().st_size > 1000
