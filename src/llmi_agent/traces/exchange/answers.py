"""Answers as trainers learn from them, and what they are asked with; what cannot be learnt from is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from llmi_agent.records.events import SlotTurned
from llmi_agent.records.outcome import Kept
from llmi_agent.traces.exchange.messages import pictures_in, plain
from llmi_agent.traces.exchange.pictures import Carrier, Found
from llmi_agent.traces.parts import ModelCall
from llmi_agent.traces.trace import Trace


@dataclass
class Count:
    """What does not go into an export, by the reason."""

    left_out: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Sampled:
    """A question and its answer, as a trainer has them."""

    prompt: list[dict[str, Any]]
    completion: list[dict[str, Any]]
    images: list[dict[str, Any]] | None
    """None: the export is of text alone."""


def row_with(said: Sampled, **columns: Any) -> dict[str, Any]:
    """A row of these columns, and of the pictures if the export has any."""
    return columns if said.images is None else {**columns, "images": said.images}


def unfit(call: ModelCall) -> str:
    """Why nothing is to be learnt from an answer; empty if it may be."""
    if not call.language_model:
        return "an answer of a program, which is no language model's"
    if not call.accepted:
        return "an answer that was not accepted"
    if call.withheld:
        return "an answer that held a secret"
    if call.cut:
        return "an answer that ends early"
    return "" if call.raw.strip() else "an answer without words"


def mended(call: ModelCall, trace: Trace) -> bool:
    """Whether a repair's slot was kept as this answer asked for it: not after a later repair, or by a stand-in."""
    if call.slot is None or call.parent not in ("", trace.known.answer("draft")):
        return False
    turned = (event for _, event in trace.events if isinstance(event, SlotTurned))
    steps = {event.attempt: event.step for event in turned if event.slot == call.slot}
    attempt = call.attempt + 1
    while steps.get(attempt) == "retrying":
        attempt += 1
    verdict = next((each.verdict for each in trace.slots if each.slot == call.slot), None)
    asked = steps.get(call.attempt) == "repairing"  # else it was not understood, or was SKIP
    return asked and isinstance(verdict, Kept) and verdict.attempts == attempt + 1


def sampled(call: ModelCall, trace: Trace, carrier: Carrier, count: Count) -> Sampled | None:
    """None if it cannot be learnt from, which is counted."""
    messages = [plain(each) for each in call.messages]
    shown = list(pictures_in(messages))
    why = unfit(call)
    if not why and not messages:
        why = "an answer whose question is not on record"
    if not why and shown and carrier.how == "none":
        why = "an answer to pictures (they go along with --pictures beside or inside)"
    if why:
        count.left_out[why] += 1
        return None
    answer = [{"role": "assistant", "content": call.raw}]
    if carrier.how == "none":
        return Sampled(messages, answer, None)
    images = [carrier.image(trace.pictures, d, Found(d, m).name) for d, m in shown]
    if None in images:
        count.left_out["an answer to pictures that are no longer there"] += 1
        return None
    return Sampled(_parts(messages), _parts(answer), [each for each in images if each])


def _parts(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each content as a list of parts, so that all rows have the same form."""
    found = []
    for message in messages:
        content = message["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        own = [{"type": each["type"], "text": each.get("text")} for each in parts]
        found.append({"role": message["role"], "content": own})
    return found


def drafted(trace: Trace, carrier: Carrier, count: Count) -> Sampled | None:
    """The draft that holds, if it can be learnt from."""
    call = trace.known.answer("draft")
    drafts = [each for each in trace.calls if each.call == call]
    if not drafts:
        count.left_out["an episode without an answer of a model"] += 1
        return None
    return sampled(drafts[-1], trace, carrier, count)
