"""compose: the draft and the verdicts become a document; figures are numbered, missing ones said."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from langchain_core.runnables import RunnableConfig

from llmi_agent.base.logs import get_logger
from llmi_agent.base.secrets import Redactor
from llmi_agent.document.compose import compose as composed
from llmi_agent.document.messages import document_message
from llmi_agent.document.model import Document
from llmi_agent.draft import slot_digest
from llmi_agent.records.events import Composed, Noted
from llmi_agent.records.outcome import read_verdict
from llmi_graphs.interleave.blocks import draft_of
from llmi_graphs.interleave.given import tell_draft
from llmi_graphs.interleave.open import tell_opened
from llmi_graphs.interleave.state import State
from llmi_graphs.machine import Machine


async def compose(machine: Machine, state: State, config: RunnableConfig) -> dict[str, Any]:
    """The document, and the message that carries it."""
    own = machine.as_asked(state)
    session = await machine.session(own, config)
    tell_opened(machine, session, own)
    await tell_draft(machine, session, own)
    draft = draft_of(own["draft"])
    verdicts = {int(slot): read_verdict(data) for slot, data in own["results"].items()}
    for slot in draft.slots:  # one may have been settled where these records are not
        settled = session.known.settled.get(slot.index)
        if settled is None or settled.verdict != verdicts[slot.index]:
            session.settle(slot.index, slot_digest(slot), verdicts[slot.index])
    created = time.time()
    document, plain = _erased(
        composed(session.episode, session.known, draft, verdicts, created),
        machine.toolkit.redactor,
    )
    store, images = machine.toolkit.store, machine.images
    if images == "inline":
        message = await asyncio.to_thread(document_message, document, store, images)
    else:
        message = document_message(document, store, images, machine.pictures_at)
    for note in document.notes:
        session.tell(Noted(message=note))
    await session.tell(Composed(title=document.title, created=created))
    return {"document": plain, "messages": [message]}


def _erased(document: Document, redactor: Redactor) -> tuple[Document, dict[str, Any]]:
    """The document and its JSON. The last line of defence: by now all of it should be free of secrets."""
    said = document.model_dump(mode="json")
    clean = redactor.data(said)
    if clean == said:
        return document, said
    get_logger().warning("document.held_secret", episode=document.episode)
    return Document.model_validate(clean), clean
