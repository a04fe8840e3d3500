"""Tavily over its SDK: a search, the account's usage, and what their failures mean.

https://docs.tavily.com/documentation/api-reference/endpoint/search, and .../usage
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx
from pydantic import BaseModel
from tavily import AsyncTavilyClient
from tavily.errors import TimeoutError as TavilyTimeoutError

from llmi_agent.contract import ToolFailed, retry_after, status_failure
from llmi_tavily.answer import Answer
from llmi_tavily.settings import Settings

KEY = "TAVILY_API_KEY"
MOST_QUERY = 400
"""Characters that Tavily takes."""
SECONDS = 30.0
"""How long Tavily may be silent."""
RESULTS = 10
"""Pages asked for: they say where a picture is shown, and cost nothing more."""
_USED_UP = {432: "the plan's limit", 433: "the pay-as-you-go limit"}
"""Tavily's own statuses. Its SDK tells neither from 403."""


class Plan(BaseModel):
    """The account's state, in credits of this month."""

    current_plan: str | None = None
    plan_usage: float | None = None
    plan_limit: float | None = None


class Usage(BaseModel):
    """The answer of `GET /usage`."""

    account: Plan


class Tavily:
    """A connection to the API with one key."""

    def __init__(self, sdk: AsyncTavilyClient, http: httpx.AsyncClient) -> None:
        self._sdk = sdk
        self._http = http

    async def search(self, query: str, settings: Settings) -> Answer:
        """Pages and pictures for a query. Raises ToolFailed."""
        with _failures_said():
            answer = await self._sdk.search(
                query,
                search_depth=settings.depth,
                max_results=RESULTS,
                include_images=True,
                include_image_descriptions=True,
                include_usage=True,
                include_domains=list(settings.include_domains) or None,
                exclude_domains=list(settings.exclude_domains) or None,
                country=settings.country,
                timeout=SECONDS,
            )
            return Answer.model_validate(answer)

    async def usage(self) -> Usage:
        """What the account has used; costs no credit. Raises ToolFailed."""
        with _failures_said():
            answer = await self._http.get("/usage")
            return Usage.model_validate_json(answer.content)


@asynccontextmanager
async def connected(key: str, settings: Settings) -> AsyncIterator[Tavily]:
    """A connection with `key`, which must not be empty: without one the SDK asks Tavily anonymously."""
    async with httpx.AsyncClient(
        base_url=str(settings.api_base),
        event_hooks={"response": [_judge]},
        timeout=SECONDS,
    ) as http:
        yield Tavily(AsyncTavilyClient(key, client=http), http)


async def _judge(answer: httpx.Response) -> None:
    """Raise ToolFailed for an answer that is none.

    It comes before the SDK's own look at the answer, because the SDK's exceptions lack the status and Retry-After.
    """
    if answer.status_code == httpx.codes.OK:
        return
    await answer.aread()
    wait = retry_after(answer.headers)
    if answer.is_redirect:
        raise ToolFailed(
            f"Tavily's address redirects elsewhere (HTTP {answer.status_code}), which is not followed with the key; "
            "check the setting api_base",
            "unavailable",
            usd=0.0,
        )
    if limit := _USED_UP.get(answer.status_code):
        words = (
            f"{limit} at Tavily is used up (HTTP {answer.status_code}); raise it at app.tavily.com"
        )
        raise ToolFailed(words, "quota", retry_after=wait, usd=0.0)
    raise status_failure("Tavily", answer.status_code, _detail(answer), key=KEY, retry_after=wait)


def _detail(answer: httpx.Response) -> str:
    """Tavily's own words: `{"detail": {"error": ...}}`, or another `detail`."""
    try:
        body = answer.json()
    except ValueError:
        return ""
    detail = body.get("detail", "") if isinstance(body, dict) else ""
    if isinstance(detail, dict):
        detail = detail.get("error", detail)
    return detail if isinstance(detail, str) else json.dumps(detail)


@contextmanager
def _failures_said() -> Iterator[None]:
    """Turn what the SDK and httpx raise into ToolFailed. What Tavily has charged is known only if it was not reached."""
    try:
        yield
    except httpx.ConnectError as error:
        raise ToolFailed(
            f"Tavily cannot be reached ({error}); check the network and the setting api_base",
            "unreachable",
            usd=0.0,
        ) from error
    except (TavilyTimeoutError, httpx.TimeoutException) as error:
        not_reached = isinstance(error.__context__, httpx.ConnectTimeout)
        raise ToolFailed(
            f"Tavily did not answer within {SECONDS:g} s",
            "timeout",
            usd=0.0 if not_reached else None,
        ) from error
    except httpx.TransportError as error:
        raise ToolFailed(f"the connection to Tavily broke: {error}", "unreachable") from error
    except (ValueError, AttributeError, httpx.DecodingError) as error:
        # AttributeError: the SDK takes every JSON for an object.
        raise ToolFailed(
            f"Tavily's answer cannot be read ({type(error).__name__}): it has not the documented form",
            "bad_output",
        ) from error
