"""The Python side of the oracle: runs the snippets it is sent, with NumPy as np.

A request is one JSON line {"code": str, "inputs": [length, ...]} and then the
inputs' bytes; an answer is one JSON line {"outputs": [length, ...]} or
{"error": str}, and then the outputs' bytes. A snippet sees `inputs` (a list of
bytes) and appends its results to `outputs`; names it defines at the top level
stay for the snippets after it. The first line is "ready", once NumPy is imported.
"""

import io
import json
import sys
import traceback

try:
    import numpy as np
except ImportError:
    sys.exit(1)

stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
sys.stdout = sys.stderr
names = {"np": np, "io": io}
compiled = {}


def answer(head, blobs):
    stdout.write(json.dumps(head).encode() + b"\n")
    for blob in blobs:
        stdout.write(blob)
    stdout.flush()


stdout.write(b"ready\n")
stdout.flush()
for line in stdin:
    request = json.loads(line)
    names["inputs"] = [stdin.read(length) for length in request["inputs"]]
    names["outputs"] = outputs = []
    code = request["code"]
    try:
        if code not in compiled:
            compiled[code] = compile(code, "<snippet>", "exec")
        exec(compiled[code], names)
        blobs = [memoryview(output).cast("B") if output else b"" for output in outputs]
        head = {"outputs": [len(blob) for blob in blobs]}
    except Exception:
        head, blobs = {"error": traceback.format_exc()}, []
    answer(head, blobs)
