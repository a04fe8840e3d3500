"""A trace as a row of an export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from llmi_agent.base.errors import InputError
from llmi_agent.document.compose import UNSETTLED, draft_of
from llmi_agent.draft import Slot, Text
from llmi_agent.records.costs import Charge
from llmi_agent.records.events import TOTAL, Tokens
from llmi_agent.records.outcome import Dropped, Finished, Kept
from llmi_agent.traces.exchange.form import SCHEMA
from llmi_agent.traces.exchange.lines import text_of
from llmi_agent.traces.exchange.messages import plain
from llmi_agent.traces.exchange.pictures import Carrier, Found, found_in
from llmi_agent.traces.parts import Attempt, ModelCall, TracedSlot
from llmi_agent.traces.trace import Reward, Trace

_LARGEST = 2**63 - 1


def row_of(trace: Trace, carrier: Carrier) -> dict[str, Any]:
    """The row; its values have the form of `COLUMNS`. Raises InputError if the trace cannot be read."""
    opened, costs = trace.opened, trace.costs
    pictures = [_picture(each, trace, carrier) for each in found_in(trace)]
    return {
        "schema": SCHEMA,
        "episode": trace.episode,
        "state": trace.state,
        "began": trace.began,
        "ended": trace.ended,
        "prompt": opened.prompt,
        "group": opened.group,
        "member": opened.member,
        "split": opened.split,
        "model": opened.model,
        "graph": opened.graph,
        "setup": opened.setup,
        "parent": opened.parent,
        "llmi": opened.llmi,
        "draft": trace.draft,
        "markdown": _markdown(trace, pictures),
        "usd": costs.usd,
        "unknown_costs": costs.unknown,
        "reward": total(trace),
        "calls": [_call(each) for each in trace.calls],
        "slots": [_slot(each, costs.of_slot(each.slot)) for each in trace.slots],
        "rewards": [_reward(each) for each in trace.rewards],
        "pictures": pictures,
        "attachments": [
            {**asdict(each), "file": carrier.image(trace.pictures, each.digest, each.digest)}
            if not each.is_image
            else {**asdict(each), "file": None}
            for each in trace.attachments
        ],
        "records": _records(trace),
    }


def total(trace: Trace) -> float | None:
    """The last reward of the whole episode that was given to what there is now."""
    given = [
        each.given.value
        for each in trace.rewards
        if each.current
        and each.given.status == "ok"
        and (each.given.scope, each.given.component) == ("episode", TOTAL)
    ]
    return given[-1] if given else None


def _records(trace: Trace) -> list[dict[str, Any]]:
    """Raises InputError where token arrays would be lost: they are kept with the calls."""
    joined = {each.call: each.tokens for each in trace.calls if each.tokens}
    kept = [each.key for each in trace.records if each.tokens is not None]
    if len(kept) != len(set(kept)) or set(kept) != joined.keys():
        raise InputError(
            f"the run {trace.episode} has token arrays of one call twice, or of none of its calls"
        )
    return [
        {"kind": r.kind, "key": r.key, "data": r.data, "at": r.at, "schema": r.schema}
        for r in trace.records
    ]


def _call(call: ModelCall) -> dict[str, Any]:
    return {
        **{name: getattr(call, name) for name in _SAME},
        "sampling": text_of(call.sampling),
        "messages": text_of([plain(each) for each in call.messages]),
        **_tokens(call.tokens),
        "input_tokens": whole(call.input_tokens),
        "output_tokens": whole(call.output_tokens),
        "usd": _usd(call.charge),
    }


_SAME = (
    "call purpose model language_model answered_by weights slot attempt parent again accepted "
    "text raw withheld reasoning finish_reason cut error started first ended"
).split()


def _tokens(tokens: Tokens | None) -> dict[str, Any]:
    if tokens is None:
        names = ("prompt_ids", "completion_ids", "logprobs", "logprob_mode", "pieces")
        return dict.fromkeys(names)
    return {
        "prompt_ids": None if tokens.prompt is None else list(tokens.prompt),
        "completion_ids": list(tokens.completion),
        "logprobs": None if tokens.logprobs is None else list(tokens.logprobs),
        "logprob_mode": tokens.mode,
        "pieces": {
            "tokens": [each[0] for each in tokens.pieces],
            "characters": [each[1] for each in tokens.pieces],
        },
    }


def whole(number: int | None) -> int | None:
    """A count that a vendor gave; one that no file can hold is none."""
    return None if number is None or abs(number) > _LARGEST else number


def _usd(charge: Charge | None) -> float | None:
    return charge.usd if charge else None


def _slot(slot: TracedSlot, usd: float | None) -> dict[str, Any]:
    verdict = slot.verdict
    dropped = verdict if isinstance(verdict, Dropped) else None
    return {
        "slot": slot.slot,
        "kind": slot.kind,
        "description": slot.description,
        "start": slot.span[0],
        "end": slot.span[1],
        "first_token": slot.tokens[0] if slot.tokens else None,
        "last_token": slot.tokens[1] if slot.tokens else None,
        "source": slot.source,
        "unread": slot.unread,
        "status": verdict.status if verdict else None,
        "digest": verdict.digest if isinstance(verdict, Kept) else None,
        "reason": dropped.reason if dropped else None,
        "message": dropped.message if dropped else None,
        "blame": slot.blame,
        "usd": usd,
        "attempts": [_attempt(each) for each in slot.attempts],
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    done = attempt.outcome if isinstance(attempt.outcome, Finished) else None
    failure = attempt.failure
    return {
        "call": attempt.call,
        "attempt": attempt.attempt,
        "kind": attempt.kind,
        "tool": attempt.tool,
        "version": attempt.version,
        "description": attempt.description,
        "params": text_of(attempt.params),
        "inputs": list(attempt.inputs),
        "seed": whole(attempt.seed),
        "cached": attempt.cached,
        "executes_code": attempt.executes_code,
        "by": attempt.by,
        "status": "finished" if done else "failed" if failure else None,
        "pictures": [each.digest for each in attempt.pictures],
        "note": done.note if done else "",
        "reason": failure.reason if failure else None,
        "message": failure.message if failure else None,
        "step": attempt.step,
        "blame": attempt.blame,
        "started": attempt.started,
        "ended": attempt.ended,
        "usd": _usd(attempt.charge),
    }


def _reward(reward: Reward) -> dict[str, Any]:
    given = reward.given
    names = "component value scope about status error profile judge rubric reason".split()
    own = {name: getattr(given, name) for name in names}
    return {"at": reward.at, **own, "votes": list(given.votes), "current": reward.current}


def _picture(found: Found, trace: Trace, carrier: Carrier) -> dict[str, Any]:
    source = found.provenance
    names = "provider model source_url page_url title creator licence licence_url attribution placeholder".split()
    return {
        "digest": found.digest,
        "media_type": found.media_type,
        "width": found.width,
        "height": found.height,
        **{name: getattr(source, name) for name in names},
        "image": carrier.image(trace.pictures, found.digest, found.name),
    }


def _markdown(trace: Trace, pictures: Sequence[Mapping[str, Any]]) -> str | None:
    """The document as text, each figure where its slot stood, by the name of its file; None if there is no document."""
    if trace.state != "done":
        return None
    paths = {each["digest"]: (each["image"] or {}).get("path") for each in pictures}
    settled = {slot: each.verdict for slot, each in trace.known.settled.items()}
    parts: list[str] = []
    for block in draft_of(trace.episode, trace.known).blocks:
        if isinstance(block, Text):
            parts.append(block.text)
            continue
        caption = _caption(block.description if isinstance(block, Slot) else "")
        verdict = settled.get(block.index, UNSETTLED)
        if isinstance(verdict, Kept):
            parts.append(
                f"![{_caption(verdict.caption)}]({paths.get(verdict.digest) or verdict.digest})"
            )
        else:
            parts.append(f"[figure missing: {caption} ({verdict.reason})]")
    return "".join(parts).strip()


def _caption(words: str) -> str:
    return " ".join(words.split()).replace("[", "\\[").replace("]", "\\]")
