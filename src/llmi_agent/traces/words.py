"""What is said of a trace in words for people: on a terminal, and on a page."""

from __future__ import annotations

from datetime import UTC, datetime

from llmi_agent.records.events import Rewarded
from llmi_agent.records.outcome import Dropped, Kept
from llmi_agent.traces.parts import Blame, ModelCall, TracedSlot


def came_of(call: ModelCall) -> str:
    """Whether the run went on with an answer, or why not."""
    if call.accepted:
        return f"accepted, though cut: {call.cut}" if call.cut else "accepted"
    return f"not accepted: {call.error or call.cut or 'it was no use'}"


def blamed(blame: Blame | None) -> str:
    """Who is to blame, in words."""
    return {"policy": "the policy's fault", "infrastructure": "the infrastructure's fault"}.get(
        blame or "", "nobody's fault"
    )


def verdict_of(slot: TracedSlot) -> str:
    """What became of a slot, in words."""
    match slot.verdict:
        case Kept() as kept:
            instead = (
                f"; another kind stands in, because: {kept.instead_of}" if kept.instead_of else ""
            )
            return (
                f"kept: {kept.media_type}, {kept.width}x{kept.height}, {kept.digest[:12]}{instead}"
            )
        case Dropped() as dropped:
            return f"missing ({dropped.reason}, {blamed(slot.blame)}): {dropped.message}"
    return "no verdict: the run ended before there was one"


def worth(given: Rewarded) -> str:
    """A reward's value, or why it has none."""
    return (
        f"none ({given.error or 'no reason given'})" if given.value is None else f"{given.value:g}"
    )


def scope_of(given: Rewarded) -> str:
    """What a reward is for, in words."""
    return "episode" if given.scope == "episode" else f"{given.scope} {given.about}"


def moment(at: float) -> str:
    """A time to read, in UTC."""
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"{at:g} s after 1970"


def duration(seconds: float) -> str:
    """A time span to read: "42 ms", "0.42 s", "3 min 12 s", "2 h 5 min"."""
    if abs(seconds) < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if abs(seconds) < 60:
        return f"{seconds:.2f} s" if abs(seconds) < 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"
