"""What a tool has made is taken in: decoded and kept, each picture by itself, before anybody hears of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from llmi_agent.base.resources import exhausted
from llmi_agent.contract.tool import Failed, Image, ToolResult
from llmi_agent.records.outcome import Candidate, Finished, Outcome
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.intake import IntakeError

MOST_CANDIDATES = 8


async def admitted(result: ToolResult, store: ArtifactStore) -> Outcome:
    """The outcome of an answer that keeps the contract: its pictures are in the store, those that can be."""
    if isinstance(result, Failed):
        return result
    first, *others = (_or_error(_taken(each, store)) for each in result.images[:MOST_CANDIDATES])
    candidates: list[Candidate] = []
    refusal = ""
    for taken in await asyncio.gather(first, *others) if others else [await first]:
        if isinstance(taken, Candidate):
            candidates.append(taken)
        elif isinstance(taken, IntakeError | TypeError):
            refusal = refusal or str(taken)
        elif isinstance(taken, OSError | MemoryError):
            place, why = store.place, exhausted(taken) or taken
            return Failed("unavailable", f"the picture cannot be kept in {place}: {why}")
        else:
            raise taken
    if not candidates:
        return Failed("bad_output", refusal)
    return Finished(candidates=tuple(candidates), note=result.note, usd=result.usd)


async def _taken(image: Image, store: ArtifactStore) -> Candidate:
    artifact, picture = await store.take_image(image.data)
    return Candidate(**vars(artifact), provenance=image.provenance, blank=picture.blank)


async def _or_error(work: Awaitable[Candidate]) -> Candidate | Exception:
    try:
        return await work
    except Exception as error:  # noqa: BLE001 - told apart by who asked
        return error
