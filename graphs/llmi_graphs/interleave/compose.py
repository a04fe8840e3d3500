"""compose: the draft and the verdicts become a document; figures are numbered, missing ones said."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig

from llmi_agent.document.messages import document_message
from llmi_agent.document.model import Block, Document, Figure, Missing, TextBlock, title_of
from llmi_agent.document.notes import notes
from llmi_agent.draft import BadSlot, Slot, Text
from llmi_agent.records.outcome import Dropped, Kept, read_verdict
from llmi_agent.run.session import Session
from llmi_graphs.interleave.open import tell_opened
from llmi_graphs.interleave.state import State
from llmi_graphs.machine import Machine, attachments_of


async def compose(machine: Machine, state: State, config: RunnableConfig) -> dict[str, Any]:
    """The document, and the message that carries it."""
    own = machine.as_asked(state)
    session = await machine.session(own, config)
    tell_opened(machine, session, own)
    document = _document(machine, session, own)
    store, images = machine.toolkit.store, machine.images
    if images == "inline":
        message = await asyncio.to_thread(document_message, document, store, images)
    else:
        message = document_message(document, store, images, machine.pictures_at)
    session.journal.compose(document.title)
    await session.journal.committed()
    for note in document.notes:
        session.emit({"type": "note", "message": note})
    session.emit({"type": "document", "title": document.title})
    return {"document": document.model_dump(mode="json"), "messages": [message]}


def _document(machine: Machine, session: Session, state: State) -> Document:
    costs = session.ledger.costs
    inputs = len(state.get("inputs") or [])
    draft = machine.read(state["draft"], inputs)
    verdicts = {int(slot): read_verdict(data) for slot, data in state["results"].items()}
    blocks: list[Block] = []
    numbers: dict[int, int] = {}
    for block in draft.blocks:
        if isinstance(block, Text):
            if block.text.strip():
                blocks.append(TextBlock(markdown=block.text.strip("\n")))
            continue
        verdict = verdicts[block.index]
        if isinstance(verdict, Kept):
            numbers[block.index] = len(numbers) + 1
            usd = costs.of_slot(block.index)
            blocks.append(_figure(block, verdict, numbers, inputs, usd))
        else:
            blocks.append(_missing(block, verdict))
    prompt = machine.toolkit.redactor.text(_prompt(state))
    writer = session.journal.writer or machine.policy.name
    is_model = machine.policy.is_language_model(writer)
    texts = [block.markdown for block in blocks if isinstance(block, TextBlock)]
    return Document(
        title=title_of(texts, prompt),
        prompt=prompt,
        policy=writer,
        language_model=is_model,
        episode=state["episode"],
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        attachments=attachments_of(state),
        bindings=machine.toolkit.bindings.names,
        costs=costs,
        cut=session.journal.cut,
        notes=tuple(notes(draft, prompt)) if is_model else (),
        blocks=tuple(blocks),
    )


def _figure(
    slot: Slot | BadSlot, verdict: Kept, numbers: dict[int, int], inputs: int, usd: float | None
) -> Figure:
    source = verdict.params.get("img_index")
    return Figure(
        number=numbers[slot.index],
        slot=slot.index,
        kind=verdict.kind,
        tool=verdict.tool,
        digest=verdict.artifact.digest,
        media_type=verdict.artifact.media_type,
        width=verdict.artifact.width,
        height=verdict.artifact.height,
        caption=verdict.description,
        params=verdict.params,
        provenance=verdict.provenance,
        note=verdict.note,
        instead_of=verdict.instead_of,
        edited_from=numbers.get(source - inputs) if isinstance(source, int) else None,
        attempts=verdict.attempts,
        usd=usd,
    )


def _missing(slot: Slot | BadSlot, verdict: Dropped) -> Missing:
    return Missing(
        slot=slot.index,
        kind=slot.kind if isinstance(slot, Slot) else "",
        caption=slot.description if isinstance(slot, Slot) else "",
        reason=verdict.reason,
        message=verdict.message,
        attempts=verdict.attempts,
    )


def _prompt(state: State) -> str:
    humans = [m for m in state.get("messages") or [] if isinstance(m, HumanMessage)]
    return str(humans[-1].text) if humans else ""
