"""Asking a service for JSON over HTTP, and what its failures mean. Nothing costs anything here, so `usd` is always 0."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from importlib.metadata import version
from typing import Annotated, Any, TypeVar

import httpx
from pydantic import BaseModel, BeforeValidator, ValidationError

from llmi_agent.contract import MOST_DETAIL, Reason, ToolFailed, retry_after, status_failure
from llmi_openverse.text import plain

SECONDS = 15.0
"""How long a search may take."""
MOST_BYTES = 32 * 1024 * 1024
"""Of an answer, unpacked."""
_NO_ACCOUNT: Mapping[int, Reason] = {401: "unavailable", 402: "quota", 403: "unavailable"}
"""What the framework's own words would blame on a key, and there is none."""

Form = TypeVar("Form", bound=BaseModel)


def _as_text(value: Any) -> Any:
    return "" if value is None else str(value) if isinstance(value, (int, float)) else value


Text = Annotated[str, BeforeValidator(_as_text)]
"""A text of an answer: null is empty, and a number is its digits."""


@asynccontextmanager
async def connected() -> AsyncIterator[httpx.AsyncClient]:
    """A client that says who it is, as both services ask, and follows no redirect."""
    agent = f"llmi-openverse/{version('llmi-openverse')} (+https://arxiv.org/abs/2509.13642)"
    headers = {"User-Agent": agent, "Accept": "application/json"}
    async with httpx.AsyncClient(headers=headers, timeout=SECONDS) as http:
        yield http


async def ask(
    http: httpx.AsyncClient,
    service: str,
    base: object,
    path: str,
    params: Mapping[str, str],
    form: type[Form],
    until: float,
) -> tuple[Form, httpx.Headers]:
    """The answer to a GET, of the given form, and its headers.

    base: the setting with the service's address. until: on the loop's clock; it may not take longer. Raises ToolFailed.
    """
    with _failures_said(service):
        seconds = min(SECONDS, max(until - asyncio.get_running_loop().time(), 0.0))
        async with asyncio.timeout(seconds):
            url = f"{str(base).rstrip('/')}{path}"
            async with http.stream("GET", url, params=dict(params)) as answer:
                body = await _body(answer)
        if answer.status_code != httpx.codes.OK:
            raise _refusal(service, answer, _detail(body))
        return form.model_validate_json(body), answer.headers


async def _body(answer: httpx.Response) -> bytes:
    body = bytearray()
    async for piece in answer.aiter_bytes():
        body += piece
        if len(body) > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES:,} bytes")
    return bytes(body)


def _refusal(service: str, answer: httpx.Response, detail: str) -> ToolFailed:
    status = answer.status_code
    if 200 <= status < 400:
        return ToolFailed(
            f"{service} answers HTTP {status} where pictures were expected; check the address in the settings",
            "unavailable",
            usd=0.0,
        )
    wait = retry_after(answer.headers)
    if reason := _NO_ACCOUNT.get(status):
        said = f": {detail[:MOST_DETAIL]}" if detail else ""
        return ToolFailed(
            f"{service} does not serve this network without an account (HTTP {status}){said}; "
            "try later, or use another search tool",
            reason,
            retry_after=wait,
            usd=0.0,
        )
    failure = status_failure(service, status, detail, retry_after=wait)
    return ToolFailed(str(failure), failure.reason, retry_after=wait, usd=0.0)


class _Complaint(BaseModel):
    """`{"detail": "words"}`, as Openverse says what is wrong."""

    detail: str = ""


def _detail(body: bytes) -> str:
    try:
        return plain(_Complaint.model_validate_json(body).detail, MOST_DETAIL)
    except ValidationError:
        return ""


@contextmanager
def _failures_said(service: str) -> Iterator[None]:
    """Turn what httpx and pydantic raise into ToolFailed."""
    try:
        yield
    except httpx.ConnectError as error:
        raise ToolFailed(
            f"{service} cannot be reached ({error}); check the network", "unreachable", usd=0.0
        ) from error
    except (TimeoutError, httpx.TimeoutException) as error:
        raise ToolFailed(f"{service} did not answer in time", "timeout", usd=0.0) from error
    except httpx.TransportError as error:
        raise ToolFailed(
            f"the connection to {service} broke: {error}", "unreachable", usd=0.0
        ) from error
    except (ValueError, httpx.DecodingError) as error:
        raise ToolFailed(
            f"the answer of {service} cannot be read ({type(error).__name__}): "
            "it has not the documented form",
            "bad_output",
            usd=0.0,
        ) from error
