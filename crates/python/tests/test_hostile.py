"""Does nothing that an archive says crash, hang or exhaust a process, and do all readers read the same from it?"""

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
    """What the package makes of each archive; a process that dies is named by the archive that killed it."""
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


def of_command(path):
    """What the command unpacks, with little memory; nothing if it says why not."""
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


@pytest.mark.skipif(not COMMAND, reason="cargo xtask test names the command, once")
def test_has_each_lie_its_verdict_and_is_it_the_same_of_all_readers(tmp_path):
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
        # What is damaged but where nobody looks may be read by one and refused by the other; never differently.
        if reference != arrays and ((ours and ours["whole"]) or (reference is not None and arrays is not None)):
            wrong.append(f"{name}: the reference reads {reference}, the package {ours}")
        # The command is a process for each: it reads a part of them.
        if number % 10 == 0:
            theirs = of_command(path)
            if theirs is not None and arrays is not None and theirs != arrays:
                wrong.append(f"{name}: the command reads {theirs}, the package {arrays}")
        read += bool(ours and ours["whole"])
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong[:40])
    assert len(lies) > 1500 and read > 60
