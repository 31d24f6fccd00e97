"""The `bitnpz` command: `python -m bitnpz` and the script that installing the package brings."""

import sys

from . import _bitnpz


def main() -> int:
    """Runs the command with the process's arguments; returns its exit code."""
    return _bitnpz._command(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
