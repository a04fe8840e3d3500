"""A document's files, written off the event loop and one document at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from weakref import WeakKeyDictionary

from llmi_agent.document.model import Document
from llmi_agent.document.render import write_document
from llmi_agent.runner.folder import holds_report
from llmi_agent.store.artifacts import ArtifactStore

_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
"""Of an event loop: two threads that render at once gain nothing, and pygments fails if both are the first to import it."""


async def rendered(
    document: Document, store: ArtifactStore, out: Path | None, formats: Sequence[str]
) -> tuple[tuple[Path, ...], bool]:
    """The main files, and whether there was a report before. Raises LlmiError if one cannot be written."""
    if out is None:
        return (), False
    async with _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
        return await asyncio.to_thread(_write, document, store, out, formats)


def _write(
    document: Document, store: ArtifactStore, out: Path, formats: Sequence[str]
) -> tuple[tuple[Path, ...], bool]:
    replaced = holds_report(out)
    return tuple(write_document(document, store, out, formats)), replaced
