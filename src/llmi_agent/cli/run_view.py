"""What has happened in a run so far, as its events tell it. No drawing here: `progress` does that."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from llmi_agent.base.text import one_line
from llmi_agent.document.model import headings

SETTLED = ("kept", "missing")


@dataclass(frozen=True)
class StreamedHeading:
    """A heading that the policy has just finished writing."""

    level: int
    words: str


@dataclass
class SlotView:
    """What became of one slot so far."""

    number: int
    kind: str = ""
    """What the policy asked for; a fallback shows in the tool."""
    tool: str = ""
    description: str = ""
    state: str = "planned"
    message: str = ""
    """The tool's last word on it, or why it failed."""
    began: float | None = None
    ended: float | None = None

    @property
    def settled(self) -> bool:
        return self.state in SETTLED

    def seconds(self, now: float) -> float | None:
        """How long its calls have taken, repairs included; None if none has started."""
        return None if self.began is None else (self.ended or now) - self.began


class RunView:
    """Told one event after the other; gives back what is worth a line that stays."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.slots: dict[int, SlotView] = {}
        self.words = 0
        """About as many as the policy has written."""
        self.written = False
        """The draft is complete: the policy has said its last word."""
        self._text = ""
        self._headings = 0

    def tell(self, event: Mapping[str, Any]) -> list[StreamedHeading | SlotView]:
        """The headings and the settled slots that are new with this event."""
        match event.get("type"):
            case "text":
                return list(self._write(str(event.get("text", ""))))
            case "slot":
                ended = self._end_line() if event.get("state") == "planned" else []
                return [*ended, *self._change(event)]
            case "progress":
                self._slot(event).message = one_line(str(event.get("message", "")))
            case "restart":
                self._begin_anew()
            case "document":
                self.written = True
        return []

    @property
    def unsettled(self) -> list[SlotView]:
        """By number; the ones at work before those that wait."""
        waiting = [slot for slot in self.slots.values() if not slot.settled]
        return sorted(waiting, key=lambda slot: (slot.state == "planned", slot.number))

    def _begin_anew(self) -> None:
        self.slots.clear()
        self.words, self._text, self._headings = 0, "", 0

    def _write(self, text: str) -> Iterator[StreamedHeading]:
        self._text += text
        self.words += len(text.split())
        if "\n" in text:
            yield from self._new_headings(self._text[: self._text.rindex("\n")])

    def _end_line(self) -> list[StreamedHeading]:
        """A slot ends the line before it."""
        return list(self._new_headings(self._text))

    def _new_headings(self, text: str) -> Iterator[StreamedHeading]:
        found = headings(text)
        for level, words in found[self._headings :]:
            yield StreamedHeading(level, one_line(words))
        self._headings = max(self._headings, len(found))

    def _change(self, event: Mapping[str, Any]) -> list[StreamedHeading | SlotView]:
        slot = self._slot(event)
        slot.state = str(event.get("state", slot.state))
        slot.kind = slot.kind or one_line(str(event.get("kind", "")))
        slot.tool = one_line(str(event.get("tool") or slot.tool))
        slot.description = one_line(str(event.get("description") or slot.description))
        slot.message = one_line(str(event.get("message", "")))
        self.written = self.written or slot.state != "planned"
        if slot.state == "started" and slot.began is None:
            slot.began = self.clock()
        if slot.settled:
            slot.ended = self.clock()
            return [slot]
        return []

    def _slot(self, event: Mapping[str, Any]) -> SlotView:
        number = int(event.get("slot", 0))
        return self.slots.setdefault(number, SlotView(number))
