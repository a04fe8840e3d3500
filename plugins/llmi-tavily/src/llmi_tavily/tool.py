"""The `tavily_images` tool: a query in, the best pictures of the web out."""

from __future__ import annotations

from collections.abc import Sequence

from llmi_agent.contract import (
    BaseTool,
    Failed,
    Health,
    Produced,
    Reason,
    SearchParams,
    ToolCall,
    ToolContext,
    ToolFailed,
    ToolResult,
    read_settings,
    secret_of,
)
from llmi_agent.contract.image_search import Haul, Hit, fetch, until
from llmi_tavily import api
from llmi_tavily.answer import Answer, hits
from llmi_tavily.plugin import SPEC
from llmi_tavily.settings import Settings

_NOTE = "Found on the web; its licence is unknown: check it before you publish."


class TavilyImages(BaseTool):
    """Searches the web for pictures, and downloads several at once."""

    async def run(self, call: ToolCall, context: ToolContext) -> ToolResult:
        """Candidates, best first. Raises ToolFailed."""
        assert isinstance(call.params, SearchParams)
        settings, key = _access(context)
        query = call.params.query.strip()
        if len(query) > api.MOST_QUERY:
            return Failed("bad_params", _too_long(query), retryable=True, usd=0.0)
        async with api.connected(key, settings) as tavily:
            answer = await tavily.search(query, settings)
        found = hits(answer, settings.candidates)
        context.progress(f"downloading {len(found)} pictures")
        haul = await fetch(found, query, context.download, settings.min_side, until(context))
        usd = _usd(answer, settings)
        if not haul.images:
            # What the service does not find is the query's fault; what cannot be downloaded is not.
            reason: Reason = "bad_output" if found else "bad_params"
            return Failed(reason, _nothing(query, found, haul), retryable=True, usd=usd)
        return Produced(haul.images, note=_NOTE, usd=usd)

    async def check(self, context: ToolContext) -> Health:
        """Whether there is a key, and the settings are right."""
        try:
            settings, _ = _access(context)
        except ToolFailed as error:
            return Health(ok=False, message=str(error))
        return Health(ok=True, message=f"{settings.depth} search at {settings.api_base.host}")

    async def verify(self, context: ToolContext) -> Health:
        """Ask for the account's usage, which costs no credit."""
        try:
            settings, key = _access(context)
            async with api.connected(key, settings) as tavily:
                plan = (await tavily.usage()).account
        except ToolFailed as error:
            return Health(ok=False, message=str(error))
        used = "an unknown number of" if plan.plan_usage is None else f"{plan.plan_usage:g}"
        most = "" if plan.plan_limit is None else f" of {plan.plan_limit:g}"
        name = plan.current_plan or "unnamed"
        return Health(ok=True, message=f"plan {name}: {used}{most} credits used this month")


def _access(context: ToolContext) -> tuple[Settings, str]:
    """The settings and the key. Raises ToolFailed if one of them is no good."""
    settings = read_settings(context.settings, Settings, SPEC.name)
    return settings, secret_of(context, api.KEY, "https://app.tavily.com")


def _usd(answer: Answer, settings: Settings) -> float | None:
    """What the search cost, if Tavily says how many credits."""
    return None if answer.credits is None else answer.credits * settings.usd_per_credit


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
