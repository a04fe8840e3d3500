"""One process that decodes pictures: how it is started, asked, limited and ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from llmi_agent.contract.picture_header import picture_size
from llmi_agent.store import decoding
from llmi_agent.store.decoding import REPLY, REQUEST, Done, Job, RefusedError

if TYPE_CHECKING:
    from io import BufferedReader, BufferedWriter

SECONDS, MEGABYTES, SECONDS_A_MEGABYTE = 0.85, 2, 0.15
"""Of a processor of today, for a picture of so many megabytes, and for each one more; a slower processor gets as much
more as its start took longer."""
MEGAPIXELS, SECONDS_A_MEGAPIXEL = 12, 0.025
"""So many pixels are to cost no more; for each million more that a PNG or JPEG says it has, it gets so much more."""
WATCH = 10.0
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


class Process:
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
        except EndedError:
            raise RefusedError(f"{NO_PROCESS} (it ends with code {self.end()})") from None
        except BaseException:
            self.kill()
            raise

    def perform(self, job: Job) -> Done:
        """Raises RefusedError, or EndedError."""
        try:
            with self._watched(self.patience(job)):
                self._jobs.write(self.head(job))
                self._jobs.write(job.data)
                self._jobs.flush()
                return self._reply()
        except OSError:
            raise EndedError from None

    def head(self, job: Job) -> bytes:
        """What it is sent before the bytes."""
        fields = (job.pixels, job.side, job.shrink, len(job.data))
        return REQUEST.pack(job.form.encode(), allowance(job), *fields)

    def patience(self, job: Job) -> float:
        """Seconds by the clock that it may take."""
        return allowance(job) * WATCH

    def stop(self) -> None:
        """End it, and with it its replies."""
        self._process.kill()

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
            raise EndedError
        taken, jpeg, blank, width, height, length = REPLY.unpack(head)
        body = self._replies.read(length)
        if len(body) < length:
            raise EndedError
        if not taken:
            raise RefusedError(body.decode())
        return Done(body, bool(jpeg), bool(blank), width, height)

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    @property
    def pipes(self) -> tuple[int, int]:
        """The handles of its jobs and of its replies. Between two jobs nothing is in between."""
        return self._jobs.fileno(), self._replies.fileno()

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


NO_PROCESS = "the picture cannot be decoded: no process can be started for it"


class EndedError(Exception):
    """The process ended before it answered."""


def why(ended: int) -> str:
    if ended == -getattr(signal, "SIGPROF", 0):
        return "the picture takes too long to decode; convert it to a smaller PNG or JPEG"
    if ended == -getattr(signal, "SIGKILL", 0):  # our watch, or the system in want of memory
        return "the picture takes too long, or too much memory, to decode; convert it to a smaller PNG or JPEG"
    return "the picture cannot be decoded: the decoder broke down over it"
