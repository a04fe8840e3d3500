"""The watch over processes that decode: one thread kills those that are over their time.

It looks every so often rather than being told of each: to start or wake a thread for every picture would cost more than
to decode a small one. It ends when there has been nothing to watch for a while.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from contextlib import suppress

EVERY = 0.25
"""Seconds between two looks: so much longer may a process take than it is allowed."""
_IDLE = 20
"""So many looks with nothing to watch, and the thread ends."""

_until: dict[subprocess.Popen[bytes], float] = {}
"""When each is over its time, on the monotonic clock."""
_lock = threading.Lock()
_watching = False


def begin(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Kill the process after so many seconds, unless `end` comes before."""
    global _watching  # noqa: PLW0603 - there is one thread
    with _lock:
        _until[process] = time.monotonic() + seconds
        if not _watching:
            thread = threading.Thread(target=_watch, name="llmi-decoder-watch", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                del _until[process]
                raise
            _watching = True


def end(process: subprocess.Popen[bytes]) -> None:
    """It has answered, or is gone."""
    with _lock:
        _until.pop(process, None)


def _watch() -> None:
    global _watching  # noqa: PLW0603
    idle = 0
    while True:
        time.sleep(EVERY)
        with _lock:
            now = time.monotonic()
            for process in [each for each, until in _until.items() if until <= now]:
                del _until[process]
                with suppress(OSError):
                    process.kill()
            idle = 0 if _until else idle + 1
            if idle >= _IDLE:
                _watching = False
                return


def _after_fork() -> None:
    global _lock, _watching  # noqa: PLW0603 - the thread is the parent's
    _lock = threading.Lock()
    _watching = False
    _until.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
