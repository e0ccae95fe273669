"""The program: `python -m stratoscope`, and the command `stratoscope`."""

import sys

from stratoscope._native import main as _program


def main() -> int:
    """Run the program with the arguments of the process; return its exit code."""
    return _program(["stratoscope", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
