"""From the events of an episode to its calls: who was asked what, when, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from llmi_agent.contract.tool import Failed
from llmi_agent.records.costs import Charge
from llmi_agent.records.events import (
    CallEnded,
    CallStarted,
    DraftGiven,
    Event,
    ModelEnded,
    ModelStarted,
    Restarted,
    SlotTurned,
)
from llmi_agent.records.known import Known
from llmi_agent.traces.parts import UNENDED, Attempt, ModelCall

Timed = tuple[float, Event]


def model_calls_of(events: Sequence[Timed], known: Known) -> tuple[ModelCall, ...]:
    """Every request to a model."""
    ends = {event.call: at for at, event in events if isinstance(event, ModelEnded)}
    return tuple(
        _model_call(at, event, ends.get(event.call), known)
        for at, event in events
        if isinstance(event, ModelStarted)
    )


def _model_call(at: float, asked: ModelStarted, ended: float | None, known: Known) -> ModelCall:
    answer = known.answered.get(asked.call)
    end = answer or ModelEnded(call=asked.call, accepted=False, cut=UNENDED)
    text = known.text(asked.call)
    return ModelCall(
        call=asked.call,
        purpose=asked.purpose,
        model=asked.model,
        language_model=asked.language_model,
        messages=tuple(known.conversation(asked.messages)),
        sampling=asked.sampling,
        slot=asked.slot,
        attempt=asked.attempt,
        parent=asked.parent,
        again=asked.again,
        text=text,
        raw=text if end.raw is None else end.raw,
        reasoning=end.reasoning,
        withheld=end.withheld,
        accepted=end.accepted,
        finish_reason=end.finish_reason,
        cut=end.cut,
        error=end.error,
        answered_by=end.answered_by,
        weights=end.weights or _weights(asked, known),
        tokens=end.tokens,
        started=at,
        first=end.first,
        ended=ended,
        input_tokens=end.input_tokens,
        output_tokens=end.output_tokens,
        charge=_charge(asked.call, known),
    )


def _weights(asked: ModelStarted, known: Known) -> str:
    """As the user says it, who says it of the model that is asked first."""
    if known.opened is None or asked.model != known.opened.model:
        return ""
    return str(known.opened.options.get("weights") or "")


def _charge(call: str, known: Known) -> Charge | None:
    charged = known.charges.get(call)
    return charged.charge if charged and charged.settled else None


def attempts_of(
    events: Sequence[Timed], known: Known
) -> tuple[tuple[Attempt, ...], tuple[Attempt, ...]]:
    """Every call of a tool; and those of them that were made for a slot of the draft that holds.

    A call that was made for a draft that was void later stands if the same is asked for anew: it is not made again.
    """
    made = list(_made(events, known))
    begun = max((n for n, (_, event) in enumerate(events) if _begins_draft(event)), default=-1)
    own = {attempt.call for place, attempt in made if place > begun}
    answered = {
        attempt.slot
        for place, attempt in made
        if place < begun and attempt.attempt == 0 and _asked_anew(attempt, known)
    }
    standing = [
        attempt
        for place, attempt in made
        if place > begun or (attempt.slot in answered and attempt.call not in own)
    ]
    return tuple(attempt for _, attempt in made), tuple(standing)


def _begins_draft(event: Event) -> bool:
    match event:
        case ModelStarted():
            return event.purpose == "draft"
        case DraftGiven() | Restarted():
            return True
    return False


def _asked_anew(attempt: Attempt, known: Known) -> bool:
    """Whether the slot of the draft that holds asks for the same as this first call of an earlier draft's did."""
    slot = known.planned.get(attempt.slot)
    same = slot is not None and (slot.kind, slot.description) == (attempt.kind, attempt.description)
    return same and attempt.outcome is not None and attempt.by != "nobody"


def _made(events: Sequence[Timed], known: Known) -> Iterable[tuple[int, Attempt]]:
    """Each with its place among the events. A call is started, and ends, perhaps not at all and perhaps several times."""
    started: list[tuple[int, float, CallStarted]] = []
    ends: dict[int, tuple[float, CallEnded]] = {}
    last: dict[str, int] = {}
    for place, (at, event) in enumerate(events):
        match event:
            case CallStarted():
                last[event.call] = place
                started.append((place, at, event))
            case CallEnded() if event.call in last:
                ends[last.pop(event.call)] = at, event
    newest = {start.call: place for place, _, start in started}
    steps = {(e.slot, e.attempt): e for _, e in events if isinstance(e, SlotTurned)}
    for place, at, start in started:
        ended, end = ends.get(place, (None, None))
        turned = steps.get((start.slot, start.attempt))
        failed = end is not None and isinstance(end.outcome, Failed)
        yield (
            place,
            Attempt(
                **{name: getattr(start, name) for name in _SAME},
                executes_code=_executes_code(start),
                job=known.jobs.get(start.call, ""),
                outcome=end.outcome if end else None,
                by=end.by if end else None,
                step=turned.step if turned and failed else None,
                started=at,
                ended=ended,
                # What is on record of its cost is that of the last time that it was made.
                charge=_charge(start.call, known) if newest[start.call] == place else None,
            ),
        )


_SAME = (
    "call",
    "slot",
    "attempt",
    "kind",
    "tool",
    "version",
    "description",
    "params",
    "inputs",
    "seed",
    "cached",
)
"""What an attempt says in the words of its start."""


def _executes_code(start: CallStarted) -> bool:
    """Earlier versions did not say; then all tools of the kind `code` did, and no others."""
    return start.kind == "code" if start.executes_code is None else start.executes_code
