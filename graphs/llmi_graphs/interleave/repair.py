"""repair: asks the policy for this one slot again, with the error, in the same conversation."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, messages_from_dict
from langchain_core.runnables import RunnableConfig

from llmi_agent.base.errors import PolicyError, UnavailableError
from llmi_agent.contract.hooks import ModelContext
from llmi_agent.contract.tool import Failed
from llmi_agent.draft import BadSlot, Slot
from llmi_agent.run.prompt import repair_request
from llmi_agent.run.session import Session
from llmi_graphs.interleave.state import Turn
from llmi_graphs.machine import Machine

NONE_LEFT = 1_000_000
"""Repairs counted for a slot whose policy has no answer: more than any option allows."""


async def repair(machine: Machine, state: Turn, config: RunnableConfig) -> dict[str, Any]:
    """The next attempt's slot; without a usable answer, the failure stands and no repair is left."""
    session = await machine.session(state, config)
    slot, failure = state["slot"], Failed(**(state["failure"] or {}))
    title = slot.get("description", "")
    request = repair_request(slot["index"], title, failure, machine.toolkit.kinds)
    answer = session.journal.answer(slot["index"], state["attempt"])
    if answer is None:
        answer = await _asked(machine, state, config, session, request)
    repaired = _slot_in(machine, session, answer, slot["index"], title)
    if repaired is None:
        return {"repairs": NONE_LEFT, "next": "observe"}
    return {
        "slot": asdict(repaired),
        "attempt": state["attempt"] + 1,
        "repairs": state["repairs"] + 1,
        "exchange": [*state["exchange"], request, answer],
        "next": "tool",
    }


async def _asked(
    machine: Machine, state: Turn, config: RunnableConfig, session: Session, request: str
) -> str:
    """The policy's answer, journalled; empty if the policy fails, which is not the slot's end."""
    slot = state["slot"]["index"]
    messages = [*_conversation(session), *_exchange(state), HumanMessage(request)]
    context = ModelContext(session.episode, slot)
    try:
        answer = await machine.policy.repair(messages, config, context, session.ledger)
    except (PolicyError, UnavailableError) as error:
        session.log.warning("repair.failed", slot=slot, error=str(error))
        return ""
    session.journal.answered(slot, state["attempt"], answer)
    await session.journal.committed()
    return answer


def _conversation(session: Session) -> list[BaseMessage]:
    """What the policy was told, and its draft."""
    asked = messages_from_dict(session.journal.asked)
    return [*asked, AIMessage(session.journal.draft or "")]


def _slot_in(
    machine: Machine, session: Session, answer: str, index: int, title: str
) -> Slot | BadSlot | None:
    """The answer's first slot, under the number of the slot that it replaces."""
    first = machine.read_repair(answer, len(session.inputs) + index)
    if first is None:
        return None
    if isinstance(first, Slot):
        return Slot(index, first.kind, first.description or title, first.params)
    return BadSlot(index, first.raw, first.reason)


def _exchange(state: Turn) -> list[BaseMessage]:
    return [
        AIMessage(text) if number % 2 else HumanMessage(text)
        for number, text in enumerate(state["exchange"])
    ]
