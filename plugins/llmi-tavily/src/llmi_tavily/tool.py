"""The `tavily_images` tool: a query in, the best pictures of the web out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from llmi_agent.kinds import SearchParams
from llmi_agent.tool import (
    BaseTool,
    Failed,
    Health,
    Image,
    Produced,
    Provenance,
    ToolCall,
    ToolContext,
    ToolFailed,
    ToolResult,
)
from llmi_tavily import api
from llmi_tavily.answer import Answer, Hit, hits
from llmi_tavily.downloads import Fetched, Haul, fetch
from llmi_tavily.ranking import match_share, score
from llmi_tavily.settings import Settings, read_settings

DOWNLOAD_SECONDS = 20.0
"""How long the pictures may take, all together."""
_NOTE = "Found on the web; its licence is unknown: check it before you publish."


class TavilyImages(BaseTool):
    """Searches the web for pictures, and downloads several at once."""

    async def run(self, call: ToolCall, context: ToolContext) -> ToolResult:
        """Candidates, best first. Raises ToolFailed."""
        assert isinstance(call.params, SearchParams)
        settings, key = read_settings(context.settings), _key(context)
        query = call.params.query.strip()
        if len(query) > api.MOST_QUERY:
            return Failed("bad_params", _too_long(query), retryable=True, usd=0.0)
        async with api.connected(key, settings) as tavily:
            answer = await tavily.search(query, settings)
        found = hits(answer, settings.candidates)
        context.progress(f"downloading {len(found)} pictures")
        haul = await fetch(found, context.download, settings.min_side, _until(context))
        usd = _usd(answer, settings)
        if not haul.pictures:
            return Failed("bad_output", _nothing(query, found, haul), retryable=True, usd=usd)
        images = tuple(_image(each) for each in _best_first(haul.pictures, query, len(found)))
        return Produced(images, note=_NOTE, usd=usd)

    async def check(self, context: ToolContext) -> Health:
        """Whether there is a key, and the settings are right."""
        try:
            settings, _ = read_settings(context.settings), _key(context)
        except ToolFailed as error:
            return Health(ok=False, message=str(error))
        return Health(ok=True, message=f"{settings.depth} search at {settings.api_base.host}")

    async def verify(self, context: ToolContext) -> Health:
        """Ask for the account's usage, which costs no credit."""
        try:
            settings, key = read_settings(context.settings), _key(context)
            async with api.connected(key, settings) as tavily:
                plan = (await tavily.usage()).account
        except ToolFailed as error:
            return Health(ok=False, message=str(error))
        used = "an unknown number of" if plan.plan_usage is None else f"{plan.plan_usage:g}"
        most = "" if plan.plan_limit is None else f" of {plan.plan_limit:g}"
        name = plan.current_plan or "unnamed"
        return Health(ok=True, message=f"plan {name}: {used}{most} credits used this month")


def _key(context: ToolContext) -> str:
    """The key. Raises ToolFailed where there is none: the SDK would search without one."""
    key = context.secrets.get(api.KEY, "").strip()
    if not key:
        raise ToolFailed(
            f"{api.KEY} is not set; get a key at app.tavily.com, or bind another search tool",
            "unavailable",
            usd=0.0,
        )
    if not (key.isascii() and key.isprintable()):
        raise ToolFailed(
            f"{api.KEY} has characters that no key has; copy it again from app.tavily.com",
            "unavailable",
            usd=0.0,
        )
    return key


def _until(context: ToolContext) -> float:
    """When to be content with what has arrived, on the loop's clock: a moment before the call's time is up."""
    now = asyncio.get_running_loop().time()
    left = max(context.deadline - now, 0.0)
    return now + min(DOWNLOAD_SECONDS, left - min(1.0, left / 10))


def _usd(answer: Answer, settings: Settings) -> float | None:
    """What the search cost, if Tavily says how many credits."""
    return None if answer.credits is None else answer.credits * settings.usd_per_credit


def _best_first(pictures: Sequence[Fetched], query: str, count: int) -> list[Fetched]:
    def rank(each: Fetched) -> float:
        match = match_share(query, each.hit.description)
        return score(each.hit.position, count, each.shorter_side, match)

    return sorted(pictures, key=rank, reverse=True)


def _image(fetched: Fetched) -> Image:
    hit = fetched.hit
    return Image(
        fetched.data,
        Provenance("Tavily", source_url=hit.url, page_url=hit.page_url, title=hit.title),
    )


def _nothing(query: str, found: Sequence[Hit], haul: Haul) -> str:
    if not found:
        return f"Tavily found no picture for {query!r}; try other words"
    return (
        f"Tavily found {len(found)} pictures for {query!r}, and all {len(haul.failures)} downloads failed; "
        f"try other words. The first one: {haul.failures[0]}"
    )


def _too_long(query: str) -> str:
    return (
        f"the query has {len(query)} characters, and Tavily takes {api.MOST_QUERY}; use a few words"
    )
