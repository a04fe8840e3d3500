"""repair: asks the policy for this one slot again, with the error, in the same conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, messages_from_dict
from langchain_core.runnables import RunnableConfig

from llmi_agent.base.errors import PolicyError, UnavailableError
from llmi_agent.contract.tool import Failed
from llmi_agent.draft import BadSlot, Slot
from llmi_agent.records.events import SlotPlanned
from llmi_agent.run.answer import Question
from llmi_agent.run.prompt import repair_request
from llmi_agent.run.session import Session
from llmi_graphs.interleave.blocks import plain
from llmi_graphs.interleave.redacted import redacted
from llmi_graphs.interleave.state import Turn
from llmi_graphs.machine import Machine

NONE_LEFT = 1_000_000
"""Repairs counted for a slot whose policy has no answer: more than any option allows."""


async def repair(machine: Machine, state: Turn, config: RunnableConfig) -> dict[str, Any]:
    """The next attempt's slot; without a usable answer, the failure stands and no repair is left."""
    session = await machine.session(state, config)
    slot, failure = state["slot"], Failed(**state["failure"])
    title = slot.get("description", "")
    request = repair_request(slot["index"], title, failure, machine.toolkit.kinds)
    call = session.known.answer("repair", slot["index"], state["attempt"])
    if call is None:
        call = await _asked(machine, state, config, session, request)
    answer = session.known.text(call)
    repaired = _slot_in(machine, session, answer, slot["index"], title)
    if repaired is None:
        return {"repairs": NONE_LEFT, "next": "observe"}
    turn = {"request": request, "answer": answer, "call": call}
    return {
        "slot": plain(repaired),
        "attempt": state["attempt"] + 1,
        "repairs": state["repairs"] + 1,
        "exchange": [*state["exchange"], turn],
        "next": "tool",
    }


async def _asked(
    machine: Machine, state: Turn, config: RunnableConfig, session: Session, request: str
) -> str:
    """The call whose answer was accepted; empty if the policy fails, which is not the slot's end."""
    slot, attempt = state["slot"]["index"], state["attempt"]
    question = Question(
        "repair",
        [*_conversation(session), *_exchange(state), HumanMessage(request)],
        slot=slot,
        attempt=attempt,
        parent=session.known.answer("draft") or "",
    )
    try:
        await machine.policy.answer(question, session, machine.sessions.left_out(config))
    except (PolicyError, UnavailableError) as error:
        session.log.warning("repair.failed", slot=slot, error=str(error))
        return ""
    await session.journal.committed()
    return session.known.answer("repair", slot, attempt) or ""


def _conversation(session: Session) -> list[BaseMessage]:
    """What the policy was told, and its draft."""
    known = session.known
    asked = messages_from_dict(known.last_asked)
    return [*asked, AIMessage(known.draft or "", id=known.answer("draft"))]


def _slot_in(
    machine: Machine, session: Session, answer: str, index: int, title: str
) -> Slot | BadSlot | None:
    """The answer's slot, under the number of the slot that it replaces."""
    choose = partial(_fitting, session.known.planned, index, title)
    first = machine.read_repair(answer, len(session.inputs) + index, choose)
    if first is None:
        return None
    first = redacted(machine, first)
    if isinstance(first, Slot):
        return Slot(index, first.kind, first.description or title, first.params)
    return BadSlot(index, first.raw, first.reason)


def _fitting(
    planned: Mapping[int, SlotPlanned], index: int, title: str, slots: Sequence[Slot | BadSlot]
) -> Slot | BadSlot | None:
    """The slot that was asked for: some models repeat others of the draft, which are no answer. None if it is unclear."""
    others = {each.description for each in planned.values() if each.slot != index} - {"", title}
    known = [each for each in slots if isinstance(each, Slot)]
    same = [each for each in known if title and each.description == title]
    new = [each for each in known if each.description not in others]
    for found in (same, new):
        if len(found) == 1:
            return found[0]
    return slots[0] if len(slots) == 1 and not known else None


def _exchange(state: Turn) -> list[BaseMessage]:
    """The earlier repairs of this slot."""
    said: list[BaseMessage] = []
    for turn in state["exchange"]:
        said += [HumanMessage(turn["request"]), AIMessage(turn["answer"], id=turn["call"])]
    return said
