"""Decodes pictures in processes of their own, which have little memory and little time.

Whoever made a picture's bytes decides what they cost to decode, in ways that no header tells: strips, scans, frames,
chunks, codes. So they are decoded where that harms nobody: a process that takes too long or too much ends, its picture
is refused, and the next picture gets another process. They start with the first picture, stay warm, and end with this
process, also if it is killed.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from llmi_agent.contract.picture_header import picture_size
from llmi_agent.store import decoding
from llmi_agent.store.decoding import REPLY, REQUEST, Done, Job, RefusedError

if TYPE_CHECKING:
    from io import BufferedReader, BufferedWriter

T = TypeVar("T")

PROCESSES = max(1, min(4, os.cpu_count() or 1))
"""As many as decode side by side, at most."""
SECONDS, MEGABYTES, SECONDS_A_MEGABYTE = 0.85, 2, 0.15
"""Of a processor of today, for a picture of so many megabytes, and for each one more; a slower processor gets as much
more as its start took longer."""
MEGAPIXELS, SECONDS_A_MEGAPIXEL = 12, 0.025
"""So many pixels are to cost no more; for each million more that a PNG or JPEG says it has, it gets so much more."""
_WATCH = 10.0
"""Times as long may it take by the clock, where many want the processor."""
_START = 60.0
"""Seconds by the clock for the start of a process, which takes 0.1."""
_KEPT = ("SYSTEMROOT", "PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Variables without which Python may not start; no other goes to a process that an attacker's bytes are fed to."""


def allowance(job: Job) -> float:
    """Processor seconds that a picture may take, on a processor of today."""
    seconds = SECONDS + SECONDS_A_MEGABYTE * max(0.0, len(job.data) / 2**20 - MEGABYTES)
    if job.form in ("PNG", "JPEG") and (size := picture_size(job.data)):
        pixels = min(size[0] * size[1], job.pixels)
        seconds += SECONDS_A_MEGAPIXEL * max(0.0, pixels / 1e6 - MEGAPIXELS)
    return seconds


class _Process:
    """One process that decodes, one picture after the other. Raises RefusedError if it does not start."""

    def __init__(self) -> None:
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        program = [
            sys.executable,
            "-I",
            "-S",
            str(Path(decoding.__file__)),
            *filter(None, sys.path),
        ]
        self._process = subprocess.Popen(
            program,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=kept,
        )
        self._jobs = cast("BufferedWriter", self._process.stdin)
        self._replies = cast("BufferedReader", self._process.stdout)
        try:
            with self._watched(_START):
                self._reply()
        except _EndedError:
            raise RefusedError(f"{_NO_PROCESS} (it ends with code {self.end()})") from None
        except BaseException:
            self.kill()
            raise

    def perform(self, job: Job) -> Done:
        """Raises RefusedError, or _EndedError."""
        seconds = allowance(job)
        name = job.form.encode()
        head = REQUEST.pack(name, seconds, job.pixels, job.side, job.shrink, len(job.data))
        try:
            with self._watched(seconds * _WATCH):
                self._jobs.write(head)
                self._jobs.write(job.data)
                self._jobs.flush()
                return self._reply()
        except OSError:
            raise _EndedError from None

    @contextmanager
    def _watched(self, seconds: float) -> Iterator[None]:
        watch = threading.Timer(seconds, self._process.kill)
        watch.daemon = True
        watch.start()
        try:
            yield
        finally:
            watch.cancel()

    def _reply(self) -> Done:
        head = self._replies.read(REPLY.size)
        if len(head) < REPLY.size:
            raise _EndedError
        taken, jpeg, blank, width, height, length = REPLY.unpack(head)
        body = self._replies.read(length)
        if len(body) < length:
            raise _EndedError
        if not taken:
            raise RefusedError(body.decode())
        return Done(body, bool(jpeg), bool(blank), width, height)

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        self._process.kill()
        self.end()

    def end(self) -> int:
        """Leave nothing of it behind; returns how it ended."""
        for pipe in (self._jobs, self._replies):
            try:
                pipe.close()
            except OSError:
                continue
        try:
            return self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def disown(self) -> None:
        """It belongs to the process that we were forked from."""
        for pipe in (self._jobs, self._replies):
            pipe.raw.close()  # what is in the buffer must not be sent twice
        self._process.returncode = 0


_NO_PROCESS = "the picture cannot be decoded: no process can be started for it"


class _EndedError(Exception):
    """The process ended before it answered."""


class Decoders:
    """The processes of this process."""

    def __init__(self) -> None:
        self._free: list[_Process] = []
        self._all: set[_Process] = set()
        self._places = threading.BoundedSemaphore(PROCESSES)
        self._threads: ThreadPoolExecutor | None = None

    def decode(self, job: Job) -> Done:
        """Waits for its turn, then for the answer. Raises RefusedError."""
        with self._places:
            process = self._ready()
            try:
                done = process.perform(job)
            except RefusedError:
                self._free.append(process)
                raise
            except BaseException as error:
                self._all.discard(process)
                how = process.end()
                if isinstance(error, _EndedError):
                    raise RefusedError(_why(how)) from None
                raise
            self._free.append(process)
            return done

    def _ready(self) -> _Process:
        while self._free:
            with suppress(IndexError):  # another thread was quicker
                process = self._free.pop()
                if not process.ended:  # the system may have wanted its memory
                    return process
                self._all.discard(process)
                process.end()
        try:
            process = _Process()
        except OSError as error:
            raise RefusedError(f"{_NO_PROCESS} ({error.strerror})") from None
        self._all.add(process)
        return process

    async def off_the_loop(self, work: Callable[[], T]) -> T:
        """`work`, which decodes, in a thread; it takes none from those who wait for something else."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(PROCESSES, "llmi-picture")
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def close(self) -> None:
        """End them all, whatever they do."""
        for process in list(self._all):
            process.kill()
        if self._threads is not None:  # one of them may have been about to start another
            self._threads.shutdown(cancel_futures=True)
            self._threads = None
        for process in list(self._all):
            process.kill()
        self._all.clear()
        self._free.clear()

    def forked(self) -> None:
        """In a fork of this process: theirs are not ours."""
        for process in self._all:
            process.disown()
        self.__init__()  # type: ignore[misc]


def _why(ended: int) -> str:
    if ended == -getattr(signal, "SIGPROF", 0):
        return "the picture takes too long to decode; convert it to a smaller PNG or JPEG"
    if ended == -getattr(signal, "SIGKILL", 0):  # our watch, or the system in want of memory
        return "the picture takes too long, or too much memory, to decode; convert it to a smaller PNG or JPEG"
    return "the picture cannot be decoded: the decoder broke down over it"


shared = Decoders()
atexit.register(shared.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=shared.forked)
