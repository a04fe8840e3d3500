"""One trace on a terminal: its calls, its slots and what became of each, line by line."""

from __future__ import annotations

from collections.abc import Iterator

from llmi_agent.base.text import one_line
from llmi_agent.cli.text import plural
from llmi_agent.document.render.wording import bill, dollars, size
from llmi_agent.records.outcome import Dropped, Kept
from llmi_agent.traces.parts import Attempt, ModelCall, TracedSlot
from llmi_agent.traces.trace import Reward, Trace
from llmi_agent.traces.words import (
    blamed,
    came_of,
    duration,
    moment,
    scope_of,
    verdict_of,
    worth,
)

_PROMPT, _LINE = 600, 160
"""Characters of a prompt, and of other words, that a line has."""
_NAME = 12


def lines(trace: Trace) -> Iterator[str]:
    """The whole of it."""
    yield from _head(trace)
    yield ""
    yield f"Model calls ({_sampled(trace)})"
    yield from (f"  {_model_call(each)}" for each in trace.calls)
    if trace.slots:
        yield ""
        yield f"Slots ({_tally(trace)})"
        for slot in trace.slots:
            yield from (f"  {line}" for line in _slot(slot))
    yield from _void(trace)
    if trace.rewards:
        yield ""
        yield "Rewards"
        yield from (f"  {_reward(each)}" for each in trace.rewards)


def _sampled(trace: Trace) -> str:
    known = sum(each.tokens is not None for each in trace.calls)
    return f"tokens on record of {known} of {len(trace.calls)}"


def _head(trace: Trace) -> Iterator[str]:
    yield _field("Episode", trace.episode)
    yield _field("State", f"{trace.state}: {trace.halted}" if trace.halted else trace.state)
    seconds = trace.ended - trace.began
    yield _field("Began", f"{moment(trace.began)}, took {duration(seconds)}")
    yield _field("Model", trace.model or "not on record")
    yield _field("Prompt", one_line(trace.prompt, _PROMPT))
    for file in trace.attachments:
        yield _field("Attached", f"{file.name} ({file.media_type}, {size(file.size)})")
    yield _field("Cost", bill(trace.costs) or "free")
    member = "" if trace.member is None else f"member {trace.member} of "
    yield from _maybe("Group", f"{member}{trace.group}" if trace.group else "")
    yield from _maybe("Split", trace.split)
    yield from _maybe("Goes on from", trace.opened.parent)


def _maybe(name: str, value: str) -> Iterator[str]:
    if value:
        yield _field(name, value)


def _field(name: str, value: str) -> str:
    return f"{name:<{_NAME}} {one_line(value, _PROMPT)}"


def _model_call(call: ModelCall) -> str:
    about = "" if call.slot is None else f" of slot {call.slot}"
    parts = [
        f"{call.purpose}{about}",
        call.model,
        _again(call.again),
        _taken(call.seconds, None if call.first is None else call.first - call.started),
        _tokens(call),
        call.finish_reason and f"finish {call.finish_reason}",
        dollars(call.charge.usd) if call.charge else "",
        came_of(call),
    ]
    return one_line(", ".join(part for part in parts if part), _PROMPT)


def _again(count: int) -> str:
    return f"asked again ({count})" if count else ""


def _taken(seconds: float | None, first: float | None) -> str:
    if seconds is None:
        return "never ended"
    return duration(seconds) + (f" (first word {duration(first)})" if first is not None else "")


def _tokens(call: ModelCall) -> str:
    told = [
        f"{count:,} {name}"
        for name, count in (("in", call.input_tokens), ("out", call.output_tokens))
        if count is not None
    ]
    if call.tokens is not None:
        told.append(f"{len(call.tokens.completion):,} ids")
    return ", ".join(told)


def _tally(trace: Trace) -> str:
    kept = sum(isinstance(each.verdict, Kept) for each in trace.slots)
    missing = sum(isinstance(each.verdict, Dropped) for each in trace.slots)
    left = len(trace.slots) - kept - missing
    return f"{kept} kept, {missing} missing" + (f", {left} without a verdict" if left else "")


def _slot(slot: TracedSlot) -> Iterator[str]:
    kind = slot.kind or "unreadable"
    where = f"characters {slot.span[0]:,} to {slot.span[1]:,}"
    tokens = f", tokens {slot.tokens[0]:,} to {slot.tokens[1]:,}" if slot.tokens else ""
    words = slot.description or slot.unread
    yield f"{slot.slot}  {kind}  {one_line(words, _LINE)}  ({where}{tokens})"
    yield from (f"   {_attempt(each)}" for each in slot.attempts)
    yield f"   {one_line(verdict_of(slot), _PROMPT)}"


def _attempt(attempt: Attempt) -> str:
    parts = [
        f"attempt {attempt.attempt}",
        attempt.tool,
        "found on record" if attempt.cached else _taken(attempt.seconds, None),
        _outcome(attempt),
        dollars(attempt.charge.usd) if attempt.charge else "",
        f"then {attempt.step}" if attempt.step else "",
    ]
    return one_line(", ".join(part for part in parts if part), _PROMPT)


def _outcome(attempt: Attempt) -> str:
    failure = attempt.failure
    if failure is None:
        return (
            plural(len(attempt.pictures), "picture") if attempt.outcome else "cut with its process"
        )
    return f"failed ({failure.reason}, {blamed(attempt.blame)}): {one_line(failure.message, _LINE)}"


def _void(trace: Trace) -> Iterator[str]:
    standing = {(each.call, each.started) for slot in trace.slots for each in slot.attempts}
    void = [each for each in trace.attempts if (each.call, each.started) not in standing]
    if void:
        yield ""
        yield "Calls for drafts that were void later"
        yield from (f"  slot {each.slot}  {_attempt(each)}" for each in void)


def _reward(reward: Reward) -> str:
    given = reward.given
    parts = [
        f"{given.component} {worth(given)}",
        scope_of(given),
        given.profile and f"by {given.profile}",
        given.judge and f"judged by {given.judge}",
        given.reason,
        moment(reward.at),
        "" if reward.current else "the run has gone on since",
    ]
    return one_line(", ".join(part for part in parts if part), _PROMPT)
