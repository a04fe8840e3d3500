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
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import TypeVar, cast

from llmi_agent.store.decoder_line import SMALL, Line, LostError
from llmi_agent.store.decoder_process import NO_PROCESS, EndedError, Process, why
from llmi_agent.store.decoding import Done, Job, RefusedError

T = TypeVar("T")

PROCESSES = max(1, min(4, os.cpu_count() or 1))
"""As many as decode side by side, at most."""
_DEEP = 4
"""So many pictures of an event loop wait for a process before it gets another."""


class Decoders:
    """The processes of this process."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._free: list[Process] = []
        self._all: set[Process] = set()
        self._places = threading.BoundedSemaphore(PROCESSES)
        self._threads: ThreadPoolExecutor | None = None
        self._wanted = 0
        """How many threads wait for a process: then no event loop keeps one."""
        self._lines: dict[asyncio.AbstractEventLoop, list[Line]] = {}
        self._starts: dict[asyncio.AbstractEventLoop, asyncio.Future[bool | RefusedError]] = {}

    async def decoded(self, job: Job) -> Done:
        """The same as `decode`, without keeping the event loop."""
        while len(job.data) <= SMALL and not self._wanted:
            if line := self._line():
                with suppress(LostError):
                    return await line.ask(job)
            elif not await self._started():
                break
        return await self.off_the_loop(partial(self.decode, job))

    def decode(self, job: Job) -> Done:
        """Waits for its turn, then for the answer. Raises RefusedError."""
        with self._place():
            process = self._ready()
            try:
                done = process.perform(job)
            except RefusedError:
                self._free.append(process)
                raise
            except BaseException as error:
                self._all.discard(process)
                how = process.end()
                if isinstance(error, EndedError):
                    raise RefusedError(why(how)) from None
                raise
            self._free.append(process)
            return done

    def _line(self) -> Line | None:
        """This event loop's that has least to do; None if it has none and can have none now."""
        loop = asyncio.get_running_loop()
        lines = [line for line in self._lines.get(loop, ()) if not line.stalled]
        best = min(lines, key=lambda line: line.load, default=None)
        if best is not None and best.load < _DEEP:
            return best
        if not self._places.acquire(blocking=False):
            return best
        if (process := self._spare()) is None:
            self._places.release()
            if best is not None:
                self._start(loop)
            return best
        try:
            line = Line(process, self._left)
        except NotImplementedError:  # an event loop of Windows
            self._free.append(process)
            self._places.release()
            return None
        self._lines.setdefault(loop, []).append(line)
        return line

    def _left(self, line: Line, ended: bool) -> str:
        process = cast("Process", line.process)
        lines = self._lines[line.loop]
        lines.remove(line)
        if not lines:
            del self._lines[line.loop]
        if not ended:
            self._free.append(process)
        self._places.release()
        if not ended:
            return ""
        self._all.discard(process)
        return why(process.end())

    async def _started(self) -> bool:
        """Wait for one process more; whether there may be one. Raises RefusedError."""
        start = self._start(asyncio.get_running_loop())
        await asyncio.wait((start,))
        if isinstance(start.result(), RefusedError):
            raise RefusedError(*cast("RefusedError", start.result()).args)
        return bool(start.result())

    def _start(self, loop: asyncio.AbstractEventLoop) -> asyncio.Future[bool | RefusedError]:
        start = self._starts.get(loop)
        if start is None:
            start = self._starts[loop] = loop.run_in_executor(self._pool(), self._one_more)
            start.add_done_callback(lambda _: self._starts.pop(loop, None))
        return start

    def _one_more(self) -> bool | RefusedError:
        if not self._places.acquire(blocking=False):
            return False
        try:
            self._free.append(self._ready())
        except RefusedError as error:
            return error
        finally:
            self._places.release()
        return True

    @contextmanager
    def _place(self) -> Iterator[None]:
        """For a process of a thread's own."""
        if not self._places.acquire(blocking=False):
            with self._guard:
                self._wanted += 1
            try:
                while not self._places.acquire(timeout=1.0):
                    self._reclaim()
            finally:
                with self._guard:
                    self._wanted -= 1
        try:
            yield
        finally:
            self._places.release()

    def _reclaim(self) -> None:
        """Event loops that were closed while they had asked never give a process back."""
        with self._guard:
            closed = [loop for loop in self._lines if loop.is_closed()]
            lines = [line for loop in closed for line in self._lines.pop(loop)]
        for line in lines:
            process = cast("Process", line.process)
            self._all.discard(process)
            process.kill()
            self._places.release()

    def _spare(self) -> Process | None:
        while self._free:
            with suppress(IndexError):  # another thread was quicker
                process = self._free.pop()
                if not process.ended:  # the system may have wanted its memory
                    return process
                self._all.discard(process)
                process.end()
        return None

    def _ready(self) -> Process:
        if process := self._spare():
            return process
        try:
            process = Process()
        except OSError as error:
            raise RefusedError(f"{NO_PROCESS} ({error.strerror})") from None
        self._all.add(process)
        return process

    async def off_the_loop(self, work: Callable[[], T]) -> T:
        """`work`, which decodes, in a thread; it takes none from those who wait for something else."""
        return await asyncio.get_running_loop().run_in_executor(self._pool(), work)

    def _pool(self) -> ThreadPoolExecutor:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(PROCESSES, "llmi-picture")
        return self._threads

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


shared = Decoders()
atexit.register(shared.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=shared.forked)
