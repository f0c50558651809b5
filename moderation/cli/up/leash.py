"""Run as a script: become another program that the kernel ends when its parent dies, even by SIGKILL.

`python leash.py PARENT_PID PROGRAM ARGUMENT…` — only Linux can promise this; elsewhere the program just runs.
"""

import os
import sys

SIGTERM = 15
PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Never returns: the process becomes the program, or exits because its parent is gone already."""
    parent, *program = arguments
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - not needed elsewhere

        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit(1)
    os.execv(program[0], program)  # noqa: S606 - the whole purpose; no shell, no input from outside


if __name__ == "__main__":
    main(sys.argv[1:])
