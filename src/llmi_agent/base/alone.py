"""A file that one process at a time may have open."""

from __future__ import annotations

import sys
from typing import IO


def held_alone(file: IO[bytes]) -> bool:
    """Whether the file is this process's alone, from now on until it is closed.

    The lock falls with the process; where the system has no `flock` there is none, and the answer is yes.
    """
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
