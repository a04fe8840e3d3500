"""observe: looks at what came back and decides: keep it, try again, repair, fall back, or give up."""

from __future__ import annotations

import asyncio
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END

from llmi_agent.config.options import Options
from llmi_agent.contract.tool import Failed
from llmi_agent.records.events import SlotTurned, Step
from llmi_agent.records.outcome import (
    Candidate,
    Dropped,
    Finished,
    Kept,
    Outcome,
    Picture,
    read_outcome,
)
from llmi_agent.run.session import Session
from llmi_graphs.interleave.state import Turn
from llmi_graphs.interleave.tool import attempt
from llmi_graphs.machine import Machine

STANDS_IN = {"search": ("diffusion", "query", "prompt"), "diffusion": ("search", "prompt", "query")}
"""Kind -> the kind that stands in for it, and how its parameter is renamed."""
_NOTES = {
    "search": "No photograph was found, so this is an illustration.",
    "diffusion": "No illustration could be made, so this is a picture that was found.",
}
"""What the caption says of a stand-in, by the kind that was asked for."""
_FINAL = ("refused", "budget", "cancelled")
"""Failures for which nothing stands in: somebody has said no."""
_TRANSIENT = ("unreachable", "timeout", "quota")
MOST_WAIT = 60.0
"""Seconds that a vendor may ask to wait; for longer, the document does not wait."""


async def observe(machine: Machine, state: Turn, config: RunnableConfig) -> dict[str, Any]:
    """The verdict of this round. `next` says where it leads."""
    session = await machine.session(state, config)
    chosen = _choose(machine, state, read_outcome(state["outcome"]))
    if isinstance(chosen, Kept):
        return _settled(session, state, chosen)
    if _may_retry(machine, session.options, state, chosen):
        backoff = session.options.retry_wait * 2 ** state["retries"]
        await asyncio.sleep(max(backoff, chosen.retry_after or 0.0))
        _say(session, state, "retrying", chosen)
        return {"next": "tool", "attempt": state["attempt"] + 1, "retries": state["retries"] + 1}
    if _may_repair(machine, session.options, state, chosen):
        _say(session, state, "repairing", chosen)
        return {"next": "repair", "failure": vars(chosen)}
    if fallback := _fallback(machine, session.options, state, chosen):
        _say(session, state, "falling back", chosen)
        failed = {"first_failure": vars(chosen), "retries": 0}
        return {"next": "tool", "attempt": state["attempt"] + 1, **failed, **fallback}
    return _settled(session, state, _dropped(state, chosen))


async def ahead(machine: Machine, session: Session, state: Turn) -> None:
    """A slot's first attempt, while the policy still writes: settled if it is good, else left to the slot's turn."""
    chosen = _choose(machine, state, await attempt(machine, session, state))
    if isinstance(chosen, Kept):
        _settled(session, state, chosen)


def _choose(machine: Machine, state: Turn, outcome: Outcome) -> Kept | Failed:
    """The first candidate that is not blank, or the failure."""
    if isinstance(outcome, Failed):
        return outcome
    shown = next((each for each in outcome.candidates if not each.blank), None)
    if shown is None:
        return Failed("bad_output", "the picture is blank: all its pixels have one colour", True)
    tool = machine.toolkit.bindings.names[state["slot"]["kind"]]
    return _kept(state, tool, outcome, shown)


def _kept(state: Turn, tool: str, outcome: Finished, shown: Candidate) -> Kept:
    slot = state["slot"]
    asked = _asked(state)
    note = _NOTES[asked] if asked != slot["kind"] else ""
    return Kept(
        **{name: getattr(shown, name) for name in Picture.model_fields},
        kind=asked,
        tool=tool,
        caption=slot["description"],
        params=slot["params"],
        note=" ".join(part for part in (note, outcome.note) if part),
        instead_of=state["first_failure"]["message"] if note else "",
        attempts=state["attempt"] + 1,
    )


def _asked(state: Turn) -> str:
    """The kind that was asked for; a repair that turns the stand-in into something else asks anew."""
    kind: str = state["slot"]["kind"]
    before = state.get("stands_in_for", "")
    return before if before and STANDS_IN[before][0] == kind else kind


def _dropped(state: Turn, failure: Failed) -> Dropped:
    """Why the slot is missing; after a fallback, first of all why the kind that was asked for failed."""
    attempts = state["attempt"] + 1
    if first := state.get("first_failure"):
        instead = STANDS_IN[state["stands_in_for"]][0]
        message = f"{first['message']}; {instead} in its place: {failure.message}"
        return Dropped(reason=first["reason"], message=message, attempts=attempts)
    return Dropped(reason=failure.reason, message=failure.message, attempts=attempts)


def _may_retry(machine: Machine, options: Options, state: Turn, failure: Failed) -> bool:
    """The infrastructure may be better in a moment; what the policy's code did will not."""
    blames_policy = failure.reason == "timeout" and _executes_code(machine, state)
    return (
        failure.reason in _TRANSIENT
        and not blames_policy
        and (failure.retry_after or 0.0) <= MOST_WAIT
        and state["retries"] < options.retries
    )


def _may_repair(machine: Machine, options: Options, state: Turn, failure: Failed) -> bool:
    executes_code = _executes_code(machine, state)
    rounds = options.debug_rounds if executes_code else options.repairs
    by_policy = failure.retryable or failure.reason in ("bad_params", "refused")
    by_its_code = executes_code and failure.reason in ("crashed", "bad_output", "timeout")
    return (by_policy or by_its_code) and state["repairs"] < rounds


def _executes_code(machine: Machine, state: Turn) -> bool:
    bound = machine.toolkit.bindings.tools.get(state["slot"].get("kind", ""))
    return bound is not None and bound.spec.executes_code


def _fallback(
    machine: Machine, options: Options, state: Turn, failure: Failed
) -> dict[str, Any] | None:
    """The slot as its stand-in's, once a run and unless somebody has said no."""
    slot = state["slot"]
    kind, old, new = STANDS_IN.get(slot.get("kind", ""), ("", "", ""))
    possible = options.fallbacks and kind in machine.toolkit.bindings.tools
    if not possible or state.get("stands_in_for") or failure.reason in _FINAL:
        return None
    params = {new: slot["params"][old]}
    return {"slot": {**slot, "kind": kind, "params": params}, "stands_in_for": slot["kind"]}


def _settled(session: Session, state: Turn, verdict: Kept | Dropped) -> dict[str, Any]:
    number = state["slot"]["index"]
    session.settle(number, state["origins"][number], verdict)
    return {"next": END, "results": {str(number): verdict.model_dump(mode="json")}}


def _say(session: Session, state: Turn, step: Step, failure: Failed) -> None:
    session.tell(
        SlotTurned(
            slot=state["slot"]["index"],
            attempt=state["attempt"],
            step=step,
            reason=failure.reason,
            message=failure.message,
        )
    )
