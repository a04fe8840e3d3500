"""Who listens to a session beside the journal: the graph's custom stream, and the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from structlog.typing import FilteringBoundLogger

from llmi_agent.base.logs import tells
from llmi_agent.contract.tool import Failed
from llmi_agent.records.events import (
    CallEnded,
    CallStarted,
    Charged,
    Composed,
    Event,
    ModelEnded,
    Noted,
    Opened,
    Progressed,
    Restarted,
    Resumed,
    SlotPlanned,
    SlotSettled,
    SlotTurned,
    Text,
    Unsampled,
)
from llmi_agent.records.known import Known
from llmi_agent.records.outcome import Dropped, Kept, Outcome

Listener = Callable[[Event], None]
Emit = Callable[[Mapping[str, Any]], None]
"""Shows an event of the stream, a plain dict, to who watches the run."""


def streaming(episode: str, emit: Emit) -> Listener:
    """Shows what a user interface may want to show, in the form that `docs/events.md` describes."""

    def listen(event: Event) -> None:
        if (shown := shown_of(event, episode)) is not None:
            emit(shown)

    return listen


def logging(log: FilteringBoundLogger, known: Known) -> Listener:
    """Writes a line for what happens to slots and calls, and for each model that fails."""

    def listen(event: Event) -> None:
        if isinstance(event, ModelEnded) and not event.accepted:
            asked, error = known.asked[event.call], event.error or event.cut
            log.warning("model.failed", model=asked.model, purpose=asked.purpose, error=error)
        elif tells():
            tell(event)

    def tell(event: Event) -> None:
        match event:
            case CallEnded():
                brief = _brief(event.outcome)
                log.info("call.finished", tool=event.tool, slot=event.slot, outcome=brief)
            case SlotPlanned() | CallStarted() | SlotTurned() | SlotSettled():
                fields = _slot(event)
                log.info(f"slot.{fields.pop('state').replace(' ', '_')}", **fields)

    return listen


def shown_of(event: Event, episode: str) -> dict[str, Any] | None:
    """An event as the stream has it; None for what is not shown."""
    kind, fields = _TYPES.get(type(event), ("", ()))
    match event:
        case Opened() | Resumed():
            record = event.options.get("record", "events")
            return {"type": "opened", "episode": episode, "record": record}
        case SlotPlanned() | CallStarted() | SlotTurned() | SlotSettled():
            return {"type": "slot", **_slot(event)}
        case Charged() if event.settled and event.charge:
            return {"type": "cost", **event.charge.model_dump()}
    return {"type": kind, **{name: getattr(event, name) for name in fields}} if kind else None


_TYPES: Mapping[type, tuple[str, tuple[str, ...]]] = {
    Text: ("text", ("text",)),
    Progressed: ("progress", ("slot", "message")),
    Restarted: ("restart", ("model", "message")),
    Unsampled: ("unsampled", ("model", "message")),
    Noted: ("note", ("message",)),
    Composed: ("document", ("title",)),
}
"""Those that are shown as they are: under which type, and what of them."""


def _slot(event: SlotPlanned | CallStarted | SlotTurned | SlotSettled) -> dict[str, Any]:
    fields: dict[str, Any]
    match event:
        case SlotPlanned():
            state = "planned"
            fields = {"kind": event.kind, "description": event.description or event.reason}
        case CallStarted():
            state = "cached" if event.cached else "started"
            fields = {"kind": event.kind, "tool": event.tool, "attempt": event.attempt}
        case SlotTurned():
            state, fields = event.step, {"reason": event.reason, "message": event.message}
        case SlotSettled():
            state = event.verdict.status
            fields = {"attempts": event.verdict.attempts, **_facts(event.verdict)}
    return {"slot": event.slot, "state": state, **fields}


def _facts(verdict: Kept | Dropped) -> dict[str, Any]:
    """What a watcher may want to know of a picture, and by which digest to read it from the store; or why there is none."""
    if isinstance(verdict, Dropped):
        return {"message": verdict.message}
    names = ("kind", "tool", "caption", "digest", "media_type", "width", "height")
    return {"message": "", **{name: getattr(verdict, name) for name in names}}


def _brief(outcome: Outcome) -> str:
    if isinstance(outcome, Failed):
        return f"{outcome.reason}: {outcome.message[:200]}"
    return f"{len(outcome.candidates)} picture(s)"
