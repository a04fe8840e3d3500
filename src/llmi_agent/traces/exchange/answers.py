"""Answers as trainers learn from them, and what they are asked with; what cannot be learnt from is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

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
    if not call.accepted:
        return "an answer that was not accepted"
    if call.withheld:
        return "an answer that held a secret"
    if call.cut:
        return "an answer that ends early"
    return "" if call.raw.strip() else "an answer without words"


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
