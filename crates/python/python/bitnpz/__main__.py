"""The `bitnpz` command: `python -m bitnpz`, and the script that the package installs."""

import signal
import sys

from . import _bitnpz


def main() -> int:
    """Runs the command with the process's arguments, and returns its exit code."""
    # Python's handler would only run when the command has ended. The command installs its own, unless the signal is ignored.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _bitnpz._command(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
