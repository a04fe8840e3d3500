"""LLMI's side of the warm sandbox: one zygote per process, shared by all episodes, event loops and threads.

A call takes its turn (as many at once as there are cores), hands the zygote its folder and one end of a socket, its
leash, and waits until the leash says how the run ended. Letting go of the leash ends the run.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import select
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from llmi_sandbox import fonts, zygote
from llmi_sandbox.confine import LIBRARIES, library_roots
from llmi_sandbox.job import Ended, load_ended

CALLS = 200
"""After so many a zygote is replaced."""
_BURIAL = 5.0
"""Seconds that a run may take to be over once its leash is let go."""
_LAUNCH = (
    "import sys; sys.path += sys.argv[1].split(':'); from llmi_sandbox.zygote import main; main()"
)


class Lost(Exception):  # noqa: N818
    """The run ended without a word: its zygote or its keeper is gone. Says what the zygote said last."""


class Zygote:
    """A zygote as its owner sees it."""

    def __init__(self) -> None:
        """Start one. It need not be waited for: what it is asked meanwhile, it does when it is warm.

        Raises OSError if it cannot be started.
        """
        self.calls = 0
        self._control, theirs = socket.socketpair()
        libraries = ":".join(library_roots((*LIBRARIES, "llmi_sandbox")))
        # Isolated (-I) but for PYTHONHASHSEED, which makes runs repeat; -S: only what is named is on the path.
        flags = ("-s", "-S", "-P", "-X", "utf8")
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, *flags, "-c", _LAUNCH, libraries, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=environment(fonts.folder()),
                cwd="/",
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_ready(self) -> bool:
        """Whether it has warmed up, or ended before it could."""
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        return bool(poll.poll(0))

    def ask(self, root: Path, leash: socket.socket) -> None:
        """Have it run the job in the folder. Raises OSError if it is gone."""
        self.calls += 1
        zygote.send(self._control, root, leash)

    def retire(self) -> None:
        """Let it do what it was asked, and end; its runs outlive it."""
        self._control.close()
        try:
            self._process.communicate(timeout=_BURIAL)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> str:
        """End it now; returns the last line that it said."""
        self._control.close()
        self._process.kill()
        _, said = self._process.communicate()
        return (said.decode("utf-8", "replace").strip().splitlines() or [""])[-1]

    def abandon(self) -> None:
        """In a fork of its owner: let go of it without a word."""
        self._control.close()
        self._process.returncode = 0  # it is not this process's child
        assert self._process.stderr is not None
        self._process.stderr.close()


class Pool:
    """The zygote of this process, and whose turn it is."""

    def __init__(self, workers: int) -> None:
        self._free = workers
        self._waiting: deque[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = deque()
        self._turns = threading.Lock()
        self._zygotes = threading.Lock()
        self._zygote: Zygote | None = None
        self._next: Zygote | None = None
        self._leashes: set[socket.socket] = set()

    @property
    def zygote(self) -> Zygote | None:
        """The one that is asked now, if there is one."""
        return self._zygote

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until one of the workers is free, first come, first served; from any event loop."""
        await self._take_turn()
        try:
            yield
        finally:
            self._pass_on()

    async def run(self, root: Path) -> Ended:
        """Run the job in the folder `root`; when this returns or raises, nothing of the run is left.

        Raises Lost, and OSError if no zygote can be started.
        """
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._leashes.add(ours)
        asking = asyncio.ensure_future(asyncio.to_thread(self._ask, root, theirs))
        try:
            asked = await asyncio.shield(asking)
            said = await _until_closed(ours)
        finally:
            # a task of its own: it goes on to its end even if this is cancelled once more
            await asyncio.wait({asyncio.ensure_future(self._let_go(ours, asking))})
        if not said:
            raise Lost(await asyncio.to_thread(self._discard, asked))
        return load_ended(said)

    def close(self) -> None:
        """End the zygotes."""
        with self._zygotes:
            ending = [each for each in (self._zygote, self._next) if each]
            self._zygote = self._next = None
        for each in ending:
            each.kill()

    def abandon(self) -> None:
        """In a fork of this process: nothing of this is the fork's, and no lock may be waited for."""
        for each in (self._zygote, self._next):
            if each:
                each.abandon()
        for leash in self._leashes:
            leash.close()

    def _ask(self, root: Path, leash: socket.socket) -> Zygote:
        """Hand the call to a zygote, and with it the other end of the leash."""
        self._leashes.add(leash)
        try:
            with self._zygotes:
                zygote = self._current()
                with contextlib.suppress(
                    OSError
                ):  # it is gone: the leash will close without a word
                    zygote.ask(root, leash)
                return zygote
        finally:
            leash.close()
            self._leashes.discard(leash)

    def _current(self) -> Zygote:
        """The zygote to ask. One that is to be replaced serves until its successor is warm."""
        if self._zygote is None:
            self._zygote, self._next = self._next or Zygote(), None
        elif self._zygote.calls >= CALLS:
            self._next = self._next or Zygote()
            if self._next.is_ready():
                self._zygote.retire()
                self._zygote, self._next = self._next, None
        return self._zygote

    async def _let_go(self, leash: socket.socket, asking: asyncio.Future[Zygote]) -> None:
        """Close our half, at which the keeper kills the run, and wait until it is done."""
        with contextlib.suppress(OSError):
            leash.shutdown(socket.SHUT_WR)
        await asyncio.wait({asking})
        try:
            if asking.exception() is None:
                async with asyncio.timeout(_BURIAL):
                    await _until_closed(leash)
        except TimeoutError:  # it hangs, and has not even forked
            await asyncio.to_thread(self._discard, asking.result())
        finally:
            leash.close()
            self._leashes.discard(leash)

    def _discard(self, lost: Zygote) -> str:
        """End a zygote that lost a call; returns the last line that it said."""
        with self._zygotes:
            if self._zygote is not lost:
                return ""  # another call has noticed before
            self._zygote = None
        return lost.kill()

    async def _take_turn(self) -> None:
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        with self._turns:
            if self._free:
                self._free -= 1
                return
            self._waiting.append((loop, turn))
        try:
            await turn
        except BaseException:
            with self._turns:
                had_it = (loop, turn) not in self._waiting
                if not had_it:
                    self._waiting.remove((loop, turn))
            if had_it:
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        """Give the turn to the next in line."""
        with self._turns:
            while self._waiting:
                loop, turn = self._waiting.popleft()
                with contextlib.suppress(RuntimeError):  # its loop is closed
                    loop.call_soon_threadsafe(_grant, turn)
                    return
            self._free += 1


def environment(cache: Path) -> dict[str, str]:
    """All the variables that a zygote gets: none is inherited."""
    threads = ("OPENBLAS", "OMP", "MKL", "NUMEXPR")
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": str(cache),
        "PYTHONHASHSEED": "0",
        **{f"{library}_NUM_THREADS": "1" for library in threads},
    }


def shared() -> Pool:
    """The pool of this process."""
    return _shared


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _grant(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)


async def _until_closed(leash: socket.socket) -> str:
    """All that comes by the leash until its other end closes."""
    loop, said = asyncio.get_running_loop(), b""
    while chunk := await loop.sock_recv(leash, 65536):
        said += chunk
    return said.decode()


def _start_anew() -> None:
    global _shared  # noqa: PLW0603 - a fork begins with a pool of its own
    _shared.abandon()
    _shared = Pool(_cores())


_shared = Pool(_cores())
atexit.register(lambda: shared().close())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)
