"""ATIF, the Agent Trajectory Interchange Format, in which other tools read what an agent did.

What is written says that it is 1.7, and is valid under 1.8 as well. A trajectory is an episode; its steps are the
messages of each question that were not there before, and the answer. Slots are tool calls, pictures observations.
What ATIF has no word for is in `extra`, under `llmi`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from llmi_agent.records.outcome import Dropped, Kept
from llmi_agent.traces.exchange.messages import plain
from llmi_agent.traces.exchange.pictures import Carrier, Found
from llmi_agent.traces.exchange.row import total
from llmi_agent.traces.parts import Attempt, ModelCall, TracedSlot
from llmi_agent.traces.trace import Trace

VERSION = "ATIF-v1.7"
_SHOWABLE = ("image/jpeg", "image/png", "image/gif", "image/webp")


def trajectory_of(trace: Trace, carrier: Carrier) -> dict[str, Any]:
    """The episode as a trajectory. Raises InputError if it cannot be read."""
    opened, costs = trace.opened, trace.costs
    calls = trace.calls
    return {
        "schema_version": VERSION,
        "session_id": trace.episode,
        "trajectory_id": trace.episode,
        "agent": {
            "name": "llmi",
            "version": opened.llmi or "unknown",
            "model_name": opened.model or None,
            "extra": {
                "graph": opened.graph,
                "setup": opened.setup,
                "bindings": dict(opened.bindings),
            },
        },
        "steps": [{"step_id": n, **each} for n, each in enumerate(_steps(trace, carrier), 1)],
        "final_metrics": _without_none(
            total_prompt_tokens=_sum(each.input_tokens for each in calls),
            total_completion_tokens=_sum(each.output_tokens for each in calls),
            total_cost_usd=costs.total,
            extra={"usd_known": costs.usd, "calls_of_unknown_cost": costs.unknown},
        ),
        "extra": {"llmi": _about(trace)},
    }


def _about(trace: Trace) -> dict[str, Any]:
    opened = trace.opened
    return {
        "state": trace.state,
        "halted": trace.halted,
        "prompt": opened.prompt,
        "group": opened.group,
        "member": opened.member,
        "split": opened.split,
        "parent": opened.parent,
        "seed": opened.seed,
        "began": trace.began,
        "ended": trace.ended,
        "reward": total(trace),
        "rewards": [
            {
                "at": each.at,
                "component": each.given.component,
                "value": each.given.value,
                "scope": each.given.scope,
                "about": each.given.about,
                "status": each.given.status,
                "judge": each.given.judge,
                "rubric": each.given.rubric,
                "profile": each.given.profile,
                "reason": each.given.reason,
                "current": each.current,
            }
            for each in trace.rewards
        ],
    }


def _steps(trace: Trace, carrier: Carrier) -> Iterator[dict[str, Any]]:
    said: list[Mapping[str, Any]] = []
    led = _led_to(trace)
    earlier = len(trace.opened.earlier)
    for call in trace.calls:
        asked = [plain(each) for each in call.messages]
        known = said if asked[: len(said)] == said else _common(asked, said)
        for place, message in enumerate(asked[len(known) :], len(known)):
            if message not in said or message["role"] != "assistant":
                yield _message(
                    message, trace, carrier, call.started, copied=_copied(place, asked, earlier)
                )
        yield _answer(call, trace, led.get(call.call, []), carrier)
        said = [*asked, {"role": "assistant", "content": call.text}]
    if not trace.calls:
        yield {"source": "user", "message": trace.prompt, "timestamp": _time(trace.began)}
    if orphans := led.get("", []):
        # Of a draft that no model wrote in this episode: a fork's.
        yield {
            "source": "agent",
            "message": trace.draft or "",
            "llm_call_count": 0,
            **_tools(orphans, trace, carrier),
        }


def _common(one: Sequence[Any], other: Sequence[Any]) -> list[Any]:
    """What both begin with."""
    same = 0
    while same < min(len(one), len(other)) and one[same] == other[same]:
        same += 1
    return list(one[:same])


def _copied(place: int, asked: Sequence[Mapping[str, Any]], earlier: int) -> bool:
    """Whether a message was said in the thread before this episode: they follow the system prompt."""
    first = int(bool(asked) and asked[0]["role"] == "system")
    return first <= place < first + earlier


def _message(
    message: Mapping[str, Any], trace: Trace, carrier: Carrier, at: float, *, copied: bool
) -> dict[str, Any]:
    sources = {"system": "system", "assistant": "agent"}
    step: dict[str, Any] = {
        "source": sources.get(message["role"], "user"),
        "message": _content(message["content"], trace, carrier),
        "timestamp": _time(at),
    }
    return {**step, "is_copied_context": True} if copied else step


def _content(content: Any, trace: Trace, carrier: Carrier) -> str | list[dict[str, Any]]:
    if isinstance(content, str):
        return content
    return [_part(each, trace, carrier) for each in content]


def _part(part: Mapping[str, Any], trace: Trace, carrier: Carrier) -> dict[str, Any]:
    if part["type"] == "text":
        return {"type": "text", "text": part["text"]}
    if "digest" in part:
        return _picture(part["digest"], part["media_type"], trace, carrier)
    return {"type": "text", "text": f"[a picture at {part['url']}]"}


def _picture(digest: str, media_type: str, trace: Trace, carrier: Carrier) -> dict[str, Any]:
    image = carrier.image(trace.pictures, digest, Found(digest, media_type).name)
    if image is None or media_type not in _SHOWABLE:
        return {"type": "text", "text": f"[picture {digest}]"}
    return {"type": "image", "source": {"media_type": media_type, "path": image["path"]}}


def _led_to(trace: Trace) -> dict[str, list[Attempt]]:
    """The calls of tools, by the answer that each came of: the last accepted one before it, about its slot or all."""
    found: dict[str, list[Attempt]] = {}
    answers = [each for each in trace.calls if each.accepted or each.purpose == "draft"]
    for attempt in trace.attempts:
        own = [
            each.call
            for each in answers
            if each.started <= attempt.started and each.slot in (None, attempt.slot)
        ]
        found.setdefault(own[-1] if own else "", []).append(attempt)
    return found


def _answer(
    call: ModelCall, trace: Trace, attempts: Sequence[Attempt], carrier: Carrier
) -> dict[str, Any]:
    step = _without_none(
        timestamp=_time(call.started),
        source="agent",
        model_name=call.answered_by or call.model or None,
        message=call.raw,
        llm_call_count=int(call.language_model),
        extra={"llmi": _about_call(call, trace)},
    )
    if call.language_model:
        step["reasoning_content"] = call.reasoning or None
        step["metrics"] = _metrics(call)
    return _without_none(**step, **_tools(attempts, trace, carrier))


def _about_call(call: ModelCall, trace: Trace) -> dict[str, Any]:
    names = "call purpose model slot attempt parent again accepted withheld finish_reason cut error weights sampling first ended"
    own = {name: getattr(call, name) for name in names.split()}
    if call.call == trace.known.answer("draft"):
        own["slots"] = [_slot(each) for each in trace.slots]
    return own


def _slot(slot: TracedSlot) -> dict[str, Any]:
    verdict = slot.verdict
    return {
        "slot": slot.slot,
        "kind": slot.kind,
        "description": slot.description,
        "span": list(slot.span),
        "tokens": list(slot.tokens) if slot.tokens else None,
        "unread": slot.unread,
        "status": verdict.status if verdict else None,
        "digest": verdict.digest if isinstance(verdict, Kept) else None,
        "reason": verdict.reason if isinstance(verdict, Dropped) else None,
        "blame": slot.blame,
    }


def _metrics(call: ModelCall) -> dict[str, Any]:
    tokens = call.tokens
    logprobs = tokens.logprobs if tokens else None
    finite = logprobs is not None and all(map(math.isfinite, logprobs))
    return _without_none(
        prompt_tokens=call.input_tokens,
        completion_tokens=call.output_tokens,
        cost_usd=call.charge.usd if call.charge else None,
        prompt_token_ids=list(tokens.prompt) if tokens and tokens.prompt is not None else None,
        completion_token_ids=list(tokens.completion) if tokens else None,
        logprobs=list(logprobs) if logprobs is not None and finite else None,
        extra={"logprob_mode": tokens.mode, "logprobs_not_finite": not finite}
        if tokens and logprobs is not None
        else None,
    )


def _tools(attempts: Sequence[Attempt], trace: Trace, carrier: Carrier) -> dict[str, Any]:
    """Those that were made several times, after a kill, once, with their last result."""
    last = {each.call: each for each in attempts}
    if not last:
        return {}
    return {
        "tool_calls": [_tool_call(each) for each in last.values()],
        "observation": {"results": [_result(each, trace, carrier) for each in last.values()]},
    }


def _tool_call(attempt: Attempt) -> dict[str, Any]:
    names = "slot attempt kind description version seed cached executes_code job step started ended".split()
    about = {name: getattr(attempt, name) for name in names}
    return {
        "tool_call_id": attempt.call,
        "function_name": attempt.tool or attempt.kind or "unknown",
        "arguments": dict(attempt.params),
        "extra": {"llmi": {**about, "inputs": list(attempt.inputs)}},
    }


def _result(attempt: Attempt, trace: Trace, carrier: Carrier) -> dict[str, Any]:
    content: str | list[dict[str, Any]]
    if failure := attempt.failure:
        content = f"failed ({failure.reason}): {failure.message}"
    elif attempt.outcome is None:
        content = "cut with its process"
    else:
        content = [
            _picture(each.digest, each.media_type, trace, carrier) for each in attempt.pictures
        ]
        many = len(attempt.pictures)
        words = "1 picture" if many == 1 else f"{many} pictures"
        content.append({"type": "text", "text": words})
    usd = attempt.charge.usd if attempt.charge else None
    about = {"by": attempt.by, "blame": attempt.blame, "usd": usd}
    digests = [each.digest for each in attempt.pictures]
    return {
        "source_call_id": attempt.call,
        "content": content,
        "extra": {"llmi": {**about, "pictures": digests}},
    }


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def _sum(counts: Any) -> int | None:
    known = [each for each in counts if each is not None]
    return sum(known) if known else None


def _without_none(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
