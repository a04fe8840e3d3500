"""tool: one call for the slot as it stands, and its outcome."""

from __future__ import annotations

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END

from llmi_agent.contract.tool import Failed, ToolCall
from llmi_agent.draft import Slot
from llmi_agent.records.credit import derived
from llmi_agent.records.outcome import Finished, Outcome, plain_outcome
from llmi_agent.run.session import Session, Source
from llmi_graphs.interleave.blocks import block_of
from llmi_graphs.interleave.given import tell_draft
from llmi_graphs.interleave.open import tell_opened
from llmi_graphs.interleave.state import Turn
from llmi_graphs.machine import Machine


async def tool(machine: Machine, state: Turn, config: RunnableConfig) -> dict[str, Any]:
    """Waits for the call's outcome; an edit first waits for the verdict on its picture.

    A slot that was settled in an earlier life of the run, or while the policy wrote, ends here.
    """
    session = await machine.session(state, config)
    number = state["slot"]["index"]
    if fork := state.get("fork"):
        tell_opened(machine, session, fork)
        await tell_draft(machine, session, fork)
    if state["attempt"] == 0:
        await session.begun(number)
        if known := await session.enter(number, state["origins"]):
            return {"next": END, "results": {str(number): known.model_dump(mode="json")}}
    outcome = await attempt(machine, session, state)
    return {"next": "observe", "outcome": plain_outcome(outcome)}


async def attempt(machine: Machine, session: Session, state: Turn) -> Outcome:
    """What the call for the slot came to: its picture or its failure."""
    outcome, source = await _outcome(machine, session, state)
    if isinstance(outcome, Failed) or source is None:
        return outcome
    return _derived(outcome, source)


def _derived(outcome: Finished, source: Source) -> Finished:
    """An edit's pictures, with the credit of the one that they were made from."""
    candidates = (
        each.model_copy(
            update={"provenance": derived(each.provenance, source.provenance, source.name)}
        )
        for each in outcome.candidates
    )
    return outcome.model_copy(update={"candidates": tuple(candidates)})


async def _outcome(
    machine: Machine, session: Session, state: Turn
) -> tuple[Outcome, Source | None]:
    slot = block_of(state["slot"])
    if not isinstance(slot, Slot):
        return Failed(
            "bad_params", f"the slot cannot be read: {state['slot']['reason']}", True
        ), None
    bound = machine.toolkit.bindings.tools.get(slot.kind)
    if bound is None:
        return Failed("unavailable", f"no tool serves {slot.kind} any more"), None
    params = bound.spec.as_kind().params.model_validate(slot.params)
    source: Source | None = None
    index = slot.params.get("img_index")
    if isinstance(index, int):
        found = await session.source(index, before=slot.index, origins=state["origins"])
        if isinstance(found, Failed):
            return found, None
        source = found
    call = ToolCall(
        episode=session.episode,
        slot=slot.index,
        attempt=state["attempt"],
        kind=slot.kind,
        tool=bound.spec.name,
        description=slot.description,
        params=params,
        inputs=(source.digest,) if source else (),
    )
    return await session.result(call), source
