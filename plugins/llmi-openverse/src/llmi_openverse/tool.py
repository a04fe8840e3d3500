"""The `openverse_images` tool: a query in, openly licensed pictures with complete credit out."""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx

from llmi_agent.contract import (
    BaseTool,
    Failed,
    Health,
    Image,
    Produced,
    Reason,
    SearchParams,
    ToolCall,
    ToolContext,
    ToolFailed,
    ToolResult,
    read_settings,
)
from llmi_agent.contract.image_search import fetch, until
from llmi_openverse import commons, openverse
from llmi_openverse.api import connected
from llmi_openverse.plugin import SPEC
from llmi_openverse.settings import Settings, Source

MOST_QUERY = 200
"""Characters; Openverse ignores the rest."""
_SERVICES = {"openverse": openverse, "commons": commons}
_MAY_PASS = ("quota", "timeout", "unreachable")
"""Reasons for which the same call may work later."""


@dataclass
class _Reasons:
    """Why no service gave a picture, so far."""

    said: list[Failed] = field(default_factory=list)
    failures: list[ToolFailed] = field(default_factory=list)
    """Of the services that could not be asked; the others had nothing."""

    def result(self) -> Failed:
        """All reasons as one failure."""
        words = "; ".join(each.message for each in self.said)
        if len(self.failures) < len(self.said):
            # Where nobody has anything, it is the query that is wrong; else it may be the services.
            nothing = all(each.reason == "bad_params" for each in self.said)
            reason: Reason = "bad_params" if nothing else "bad_output"
            return Failed(reason, f"{words}; try other words", retryable=True, usd=0.0)
        passing = [each for each in self.failures if each.reason in _MAY_PASS]
        waits = [each.retry_after for each in passing if each.retry_after is not None]
        first = (passing or self.failures)[0]
        return Failed(first.reason, words, retry_after=min(waits, default=None), usd=0.0)


class OpenverseImages(BaseTool):
    """Searches Openverse, then Wikimedia Commons, and downloads several pictures at once."""

    async def run(self, call: ToolCall, context: ToolContext) -> ToolResult:
        """Candidates, best first. Raises ToolFailed for wrong settings."""
        assert isinstance(call.params, SearchParams)
        settings = read_settings(context.settings, Settings, SPEC.name)
        query = call.params.query.strip()
        if len(query) > MOST_QUERY:
            return Failed("bad_params", _too_long(query), retryable=True, usd=0.0)
        reasons = _Reasons()
        async with connected() as http:
            for number, source in enumerate(settings.sources):
                services = len(settings.sources) - number
                try:
                    found = await _found(http, source, query, settings, context, services)
                except ToolFailed as failure:
                    reasons.failures.append(failure)
                    found = Failed(failure.reason, str(failure))
                if not isinstance(found, Failed):
                    return Produced(found, usd=0.0)
                reasons.said.append(found)
        return reasons.result()

    async def check(self, context: ToolContext) -> Health:
        """Whether the settings are right."""
        try:
            settings = read_settings(context.settings, Settings, SPEC.name)
        except ToolFailed as error:
            return Health(ok=False, message=str(error))
        names = ", then ".join(_SERVICES[source].NAME for source in settings.sources)
        return Health(ok=True, message=f"{names}; licence: {settings.licence}")

    async def verify(self, context: ToolContext) -> Health:
        """Search for a word at each service: there is no key to ask about. One that answers is enough."""
        try:
            settings = read_settings(context.settings, Settings, SPEC.name)
        except ToolFailed as error:
            return Health(ok=False, message=str(error))
        troubles = []
        said = []
        async with connected() as http:
            for number, source in enumerate(settings.sources):
                end = until(context, len(settings.sources) - number)
                try:
                    await _SERVICES[source].search(http, "tree", settings, end)
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
    services: int,
) -> tuple[Image, ...] | Failed:
    """A service's pictures, best first, or why it has none. Raises ToolFailed if it cannot be asked.

    services: how many are still to be asked, this one included.
    """
    service, end = _SERVICES[source], until(context, services)
    context.progress(f"searching {service.NAME}")
    hits = (await service.search(http, query, settings, end))[: settings.candidates]
    if not hits:
        return Failed("bad_params", _nothing(service.NAME, query, settings))
    context.progress(f"downloading {len(hits)} pictures of {service.NAME}")
    haul = await fetch(hits, query, context.download, settings.min_side, end)
    if not haul.images:
        return Failed(
            "bad_output",
            f"{service.NAME} has {len(hits)} pictures for {query!r}, and none could be had; "
            f"the first one: {haul.failures[0]}",
        )
    return haul.images


def _nothing(name: str, query: str, settings: Settings) -> str:
    licence = "" if settings.licence == "any" else f" whose licence is {settings.licence!r}"
    return f"{name} has no picture of {settings.min_side} pixels or more for {query!r}{licence}"


def _too_long(query: str) -> str:
    return f"the query has {len(query)} characters, and {MOST_QUERY} are taken; use a few words"
