"""The records of schema 1, which said less and said it in other words, as events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from llmi_agent.contract.tool import Attachment, Failed, Provenance
from llmi_agent.records.costs import Charge
from llmi_agent.records.events import (
    CallEnded,
    CallJob,
    CallStarted,
    Charged,
    Composed,
    Event,
    Input,
    Message,
    ModelEnded,
    ModelStarted,
    ModelText,
    Opened,
    Ordered,
    SlotSettled,
)
from llmi_agent.records.outcome import Finished, read_verdict
from llmi_agent.records.record import Record


class Former:
    """Reads one episode's records, in their order."""

    def __init__(self) -> None:
        self._model = ""
        self._asked: tuple[str, ...] = ()
        self._calls = 0

    def events(self, record: Record) -> Iterator[Event]:
        """What a record says. A half-written draft (`text`) is left out: it was asked for anew."""
        data = json.loads(record.data)
        match record.kind:
            case "opened":
                yield self._opened(data)
            case "order":
                yield Ordered(order=data)
            case "asked":
                messages = [Message.of(body) for body in data]
                yield from messages
                self._asked = tuple(each.digest for each in messages)
            case "drafted":
                text, cut = data
                yield from self._answer(text, purpose="draft", model=record.key, cut=cut)
            case "answer":
                slot, attempt = map(int, record.key.split(":"))
                yield from self._answer(data, purpose="repair", slot=slot, attempt=attempt)
            case "started":
                yield CallStarted(call=record.key, **data)
            case "job":
                yield CallJob(call=record.key, job=data)
            case "charge":
                yield _charged(record.key, data)
            case "finished":
                yield ended(record.key, data)
            case "verdict":
                origin, verdict = data
                filled = read_verdict(_flat(verdict))
                yield SlotSettled(slot=int(record.key), origin=origin, verdict=filled)
            case "composed":
                yield Composed(title=data)

    def _opened(self, data: dict[str, Any]) -> Opened:
        self._model = data.get("model", "")
        return Opened(
            prompt=data["prompt"],
            message=data.get("message"),
            seed=data.get("seed", 0),
            attachments=tuple(Attachment(**each) for each in data["attachments"]),
            inputs=tuple(
                Input(**{**each, "provenance": Provenance(**each["provenance"])})
                for each in data["inputs"]
            ),
            model=self._model,
            bindings=data.get("bindings", {}),
            options=data.get("options", {}),
        )

    def _answer(
        self, text: str, *, purpose: str, model: str = "", cut: str = "", **about: Any
    ) -> Iterator[Event]:
        call = f"former-{self._calls}"
        self._calls += 1
        named = model or self._model
        is_model = named != "offline"
        yield ModelStarted(
            call=call,
            purpose=purpose,
            model=named,
            messages=self._asked,
            language_model=is_model,
            **about,
        )
        yield ModelText(call=call, start=0, text=text)
        yield ModelEnded(call=call, accepted=True, cut=cut)


def ended(call: str, data: dict[str, Any]) -> CallEnded:
    """The end of a call; which slot and which tool it was is in the record of its start."""
    outcome: Finished | Failed
    if "failed" in data:
        outcome = Failed(**data["failed"])
    else:
        candidates = [_flat(each) for each in data["candidates"]]
        outcome = Finished.model_validate({**data, "candidates": candidates})
    return CallEnded(call=call, slot=0, attempt=0, tool="", outcome=outcome)


def _charged(call: str, data: dict[str, Any] | None) -> Charged:
    if not data:
        return Charged(call=call, charge=None, settled=True)
    charge = Charge.model_validate(data["charge"])
    return Charged(
        call=call, charge=charge, reserved=data["reserved"], settled=charge.basis != "unknown"
    )


def _flat(data: dict[str, Any]) -> dict[str, Any]:
    """A picture's facts beside each other, as they are now; a caption was a description."""
    flat = {k: v for k, v in data.items() if k not in ("artifact", "description")}
    if "description" in data:
        flat["caption"] = data["description"]
    return {**flat, **data.get("artifact", {})}
