"""The calls of models and of tools, ready for the page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from llmi_agent.document.render.wording import dollars
from llmi_agent.traces.page.room import Passage, Room
from llmi_agent.traces.parts import Attempt, ModelCall
from llmi_agent.traces.trace import Trace
from llmi_agent.traces.words import blamed, came_of, duration

MOST_CALLS = 500
_MOST_MESSAGE, _MOST_ANSWER, _MOST_PARAMS, _MOST_SAID = 20_000, 60_000, 6_000, 4_000


@dataclass(frozen=True)
class Fact:
    """A line of what is known of a call."""

    label: str
    value: str


@dataclass(frozen=True)
class Sent:
    """A message that a model was sent."""

    role: str
    text: Passage
    anchor: str
    above: bool
    """It was sent before, and stands there."""


@dataclass(frozen=True)
class Answer:
    """A call of a model."""

    call: ModelCall
    anchor: str
    state: str
    came: str
    took: str
    facts: list[Fact]
    sent: list[Sent]
    text: Passage
    raw: Passage | None
    """What the model wrote, where that is not what is shown."""
    reasoning: Passage | None
    as_draft: bool
    """Its answer is the draft that the page shows."""


@dataclass(frozen=True)
class Try:
    """A call of a tool."""

    attempt: Attempt
    anchor: str
    state: str
    took: str
    cost: str
    blame: str
    said: Passage
    params: Passage
    facts: list[Fact]


def came_to(failed: int, cut: int) -> str:
    """What is said of calls that came to nothing: ", 2 failed, 1 cut"; empty if there is none."""
    return (f", {failed} failed" if failed else "") + (f", {cut} cut" if cut else "")


def anchor_of(attempt: Attempt) -> str:
    """Where the page has a call of a tool."""
    return f"call-{attempt.call[:32]}-{round(attempt.started * 1e6) % 10**12}"


def answers(trace: Trace, room: Room) -> list[Answer]:
    """The calls of models that there is room for."""
    seen: dict[str, str] = {}
    draft = next((c.call for c in reversed(trace.calls) if c.purpose == "draft" and c.text), "")
    return [
        _answer(number, call, seen, room, draft=call.call == draft)
        for number, call in enumerate(trace.calls[:MOST_CALLS])
    ]


def _answer(
    number: int, call: ModelCall, seen: dict[str, str], room: Room, *, draft: bool
) -> Answer:
    return Answer(
        call=call,
        anchor=f"model-{number}",
        state="good" if call.accepted else "cut" if call.ended is None else "bad",
        came=came_of(call),
        took="never ended" if call.seconds is None else duration(call.seconds),
        facts=[each for each in _facts(call) if each.value],
        sent=[
            _sent(f"model-{number}-message-{place}", body, seen, room)
            for place, body in enumerate(call.messages)
        ],
        text=Passage("") if draft else room.text(call.text, _MOST_ANSWER),
        raw=room.text(call.raw, _MOST_ANSWER) if call.raw != call.text else None,
        reasoning=room.text(call.reasoning, _MOST_ANSWER) if call.reasoning else None,
        as_draft=draft,
    )


def _sent(anchor: str, body: dict[str, Any], seen: dict[str, str], room: Room) -> Sent:
    data = body.get("data") or {}
    text = _words(data.get("content", ""))
    role = str(body.get("type", "message"))
    key = f"{role}\n{text}"
    if key in seen:
        return Sent(role, Passage(""), seen[key], above=True)
    seen[key] = anchor
    return Sent(role, room.text(text, _MOST_MESSAGE), anchor, above=False)


def _words(content: Any) -> str:
    """What a message says; what is no text is shown as JSON."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return plain(content)
    return "\n".join(
        each
        if isinstance(each, str)
        else str(each["text"])
        if isinstance(each, dict) and "text" in each
        else plain(each)
        for each in content
    )


def plain(value: Any) -> str:
    """Data as JSON to read."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)


def _facts(call: ModelCall) -> Iterator[Fact]:
    yield Fact(
        "Asked for", "" if call.language_model else "a program answers, not a language model"
    )
    yield Fact("Answered by", call.answered_by or "")
    yield Fact("Weights", call.weights)
    yield Fact(
        "First word after", "" if call.first is None else duration(call.first - call.started)
    )
    yield Fact("Finish reason", call.finish_reason)
    yield Fact("Cut", call.cut)
    yield Fact("Error", call.error)
    yield Fact(
        "Withheld", "it held a secret, so the raw text is not on record" if call.withheld else ""
    )
    yield Fact("Tokens read", _count(call.input_tokens))
    yield Fact("Tokens written", _count(call.output_tokens))
    if call.tokens is not None:
        ids = call.tokens
        told = [f"{len(ids.completion):,} written"]
        told += [f"{len(ids.prompt):,} read"] if ids.prompt is not None else []
        told += [f"logprobs {ids.mode}".strip()] if ids.logprobs is not None else ["no logprobs"]
        yield Fact("Ids on record", ", ".join(told))
    yield Fact("Cost", cost_of(call.charge))
    yield Fact(
        "Sampling", ", ".join(f"{name} {_short(value)}" for name, value in call.sampling.items())
    )
    yield Fact("Goes on from", call.parent)
    yield Fact("Asked before", f"{call.again} times" if call.again else "")


def cost_of(charge: Any) -> str:
    """What a call cost, in words; empty if it is no charge."""
    if charge is None:
        return ""
    told: str = dollars(charge.usd) or "unknown"
    return f"{told}, estimated" if charge.basis == "estimated" else told


def _count(count: int | None) -> str:
    return "" if count is None else f"{count:,}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else plain(value)
    return text if len(text) <= 80 else text[:79] + "…"


def tries(trace: Trace, attempts: Iterable[Attempt], room: Room) -> Iterator[Try]:
    """Calls of tools."""
    for attempt in attempts:
        yield _try(attempt, room)


def _try(attempt: Attempt, room: Room) -> Try:
    failure = attempt.failure
    note = getattr(attempt.outcome, "note", "")
    return Try(
        attempt=attempt,
        anchor=anchor_of(attempt),
        state=state_of(attempt),
        took=""
        if attempt.cached
        else "never ended"
        if attempt.seconds is None
        else duration(attempt.seconds),
        cost=cost_of(attempt.charge),
        blame=blamed(attempt.blame) if attempt.blame else "",
        said=room.text(failure.message if failure else note, _MOST_SAID),
        params=room.text(plain(attempt.params) if attempt.params else "", _MOST_PARAMS),
        facts=[each for each in _about(attempt) if each.value],
    )


def state_of(attempt: Attempt) -> str:
    """The class of a call's mark."""
    if attempt.outcome is None:
        return "cut"
    if attempt.failure is not None:
        return "bad"
    return "found" if attempt.cached else "good"


def _about(attempt: Attempt) -> Iterator[Fact]:
    yield Fact("Version", attempt.version)
    yield Fact("Answered by", attempt.by if attempt.by not in (None, "tool") else "")
    yield Fact("Job", attempt.job)
    yield Fact("Seed", "" if attempt.seed is None else str(attempt.seed))
    yield Fact("Starts from", ", ".join(each[:16] for each in attempt.inputs))
    yield Fact("Call", attempt.call)


def void(trace: Trace, room: Room) -> list[Try]:
    """Calls for drafts that were void later."""
    standing = {(each.call, each.started) for slot in trace.slots for each in slot.attempts}
    left = [each for each in trace.attempts if (each.call, each.started) not in standing]
    return list(tries(trace, left[:MOST_CALLS], room))
