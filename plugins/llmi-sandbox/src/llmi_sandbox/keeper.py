"""The process beside each run: it starts the worker, watches what it uses, and buries it with all it left.

It runs nothing of the policy's. Its leash is a socket that LLMI holds the other end of: when that end closes, because
the call was cancelled or LLMI is gone, however it went, the run is over.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from llmi_sandbox import usage, worker
from llmi_sandbox.confine import Apart
from llmi_sandbox.job import Ended, Job, Places, Stopped, dump, load_job, load_standing

_KEPT = 16 * 1024
_GLANCE = 50
"""Milliseconds between two looks at memory and threads."""
_LOOK = 0.2
"""Seconds between two looks at the files, which takes longer."""


def keep(places: Places, leash: socket.socket, network: bool) -> None:
    """Run the job in the folder and tell over the leash how it ended; returns when nothing of it is left.

    `network`: this process has left the host's already.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    job = load_job(places.job.read_text("utf-8"))
    apart = _leave_host(network)
    printed, output = os.pipe()
    standing, note = os.pipe()
    before = _resident(os.getpid())
    pid = os.fork()
    if pid == 0:
        leash.close()
        os.close(printed)
        os.close(standing)
        worker.work(job, places, apart, output, note)
    os.close(output)
    os.close(note)
    watch = _Watch(job, places, pid, printed, before)
    stopped = watch.until_the_end(leash)
    status = _bury(pid)
    if not stopped and usage.is_overfull(places, job.given):
        stopped = "files"
    with os.fdopen(standing, encoding="utf-8") as told:
        text = told.read()
    ended = Ended(stopped, status, watch.last_words(), load_standing(text))
    with contextlib.suppress(OSError):  # nobody holds the leash any more
        leash.sendall(dump(ended).encode())


class _Watch:
    """What one worker uses, held against what its job allows."""

    def __init__(self, job: Job, places: Places, pid: int, printed: int, before: int) -> None:
        self._job = job
        self._places = places
        self._printed = printed
        self._before = before
        self._deadline = time.monotonic() + job.seconds
        self._next_look = time.monotonic() + _LOOK
        self._pid = pid
        self._kept = b""
        os.set_blocking(printed, False)

    def until_the_end(self, leash: socket.socket) -> Stopped:
        """Wait until the worker ends by itself (then ""), or must be killed."""
        poll = select.poll()
        poll.register(leash, select.POLLIN)
        poll.register(self._printed, select.POLLIN)
        death = _death(self._pid)
        if death is not None:
            poll.register(death, select.POLLIN)
        while True:
            happened = dict(poll.poll(_GLANCE if death is not None else 10))
            if self._printed in happened and not self._read():
                poll.unregister(self._printed)
            if leash.fileno() in happened:
                return "cut"
            if death in happened if death is not None else _is_over(self._pid):
                return ""
            if stopped := self._exceeded():
                return stopped

    def last_words(self) -> str:
        """The end of what was printed."""
        while self._read():
            continue
        return self._kept.decode("utf-8", "replace")

    def _read(self) -> bool:
        """Take in some of what was printed; False if there is nothing now. A flood takes no memory."""
        try:
            chunk = os.read(self._printed, 65536)
        except BlockingIOError:
            return False
        self._kept = (self._kept + chunk)[-_KEPT:]
        return bool(chunk)

    def _exceeded(self) -> Stopped:
        now = time.monotonic()
        if now > self._deadline:
            return "time"
        processes = list(_below(os.getpid()))
        if sum(max(0, _resident(pid) - self._before) for pid in processes) > self._job.memory:
            return "memory"
        if sum(map(_threads, processes)) > usage.MOST_THREADS:
            return "threads"
        if now < self._next_look:
            return ""
        overfull = usage.is_overfull(self._places, self._job.given)
        self._next_look = time.monotonic() + max(_LOOK, 4 * (time.monotonic() - now))
        return "files" if overfull else ""


def _leave_host(network: bool) -> Apart:
    if sys.platform != "linux":
        return Apart()
    from llmi_sandbox import linux

    linux.adopt_orphans()
    return Apart(network, linux.leave_objects(), linux.leave_processes())


def _death(pid: int) -> int | None:
    """A handle that becomes readable when the process ends; None where the system has none."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def _is_over(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _bury(pid: int) -> int:
    """Kill the worker and everything below this process; returns the worker's exit status.

    In a namespace of its own the kernel kills all that the worker started. Elsewhere orphans come to this process,
    their subreaper, and are killed as they come.
    """
    status = 0
    while True:
        for each in {pid, *_below(os.getpid())}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        try:
            ended, how = os.waitpid(-1, 0)
        except ChildProcessError:
            return status
        if ended == pid:
            status = os.waitstatus_to_exitcode(how)


def _below(pid: int) -> Iterator[int]:
    """The processes that come from `pid`, as far as the system tells."""
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, path.read_text().split()):
                yield child
                yield from _below(child)


def _resident(pid: int) -> int:
    """Bytes of memory that a process has; 0 if it is gone or the system does not tell."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _threads(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/task"))  # noqa: PTH208 - only their number matters
    except OSError:
        return 0
