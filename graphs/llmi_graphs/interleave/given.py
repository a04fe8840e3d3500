"""A draft that no model wrote in this episode, put on record: that of a fork, or of a thread whose records are elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from llmi_agent.document.compose import draft_of as draft_on_record
from llmi_agent.draft import BadSlot, Block, Dialect, Draft, Slot, Text, format_slot, slot_digest
from llmi_agent.records.events import DraftGiven, DraftRead, Message, SlotPlanned
from llmi_agent.records.known import Known
from llmi_agent.run.session import Session
from llmi_graphs.interleave.blocks import draft_of
from llmi_graphs.machine import Machine


async def tell_draft(machine: Machine, session: Session, state: Mapping[str, Any]) -> None:
    """Put the state's draft on record, with what it answers, unless it is there."""
    draft = draft_of(machine.toolkit.redactor.data(state["draft"]))  # anybody may have changed it
    if _told(session, draft):
        return
    parent = state.get("parent") or ""
    known = (await asyncio.to_thread(machine.journal, parent)).known if parent else Known()
    if not _told(session, draft):  # another slot of the draft was quicker
        _tell(session, known, draft, machine.toolkit.options.dialect)


def planned(slot: Slot | BadSlot) -> SlotPlanned:
    """What is told of a slot of the draft."""
    said = (
        {"kind": slot.kind, "description": slot.description}
        if isinstance(slot, Slot)
        else {"reason": slot.reason}
    )
    return SlotPlanned(slot=slot.index, origin=slot_digest(slot), span=slot.span, **said)


def _told(session: Session, draft: Draft) -> bool:
    known = session.known
    if known.read is None or known.draft is None:
        return False
    origins = {number: each.origin for number, each in known.planned.items()}
    same = origins == {slot.index: slot_digest(slot) for slot in draft.slots}
    return same and _order(draft_on_record(session.episode, known)) == _order(draft)


def _order(draft: Draft) -> list[str | int]:
    return [each.text if isinstance(each, Text) else each.index for each in draft.blocks]


def _tell(session: Session, parent: Known, draft: Draft, dialect: Dialect) -> None:
    messages = [Message.of(body) for body in parent.last_asked]
    for each in messages:
        session.tell(each)
    written, text = _written(draft, dialect)
    writer = parent.writer
    session.tell(
        DraftGiven(
            text=text,
            model=writer.model if writer else "",
            language_model=writer is None or writer.language_model,
            cut=parent.cut,
            messages=tuple(each.digest for each in messages),
        )
    )
    for slot in written.slots:
        session.tell(planned(slot))
    session.tell(DraftRead(texts=written.text_spans))


def _written(draft: Draft, dialect: Dialect) -> tuple[Draft, str]:
    """The draft as a text, and where each of its blocks stands in that."""
    blocks: list[Block] = []
    text = ""
    for block in draft.blocks:
        match block:
            case Text():
                said = block.text
            case Slot():
                said = format_slot(block, dialect=dialect)
            case BadSlot():
                said = block.raw
        span = len(text), len(text) + len(said)
        text += said
        if isinstance(block, Text):
            blocks.append(Text(block.text, (span,)))
        else:
            blocks.append(replace(block, span=span))
    return Draft(tuple(blocks)), text
