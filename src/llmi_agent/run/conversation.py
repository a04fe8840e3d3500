"""The messages of a question: as a model is shown them, and as they are put on record."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, message_to_dict

from llmi_agent.base.secrets import Redactor
from llmi_agent.contract.tool import ArtifactReader
from llmi_agent.document.messages import (
    PictureStore,
    holds_bytes,
    with_digests,
    with_pictures,
    without_pictures,
)
from llmi_agent.records.events import Message
from llmi_agent.records.known import Known

SEEN_SIDE = 1568
"""Pixels of the longer side of a picture as a model is shown it: larger ones cost more and show it no more."""


async def as_shown(
    messages: Sequence[BaseMessage], store: ArtifactReader | None
) -> list[BaseMessage]:
    """With the pictures, which are in the `store`; without a store as text alone, for a model that sees nothing."""
    if store is None:
        return [without_pictures(each) for each in messages]
    return [
        await asyncio.to_thread(with_pictures, each, store, SEEN_SIDE)
        if isinstance(each.content, list)
        else each
        for each in messages
    ]


async def as_recorded(
    messages: Sequence[BaseMessage], store: PictureStore, redactor: Redactor, known: Known
) -> tuple[list[str | Message], bool]:
    """Each without secrets and without bytes, which go into the store; an answer on record by the id of its call.

    And whether no secret was in them.
    """
    said: list[str | Message] = []
    clean = True
    for each in messages:
        if isinstance(each, AIMessage) and each.id in known.asked:
            said.append(str(each.id))
            continue
        plain = await asyncio.to_thread(with_digests, each, store) if holds_bytes(each) else each
        own = Message.of(message_to_dict(plain))
        # What is on record is without secrets; to look for them again, at each repair, takes longer than to find it.
        kept = own if own.digest in known.messages else Message.of(redactor.data(own.body))
        clean = clean and kept.digest == own.digest
        said.append(kept)
    return said, clean
