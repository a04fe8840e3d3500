"""What is attached, as the policy is told of it; and the copies of tables, which code finds beside the files."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from llmi_agent.contract.preview import Preview, TableCopy
from llmi_agent.contract.tool import Attachment
from llmi_agent.host.registry import Registry
from llmi_agent.store.artifacts import ArtifactStore

COPIES = "copies"
"""Key in a human message's `additional_kwargs`: the copies of the attached tables, as plain dicts of an `Attachment`."""
MOST_TEXT = 4_000
MOST_DOUBTS = 12
MOST_DOUBT = 400
"""Characters of a text, number of doubts, and characters of each."""


@dataclass(frozen=True)
class Described:
    """The attached files that are no pictures."""

    texts: tuple[str, ...] = ()
    """A part of the user's message for each, in their order."""
    copies: tuple[Attachment, ...] = ()
    """The tables' copies, kept in the store under names that no attachment has."""


async def describe(
    attachments: Sequence[Attachment], registry: Registry, store: ArtifactStore
) -> Described:
    """Each file as the first plugin that reads it has it, and plainly if none does."""
    names = {each.name for each in attachments}
    texts: list[str] = []
    copies: list[Attachment] = []
    for each in attachments:
        if each.is_image:
            continue
        preview = await registry.preview(each, store)
        copy = None
        if preview and preview.table:
            copy = await asyncio.to_thread(_keep, preview.table, names, store)
            names.add(copy.name)
            copies.append(copy)
        texts.append(_text(each, preview, copy))
    return Described(tuple(texts), tuple(copies))


def copies_of(asked: Sequence[Mapping[str, Any]]) -> tuple[Attachment, ...]:
    """The copies that the messages of a journal speak of (`messages_to_dict`)."""
    told = asked[-1].get("data", {}).get("additional_kwargs", {}) if asked else {}
    return tuple(Attachment(**each) for each in told.get(COPIES, ()))


def _keep(table: TableCopy, names: set[str], store: ArtifactStore) -> Attachment:
    name, number = table.name, 1
    while name in names:
        number += 1
        name = f"{PurePath(table.name).stem}-{number}{PurePath(table.name).suffix}"
    return Attachment(name, table.media_type, store.put(table.data), len(table.data))


def _text(attachment: Attachment, preview: Preview | None, copy: Attachment | None) -> str:
    if preview is None:
        told = f"A file of the type {attachment.media_type}, {attachment.size:,} bytes; it was not read."
        return f"### {attachment.name}\n\n{told}"
    parts = [f"### {attachment.name}", preview.text[:MOST_TEXT]]
    if preview.doubts:
        doubts = [
            f"- {' '.join(each[:MOST_DOUBT].split())}" for each in preview.doubts[:MOST_DOUBTS]
        ]
        parts.append("What was left out or guessed when it was read:\n" + "\n".join(doubts))
    if copy:
        parts.append(
            f"Beside it lies `{copy.name}`: the same table as it was read, in plain form (UTF-8, dates as ISO 8601, "
            "numbers without signs or separators)."
        )
    return "\n\n".join(parts)
