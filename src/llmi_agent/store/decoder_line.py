"""A decoder as an event loop asks it: without a thread, and with several small pictures at a time in its pipe.

A thread for each picture costs more than a small picture does. What is in a pipe is less than it holds, so that a write
to it never keeps the loop.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from typing import Protocol

from llmi_agent.store.decoding import REPLY, REQUEST, Done, Job, RefusedError

SMALL = 12 * 1024
"""Bytes of a picture that goes this way."""
ROOM = 14 * 1024
"""Bytes that may be on their way to a process; the smallest pipe of a system holds 16 KiB."""


STALL = 0.25
"""Seconds that others wait behind a picture; then they are asked again, of another process."""
_MOST = 2**28
"""Bytes of an answer: as many as the memory of a process, nearly."""


class LostError(Exception):
    """The process ended over an earlier picture, or takes long for it: this one is to be asked again."""


class Asked(Protocol):
    """A process that decodes one job after the other."""

    @property
    def pipes(self) -> tuple[int, int]:
        """The handles of its jobs and of its replies."""

    def head(self, job: Job) -> bytes:
        """What it is to be sent before the bytes."""

    def patience(self, job: Job) -> float:
        """Seconds by the clock that it may take."""

    def stop(self) -> None:
        """End it, and with it its replies."""


class Line:
    """A process while one event loop has it to itself.

    done: called when nothing is asked any more, with whether the process has ended; then it says why.
    """

    def __init__(self, process: Asked, done: Callable[[Line, bool], str]) -> None:
        self.process = process
        self.loop = asyncio.get_running_loop()
        self._done = done
        self._jobs, self._replies = process.pipes
        self._waiting: deque[tuple[Job, asyncio.Future[Done]]] = deque()
        self._sent: deque[tuple[Job, asyncio.Future[Done]]] = deque()
        self._under_way = 0
        self._got = bytearray()
        self._began = 0.0
        """When the first of what is sent became it."""
        self._watch: asyncio.TimerHandle | None = None
        self.stalled = False
        """Whether it takes no more, until it has answered what it was sent."""
        self.loop.add_reader(self._replies, self._read)

    @property
    def load(self) -> int:
        """How many pictures it has to decode."""
        return len(self._waiting) + len(self._sent)

    async def ask(self, job: Job) -> Done:
        """Raises RefusedError or LostError."""
        answer: asyncio.Future[Done] = self.loop.create_future()
        self._waiting.append((job, answer))
        self._send()
        return await answer

    def _send(self) -> None:
        while self._waiting:
            job, answer = self._waiting[0]
            size = REQUEST.size + len(job.data)
            if self._sent and self._under_way + size > ROOM:
                return
            self._waiting.popleft()
            self._sent.append((job, answer))
            self._under_way += size
            if len(self._sent) == 1:
                self._begun(job)
            try:
                os.write(self._jobs, self.process.head(job) + job.data)
            except OSError:
                self._end()
                return

    def _read(self) -> None:
        some = os.read(self._replies, 2**18)
        if not some:
            self._end()
            return
        self._got += some
        while len(self._got) >= REPLY.size:
            taken, jpeg, blank, width, height, length = REPLY.unpack_from(self._got)
            end = REPLY.size + length
            if end > _MOST or not self._sent:  # it was led astray
                self.process.stop()
                self._end()
                return
            if len(self._got) < end:
                return
            body = bytes(memoryview(self._got)[REPLY.size : end])
            del self._got[:end]
            if taken:
                self._answered(Done(body, bool(jpeg), bool(blank), width, height))
            else:
                self._answered(RefusedError(body.decode()))
        self._send()
        if not self._sent:
            self._leave(ended=False)

    def _answered(self, answered: Done | RefusedError) -> None:
        job, answer = self._sent.popleft()
        self._under_way -= REQUEST.size + len(job.data)
        if self._sent:
            self._begun(self._sent[0][0])
        if answer.done():  # who asked was cancelled
            return
        if isinstance(answered, RefusedError):
            answer.set_exception(answered)
        else:
            answer.set_result(answered)

    def _begun(self, job: Job) -> None:
        self._began = self.loop.time()
        if self._watch is None:
            self._watch = self.loop.call_later(STALL, self._look)

    def _look(self) -> None:
        """How long does the picture take that is being decoded?"""
        job, took = self._sent[0][0], self.loop.time() - self._began
        ends = self.process.patience(job)
        if took >= ends:
            self.process.stop()  # which ends its replies
            return
        if took >= STALL:
            self.stalled = True
            self._lose([answer for _, answer in (*self._sent, *self._waiting)][1:])
            self._waiting.clear()
        left = (ends if took >= STALL else STALL) - took
        self._watch = self.loop.call_later(left, self._look)

    def _end(self) -> None:
        """The process has ended over the first one."""
        lost = [answer for _, answer in (*self._sent, *self._waiting)]
        self._sent.clear()
        self._waiting.clear()
        why = self._leave(ended=True)
        if lost and not lost[0].done():
            lost[0].set_exception(RefusedError(why))
        self._lose(lost[1:])

    def _lose(self, answers: list[asyncio.Future[Done]]) -> None:
        for answer in answers:
            if not answer.done():
                answer.set_exception(LostError())

    def _leave(self, *, ended: bool) -> str:
        self.loop.remove_reader(self._replies)
        if self._watch is not None:
            self._watch.cancel()
        return self._done(self, ended)
