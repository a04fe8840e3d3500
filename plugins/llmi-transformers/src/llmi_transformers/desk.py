"""Where answers are written: orders come in, the batch goes on token by token, and what is new is handed out. Imports torch."""

from __future__ import annotations

import os
import queue
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch

from llmi_agent.contract import PolicyFailed
from llmi_transformers.asking import most_of, prompt_of, sampling_of
from llmi_transformers.batch import Batch, Row
from llmi_transformers.loading import Loaded, load
from llmi_transformers.text import Parts, Spoken, Stops, decoder
from llmi_transformers.wire import Ask, Begun, Drop, Lost, Open, Piece, Stop, Waits

Order: TypeAlias = Ask | Drop | Stop
_PIECE, _PIECE_EACH = 0.1, 0.01
"""Seconds between two times that what is new is handed out, and more for each answer that is written: each piece of each of
them costs those who read it about a millisecond. Of this thread's own work, so that a busy machine is not made busier."""
_ADMIT = 4
"""Tokens between two times that new answers are begun while others are written, and that those that have ended are told."""
_WAITS = 2.0
"""Seconds between two times that those whose turn has not come hear that others are being written."""
_WORDS = 300
_SMALL = 30_000_000
"""Parameters."""


@dataclass(eq=False)
class _Answer:
    """An answer that somebody waits for."""

    call: int
    row: Row
    parts: Parts
    """Of the tokenizer."""
    spoken: Spoken
    stops: Stops
    told: int = 0
    """How many of its tokens were handed out."""

    def news(self) -> Piece | None:
        """What is new of it."""
        row, start = self.row, self.told
        ids, logprobs = row.ids[start:], row.logprobs[start:]
        if not ids:
            return None
        self.told += len(ids)
        speaking = ids[:-1] if row.finish == "stop" else ids
        text, is_open = self.spoken.add(speaking, last=bool(row.finish))
        text, stopped = self.stops.add(text, last=bool(row.finish))
        row.dropped = stopped
        finish = "stop" if stopped else row.finish
        parts = [] if is_open else self.parts.of(ids, len(speaking), text)
        return Piece(self.call, text, ids, logprobs, parts, is_open, finish)

    @property
    def goes_on(self) -> bool:
        """There is more to tell, or will be."""
        return not self.row.dropped and (not self.row.finish or self.told < len(self.row.ids))


class Desk:
    """Loads what is opened, and writes what is ordered."""

    def __init__(
        self,
        opening: Open,
        orders: queue.SimpleQueue[Order],
        say: Callable[[Sequence[Begun | Waits | Piece | Lost]], None],
    ) -> None:
        self._opening = opening
        self._orders = orders
        self._say = say
        self._waiting: deque[tuple[int, Row]] = deque()
        self._answers: dict[int, _Answer] = {}
        self._stopped = False

    def work(self) -> None:
        """Until it is told to stop."""
        try:
            loaded = load(self._opening.folder, self._opening.settings)
        except PolicyFailed as error:
            self._refuse(error)
            return
        _set_threads(loaded)
        with torch.inference_mode():
            self.write(loaded)

    def write(self, loaded: Loaded) -> None:
        """What is ordered, until it is told to stop; what is not at its end then is lost."""
        self._loaded = loaded
        self._decode = decoder(loaded.tokenizer)
        self._parts = Parts(self._decode)
        while not self._stopped:
            self._batch = Batch(loaded)
            try:
                self._write()
            except Exception as error:  # noqa: BLE001 - whoever waits must hear of it
                self._fail(error)

    def _refuse(self, error: PolicyFailed) -> None:
        while not isinstance(order := self._orders.get(), Stop):
            self._say([Lost(order.call, str(error), error.reason)])

    def _write(self) -> None:
        steps, told, comforted = 0, 0.0, time.monotonic()
        while not self._stopped:
            if steps % _ADMIT == 0 or not self._batch.rows:
                self._take()
            if self._batch.rows:
                self._batch.step()
                steps += 1
                if self._waiting and time.monotonic() - comforted >= _WAITS:
                    comforted = time.monotonic()
                    self._say([Waits(call) for call, _ in self._waiting])
            answers = self._answers.values()
            if time.thread_time() - told >= _PIECE + _PIECE_EACH * len(answers):
                told = time.thread_time()
                self._tell(answers)
            elif steps % _ADMIT == 0 or not self._batch.rows:
                self._tell(each for each in answers if each.row.finish)

    def _tell(self, answers: Iterable[_Answer]) -> None:
        news = [piece for each in answers if (piece := each.news())]
        if news:
            self._say(news)
        self._answers = {n: each for n, each in self._answers.items() if each.goes_on}

    def _take(self) -> None:
        """What was ordered meanwhile; waits for it where there is nothing to write."""
        idle = not (self._batch.rows or self._waiting or self._answers)
        while idle or not self._orders.empty():
            self._order(self._orders.get())
            idle = False
        if self._stopped:
            return
        room = self._opening.settings.batch - self._batch.alive
        fresh = [self._waiting.popleft() for _ in range(min(room, len(self._waiting)))]
        for call, row in fresh:
            spoken, stops = Spoken(self._decode), Stops(row.stops)
            self._answers[call] = _Answer(call, row, self._parts, spoken, stops)
        if fresh:
            self._batch.join([row for _, row in fresh])

    def _order(self, order: Order) -> None:
        if isinstance(order, Stop):
            self._stopped = True
            return
        if isinstance(order, Drop):
            if answer := self._answers.pop(order.call, None):
                answer.row.dropped = True
            self._waiting = deque(each for each in self._waiting if each[0] != order.call)
            return
        try:
            row = _row(self._loaded, self._opening.folder.path.name, order)
        except PolicyFailed as error:
            self._say([Lost(order.call, str(error), error.reason)])
            return
        self._say([Begun(order.call, row.prompt, self._loaded.version)])
        self._waiting.append((order.call, row))

    def _fail(self, error: Exception) -> None:
        lost = [*self._answers, *(call for call, _ in self._waiting)]
        self._answers.clear()
        self._waiting.clear()
        self._say([Lost(call, _why(self._opening, error)) for call in lost])


def _set_threads(loaded: Loaded) -> None:
    """For a small model several threads cost more than they gain; the user may say otherwise."""
    small = loaded.model.num_parameters() < _SMALL
    if small and loaded.device.type == "cpu" and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)


def _row(loaded: Loaded, name: str, ask: Ask) -> Row:
    """Raises PolicyFailed if it cannot be asked so."""
    sampling = sampling_of(ask.asked)
    prompt = prompt_of(name, loaded, ask.messages, ask.asked.get("chat_template_kwargs") or {})
    most = most_of(name, loaded, len(prompt.ids), ask.asked.get("max_tokens"))
    return Row(prompt.ids, sampling, most, loaded.ends, tuple(ask.stops), prompt.pictures)


def _why(opening: Open, error: Exception) -> str:
    """What a caller is told."""
    words = " ".join(f"{type(error).__name__}: {error}".split())
    if "out of memory" in words or "allocate memory" in words:
        return (
            f"{opening.folder.path} does not fit into memory with what it writes at once; lower LLMI_TRANSFORMERS_BATCH "
            f"({opening.settings.batch})"
        )
    return f"{opening.folder.path} has failed: {words:.{_WORDS}}"
