"""Those who wait for answers, and how they hear of them: calls come from any event loop of this process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeAlias

from llmi_agent.contract import PolicyFailed
from llmi_transformers.wire import Ask, Begun, Drop, Lost, Piece, Waits

News: TypeAlias = Begun | Waits | Piece | Lost


@dataclass(eq=False)
class Call:
    """An answer that somebody waits for."""

    loop: asyncio.AbstractEventLoop
    heard: asyncio.Queue[News] = field(default_factory=asyncio.Queue)


class Post:
    """Between those who ask and the one that writes, which a subclass reaches by `_send`."""

    def __init__(self) -> None:
        self._calls: dict[int, Call] = {}
        self._lock = threading.Lock()
        self.dead = False
        """Nothing writes here any more."""

    def ask(self, ask: Ask, call: Call) -> None:
        """From now on the call hears of it."""
        with self._lock:
            self._calls[ask.call] = call
        self._send(ask)
        if self.dead:
            self._lose(self._why())

    def forget(self, number: int, *, told: bool) -> None:
        """The call hears no more. told: it has heard all."""
        with self._lock:
            known = self._calls.pop(number, None)
        if known and not told:
            self._send(Drop(number))

    def _send(self, value: Ask | Drop) -> None:
        raise NotImplementedError

    def _why(self) -> str:
        """Why nothing writes here any more."""
        raise NotImplementedError

    def _hand_on(self, news: Sequence[News]) -> None:
        """To each event loop at once."""
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Call, News]]] = {}
        with self._lock:
            for each in news:
                if call := self._calls.get(each.call):
                    by_loop.setdefault(call.loop, []).append((call, each))
        for loop, some in by_loop.items():
            with suppress(RuntimeError):  # it is closed, and nobody waits
                loop.call_soon_threadsafe(_put, some)

    def _lose(self, why: str) -> None:
        with self._lock:
            numbers = [*self._calls]
        self._hand_on([Lost(number, why) for number in numbers])


def _put(news: Sequence[tuple[Call, News]]) -> None:
    for call, each in news:
        call.heard.put_nowait(each)


class Answering:
    """What answers a chat model's calls. A subclass says where they go (`_open`), and which weights answer (`version`)."""

    def __init__(self) -> None:
        self._numbers = count()

    def version(self) -> str:
        """Of the weights. Raises PolicyFailed if that cannot be said."""
        raise NotImplementedError

    def _open(self) -> Post:
        """Where answers are written now; it may take a while. Raises PolicyFailed."""
        raise NotImplementedError

    async def answer(
        self, messages: Sequence[Mapping[str, Any]], asked: Mapping[str, Any], stops: Sequence[str]
    ) -> AsyncGenerator[Begun | Waits | Piece]:
        """What was read, now and then that it waits for its turn, and the answer in pieces. Whoever stops listening stops it. Raises PolicyFailed.

        messages: in the form of OpenAI. asked: how it is to be sampled. stops: strings before which it ends.
        """
        number, call = next(self._numbers), Call(asyncio.get_running_loop())
        post = await asyncio.to_thread(self._open)
        ended = False
        try:
            post.ask(Ask(number, messages, asked, stops), call)
            while not ended:
                news = await call.heard.get()
                ended = isinstance(news, Lost) or (isinstance(news, Piece) and bool(news.finish))
                if isinstance(news, Lost):
                    raise PolicyFailed(news.message, news.reason)
                yield news
        finally:
            post.forget(number, told=ended)
