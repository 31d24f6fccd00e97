"""The `bitnpz` command: `python -m bitnpz`, and the script that the package installs."""

import sys

from . import _bitnpz


def main() -> int:
    """Runs the command with the process's arguments, and returns its exit code."""
    return _bitnpz._command(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
