"""One checkpoint at work: calls come from any event loop, and are answered in one thread, many at once. Imports torch lazily."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from llmi_agent.contract import PolicyFailed
from llmi_transformers.folder import Folder
from llmi_transformers.settings import Settings

if TYPE_CHECKING:
    from llmi_transformers.batch import Batch, Row
    from llmi_transformers.loading import Loaded

_PIECE, _PIECE_EACH = 0.1, 0.01
"""Seconds between two times that what is new is handed on, and more for each answer that is written: every piece of every one
of them costs those who read it about a millisecond."""
_ADMIT = 4
"""Tokens between two times that calls are let in while others are written."""
_WORDS = 300


@dataclass(frozen=True)
class Piece:
    """What is new of an answer."""

    ids: Sequence[int] = ()
    logprobs: Sequence[float] = ()
    finish: str = ""
    """Why it ends here; empty if it does not."""
    error: BaseException | None = None


@dataclass(eq=False)
class _Call:
    """An answer that somebody waits for."""

    row: Row
    loop: asyncio.AbstractEventLoop
    heard: asyncio.Queue[Piece] = field(default_factory=asyncio.Queue)
    told: int = 0
    """How many of its tokens were handed on."""

    @property
    def goes_on(self) -> bool:
        """There is more to tell, or will be."""
        return not self.row.dropped and (not self.row.finish or self.told < len(self.row.ids))

    def news(self) -> Piece | None:
        row, start = self.row, self.told
        if len(row.ids) == start:
            return None
        self.told = len(row.ids)
        return Piece(row.ids[start:], row.logprobs[start:], row.finish)


class Engine:
    """To be had from `engine_of`."""

    def __init__(self, folder: Folder, settings: Settings) -> None:
        self._folder = folder
        self._settings = settings
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="llmi-transformers")
        self._lock = threading.Lock()
        self._waiting: deque[_Call] = deque()
        self._working = False
        self._loaded: Loaded | None = None

    def version(self) -> str:
        """Of the checkpoint, by its files. Raises PolicyFailed if they cannot be read."""
        try:
            return self._folder.version()
        except OSError as error:
            raise PolicyFailed(
                f"{self._folder.path} cannot be read: {error.strerror or error}", "input"
            ) from None

    async def loaded(self) -> Loaded:
        """The checkpoint, loaded on first use. Raises PolicyFailed if it cannot be."""
        if self._loaded is None:
            return await asyncio.wrap_future(self._thread.submit(self._load))
        return self._loaded

    async def answer(self, row: Row) -> AsyncGenerator[Piece]:
        """The answer in pieces. Whoever stops listening stops it."""
        call = _Call(row, asyncio.get_running_loop())
        with self._lock:
            self._waiting.append(call)
            if not self._working:
                self._working = True
                self._thread.submit(self._work)
        try:
            while True:
                piece = await call.heard.get()
                if piece.error:
                    raise piece.error
                yield piece
                if piece.finish:
                    return
        finally:
            row.dropped = True

    def _load(self) -> Loaded:
        from llmi_transformers.loading import load

        found = self._loaded or load(self._folder, self._settings)
        self._loaded = found
        return found

    def _work(self) -> None:
        """Until there is nothing to write."""
        calls: list[_Call] = []
        try:
            import torch

            from llmi_transformers.batch import Batch

            with torch.inference_mode():
                self._write(Batch(self._load()), calls)
        except BaseException as error:  # noqa: BLE001 - whoever waits must hear of it
            self._fail(calls, error)

    def _write(self, batch: Batch, calls: list[_Call]) -> None:
        steps, flushed = 0, 0.0
        while True:
            if (steps % _ADMIT == 0 or not batch.rows) and not self._admit(batch, calls):
                return
            if batch.rows:
                batch.step()
                steps += 1
            if time.monotonic() - flushed >= _PIECE + _PIECE_EACH * len(calls):
                flushed = time.monotonic()
                _tell(calls)
            elif steps % _ADMIT == 0 or not batch.rows:
                _tell(each for each in calls if each.row.finish)
            calls[:] = [each for each in calls if each.goes_on]

    def _admit(self, batch: Batch, calls: list[_Call]) -> bool:
        """Let in those that wait, as far as there is room; whether there is anything to do."""
        with self._lock:
            room = self._settings.batch - batch.alive
            fresh = [self._waiting.popleft() for _ in range(min(room, len(self._waiting)))]
            if not (fresh or batch.rows or calls):
                self._working = False
                return False
        calls += fresh
        if rows := [each.row for each in fresh if each.row.alive]:
            batch.join(rows)
        return True

    def _fail(self, calls: Sequence[_Call], error: BaseException) -> None:
        with self._lock:
            failed = [*calls, *self._waiting]
            self._waiting.clear()
            self._working = False
        _post((call, Piece(error=_failure(self._folder, error))) for call in failed)


def _tell(calls: Iterable[_Call]) -> None:
    """Hand on what is new."""
    _post((call, news) for call in calls if (news := call.news()))


def _post(news: Iterable[tuple[_Call, Piece]]) -> None:
    """To each event loop at once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Call, Piece]]] = {}
    for call, piece in news:
        by_loop.setdefault(call.loop, []).append((call, piece))
    for loop, some in by_loop.items():
        try:
            loop.call_soon_threadsafe(_put, some)
        except RuntimeError:  # it is closed, and nobody waits
            for call, _ in some:
                call.row.dropped = True


def _put(news: Sequence[tuple[_Call, Piece]]) -> None:
    for call, piece in news:
        call.heard.put_nowait(piece)


def _failure(folder: Folder, error: BaseException) -> BaseException:
    """What a caller is told."""
    if isinstance(error, PolicyFailed):
        return error
    words = " ".join(f"{type(error).__name__}: {error}".split())
    if "out of memory" in words or "allocate memory" in words:
        return PolicyFailed(
            f"{folder.path} does not fit into memory with what it writes at once; lower LLMI_TRANSFORMERS_BATCH"
        )
    return PolicyFailed(f"{folder.path} has failed: {words:.{_WORDS}}")


_engines: WeakValueDictionary[Any, Engine] = WeakValueDictionary()
_making = threading.Lock()


def engine_of(folder: Folder, settings: Settings) -> Engine:
    """The one of this process, as long as anybody has it; another one where the checkpoint was written anew."""
    key = (folder.path.resolve(), folder.stamp, settings)
    with _making:
        found = _engines.get(key)
        if found is None:
            found = _engines[key] = Engine(folder, settings)
        return found
