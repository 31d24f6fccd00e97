"""No archive crashes, hangs or exhausts a process, and all readers read the same from it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import hostile
import numpy as np
import pytest

import bitnpz

HERE = Path(__file__).parent
COMMAND = os.environ.get("BITNPZ_COMMAND")


def run_all(paths):
    """Returns what the package reads from each archive, or how the process died that read it."""
    found, rest = {}, list(paths)
    while rest:
        process = subprocess.run(
            [sys.executable, HERE / "hostile.py"], input="\n".join(rest) + "\n", capture_output=True, text=True
        )
        lines = process.stdout.splitlines()
        found |= {path: json.loads(line) for path, line in zip(rest, lines)}
        if len(lines) < len(rest):
            found[rest[len(lines)]] = f"exit code {process.returncode}: {process.stderr[-500:]}"
        rest = rest[len(lines) + 1 :]
    return found


def read_with_command(path):
    """Returns what the command unpacks with little memory, or None if it reports an error."""
    plain = path + ".plain.npz"
    limited = ["sh", "-c", 'ulimit -v 1000000; exec "$@"', "sh"]
    for words in (["verify", "-q", path], ["ls", path], ["unpack", path, "-o", plain, "--force", "-q"]):
        process = subprocess.run([*limited, COMMAND, *words], capture_output=True, text=True, timeout=60, errors="replace")
        assert process.returncode in (0, 1), f"{words}: exit code {process.returncode}: {process.stderr}"
        assert process.returncode == 0 or process.stdout or process.stderr.startswith("bitnpz: error: "), words
    if process.returncode:
        return None
    with np.load(plain) as archive:
        return {key: hostile.digest(archive[key]) for key in archive.files}


@pytest.mark.skipif(not COMMAND, reason="cargo xtask test sets BITNPZ_COMMAND, for one of its runs")
def test_readers_agree_on_hostile_archives(tmp_path):
    wrong, lies, read = [], {}, 0
    for number, (name, parts) in enumerate(hostile.cases(hostile.samples(tmp_path))):
        path = tmp_path / f"{number}.npz"
        hostile.write(path, parts)
        lies[str(path)] = name
    found = run_all(lies)
    for number, (path, name) in enumerate(lies.items()):
        if isinstance(found[path], str):
            wrong.append(f"{name}: {found[path]}")
            continue
        ours, reference = found[path]
        arrays = ours and ours["arrays"]
        # Readers check different parts of a damaged archive, so one may refuse what another reads; they never read different arrays.
        if reference != arrays and ((ours and ours["whole"]) or (reference is not None and arrays is not None)):
            wrong.append(f"{name}: the reference reads {reference}, the package {ours}")
        # The command needs three processes for each archive, so it reads one in ten.
        if number % 10 == 0:
            theirs = read_with_command(path)
            if theirs is not None and arrays is not None and theirs != arrays:
                wrong.append(f"{name}: the command reads {theirs}, the package {arrays}")
        read += bool(ours and ours["whole"])
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong[:40])
    assert len(lies) > 1500 and read > 60
