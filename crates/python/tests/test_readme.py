"""The code in the README runs as written: its Python, and all of the section that is about more than one machine."""

import os
import shutil
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import documents
import pytest
import servers

import bitnpz

README = Path(__file__).parents[3] / "README.md"
PORT = 5000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which the Python of the README has run."""
    folder = tmp_path_factory.mktemp("readme")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        documents.run(README, 5)
    return folder


@pytest.fixture
def section():
    """The blocks of the section, by their language."""
    text = documents.section(README.read_text(), "More than one machine")
    return {language: documents.blocks(text, language) for language in ("sh", "py")}


def paste(folder, *lines):
    """Runs lines in a shell, as in an activated environment; what they start in the background ends with them."""
    program = shutil.which("bash")
    if program is None or sys.platform == "win32":
        pytest.skip("bash is not installed")
    moto, command = os.environ.get("BITNPZ_MOTO"), os.environ.get("BITNPZ_COMMAND")
    folders = [os.path.dirname(path) for path in (command, sys.executable, moto) if path]
    environment = {**os.environ, "HOME": str(folder), "PATH": os.pathsep.join([*folders, os.environ["PATH"]])}
    script = "\n".join(["set -e; trap 'kill $(jobs -p) || true; wait' EXIT", *lines])
    done = subprocess.run([program, "-c", script], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def in_s3(section, *names):
    """Returns the lines that start the S3 server of the README, and then run Python that is in files."""
    if not (os.environ.get("BITNPZ_MOTO") or shutil.which("moto_server")) or shutil.which("curl") is None:
        pytest.skip("moto or curl is not installed: BITNPZ_MOTO names moto_server")
    lines = [line for line in section["sh"][0].splitlines() if not line.startswith("pip install")]
    with socket.socket() as listener:
        is_taken = listener.connect_ex(("127.0.0.1", PORT)) == 0
    port = servers.free_port() if is_taken else PORT
    return [*(line.replace(str(PORT), str(port)) for line in lines), *(f"python {name}" for name in names)]


def test_python_runs_as_written(folder):
    assert (folder / "training.npz").stat().st_size < (folder / "plain.npz").stat().st_size / 5


def test_stores_run_as_written(folder, section):
    pytest.importorskip("obstore")
    (folder / "stores.py").write_text(section["py"][0])
    paste(folder, *in_s3(section, "stores.py"))
    assert list((folder / ".cache" / "bitnpz").iterdir())


def test_ray_runs_as_written(folder, section):
    pytest.importorskip("obstore")
    pytest.importorskip("ray.data")
    check = """
    inverted = bitnpz.load("s3://bucket/inverted.bitnpz.json")["discs"]
    assert inverted.shape == discs.shape and inverted.popcount().sum() == discs.size - discs.popcount().sum()
    """
    (folder / "both.py").write_text("\n".join([*section["py"][:2], textwrap.dedent(check)]))
    paste(folder, *in_s3(section, "both.py"))


def test_the_command_runs_as_written(folder, section):
    _, lines = section["sh"]
    assert len(lines.splitlines()) == 3
    before = set(folder.iterdir())
    paste(folder, lines)
    discs = bitnpz.load(folder / "training.npz")["discs"]
    cut, parts = (bitnpz.load(folder / f"{name}.bitnpz.json") for name in ("training", "parts"))
    assert (len(cut.shards), len(parts.shards)) == (16, 2) and before < set(folder.iterdir())
    assert (cut["discs"] == discs).all() and (parts["discs"] == discs).all()
