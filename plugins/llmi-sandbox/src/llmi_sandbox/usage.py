"""How much a run may use, and how much it has written."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from llmi_sandbox.job import Places

MOST_BYTES = 256 * 1024 * 1024
"""What the code may write, all files together."""
MOST_FILES = 5000
MOST_THREADS = 128
_LONGEST_PATH = 2000


def is_overfull(places: Places, given: int) -> bool:
    """Whether more was written than allowed; `given` bytes of attachments were there before."""
    size = 0
    for files, entry in enumerate(entries([places.work, places.out])):
        with contextlib.suppress(OSError):
            size += entry.stat(follow_symlinks=False).st_size
        too_deep = len(entry.path) > _LONGEST_PATH
        if too_deep or size > given + MOST_BYTES or files > MOST_FILES:
            return True
    return False


def entries(folders: Sequence[Path]) -> Iterator[os.DirEntry[str]]:
    """Everything below the folders; what cannot be listed is passed over."""
    waiting = [str(folder) for folder in folders]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as found:
            for entry in found:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                yield entry
