"""A trace as plain JSON, for programs."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from llmi_agent.traces.parts import ModelCall, TracedSlot
from llmi_agent.traces.trace import Reward, Trace

_calls = TypeAdapter(tuple[ModelCall, ...])
_slots = TypeAdapter(tuple[TracedSlot, ...])
_rewards = TypeAdapter(tuple[Reward, ...])


def plain(trace: Trace) -> dict[str, Any]:
    """All of it, by the names that `Trace` has for it."""
    opened = trace.opened
    return {
        "episode": trace.episode,
        "state": trace.state,
        "halted": trace.halted,
        "began": trace.began,
        "ended": trace.ended,
        "prompt": trace.prompt,
        "model": trace.model,
        "group": trace.group,
        "member": trace.member,
        "split": trace.split,
        "parent": opened.parent,
        "graph": opened.graph,
        "setup": opened.setup,
        "llmi": opened.llmi,
        "bindings": dict(trace.known.bindings),
        "options": dict(trace.options),
        "attachments": [vars(each) for each in trace.attachments],
        "draft": trace.draft,
        "calls": _calls.dump_python(trace.calls, mode="json"),
        "slots": _slots.dump_python(trace.slots, mode="json"),
        "rewards": _rewards.dump_python(trace.rewards, mode="json"),
        "costs": trace.costs.model_dump(mode="json"),
    }
