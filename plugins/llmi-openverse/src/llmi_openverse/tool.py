"""The `openverse_images` tool: a query in, openly licensed pictures with complete credit out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

from llmi_agent.kinds import SearchParams
from llmi_agent.tool import (
    BaseTool,
    Failed,
    Health,
    Image,
    Produced,
    ToolCall,
    ToolContext,
    ToolFailed,
    ToolResult,
)
from llmi_openverse import commons, openverse
from llmi_openverse.api import connected
from llmi_openverse.downloads import Fetched, fetch
from llmi_openverse.hit import Hit
from llmi_openverse.ranking import match_share, score
from llmi_openverse.settings import Settings, Source, read_settings

MOST_QUERY = 200
"""Characters; Openverse ignores the rest."""
DOWNLOAD_SECONDS = 20.0
"""How long the pictures of one service may take, all together."""
_SERVICES = {"openverse": openverse, "commons": commons}
_MAY_PASS = ("quota", "timeout", "unreachable")
"""Reasons for which the same call may work later."""


@dataclass
class _Reasons:
    """Why no service gave a picture, so far."""

    said: list[str] = field(default_factory=list)
    failures: list[ToolFailed] = field(default_factory=list)
    """Of the services that could not be asked; the others had nothing."""

    def result(self) -> Failed:
        """All reasons as one failure."""
        words = "; ".join(self.said)
        if len(self.failures) < len(self.said):
            return Failed("bad_output", f"{words}; try other words", retryable=True, usd=0.0)
        passing = [each for each in self.failures if each.reason in _MAY_PASS]
        waits = [each.retry_after for each in passing if each.retry_after is not None]
        reason = (passing or self.failures)[0].reason
        return Failed(reason, words, retry_after=min(waits, default=None), usd=0.0)


class OpenverseImages(BaseTool):
    """Searches Openverse, then Wikimedia Commons, and downloads several pictures at once."""

    async def run(self, call: ToolCall, context: ToolContext) -> ToolResult:
        """Candidates, best first. Raises ToolFailed for wrong settings."""
        assert isinstance(call.params, SearchParams)
        settings, query = read_settings(context.settings), call.params.query.strip()
        if len(query) > MOST_QUERY:
            return Failed("bad_params", _too_long(query), retryable=True, usd=0.0)
        reasons = _Reasons()
        async with connected() as http:
            for number, source in enumerate(settings.sources):
                until = _until(context, len(settings.sources) - number)
                try:
                    found = await _found(http, source, query, settings, context, until)
                except ToolFailed as failure:
                    reasons.failures.append(failure)
                    found = str(failure)
                if not isinstance(found, str):
                    return Produced(found, usd=0.0)
                reasons.said.append(found)
        return reasons.result()

    async def check(self, context: ToolContext) -> Health:
        """Whether the settings are right."""
        try:
            settings = read_settings(context.settings)
        except ToolFailed as error:
            return Health(ok=False, message=str(error))
        names = ", then ".join(_SERVICES[source].NAME for source in settings.sources)
        return Health(ok=True, message=f"{names}; licence: {settings.licence}")

    async def verify(self, context: ToolContext) -> Health:
        """Search for a word at each service: there is no key to ask about. One that answers is enough."""
        try:
            settings = read_settings(context.settings)
        except ToolFailed as error:
            return Health(ok=False, message=str(error))
        troubles = []
        said = []
        async with connected() as http:
            for number, source in enumerate(settings.sources):
                until = _until(context, len(settings.sources) - number)
                try:
                    await _SERVICES[source].search(http, "tree", settings, until)
                except ToolFailed as error:
                    troubles.append(error)
                    said.append(str(error))
                else:
                    said.append(f"{_SERVICES[source].NAME} answers")
        return Health(ok=len(troubles) < len(said), message="; ".join(said))


async def _found(
    http: httpx.AsyncClient,
    source: Source,
    query: str,
    settings: Settings,
    context: ToolContext,
    until: float,
) -> tuple[Image, ...] | str:
    """A service's pictures, best first, or why it has none. Raises ToolFailed if it cannot be asked."""
    service = _SERVICES[source]
    context.progress(f"searching {service.NAME}")
    hits = _worth_it(await service.search(http, query, settings, until), settings)
    if not hits:
        return _nothing(service.NAME, query, settings)
    context.progress(f"downloading {len(hits)} pictures of {service.NAME}")
    until = min(until, asyncio.get_running_loop().time() + DOWNLOAD_SECONDS)
    haul = await fetch(hits, context.download, settings.min_side, until)
    if not haul.pictures:
        return (
            f"{service.NAME} has {len(hits)} pictures for {query!r}, and none could be had; "
            f"the first one: {haul.failures[0]}"
        )
    return tuple(
        Image(each.data, each.hit.provenance(each.address))
        for each in _best_first(haul.pictures, query, len(hits))
    )


def _worth_it(hits: Sequence[Hit], settings: Settings) -> list[Hit]:
    """The first ones that are not known to be too small."""
    large = [hit for hit in hits if (hit.shorter_side or settings.min_side) >= settings.min_side]
    return large[: settings.candidates]


def _best_first(pictures: Sequence[Fetched], query: str, count: int) -> list[Fetched]:
    def rank(each: Fetched) -> float:
        match = match_share(query, each.hit.about)
        return score(each.position, count, each.shorter_side, match)

    return sorted(pictures, key=rank, reverse=True)


def _until(context: ToolContext, services: int) -> float:
    """When to be done with the next of so many services, on the loop's clock: each gets its share of the time.

    The last one is done a moment before the call's time is up, so that what has arrived is not lost.
    """
    now = asyncio.get_running_loop().time()
    left = max(context.deadline - now, 0.0)
    return now + (left - min(1.0, left / 10)) / services


def _nothing(name: str, query: str, settings: Settings) -> str:
    licence = "" if settings.licence == "any" else f" whose licence is {settings.licence!r}"
    return f"{name} has no picture of {settings.min_side} pixels or more for {query!r}{licence}"


def _too_long(query: str) -> str:
    return f"the query has {len(query)} characters, and {MOST_QUERY} are taken; use a few words"
