"""Reads one large table and prints what became known of it: `python -m llmi_offline.apart NAME PATH`."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

_MEMORY = 4 * 1024**3
_SECONDS = 60


def main() -> None:
    """Whatever goes wrong ends it without an output."""
    name, path = sys.argv[1:]
    _limit()
    from llmi_offline.preview import read

    sys.stdout.buffer.write(read(name, Path(path)).dump())


def _limit() -> None:
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # each of its threads would take address space
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
