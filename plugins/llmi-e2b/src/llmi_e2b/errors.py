"""What the E2B SDK raises, as a failure that a user understands."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from e2b import TimeoutException
from e2b.api.client.types import Response

from llmi_agent.contract import ToolFailed, ToolRetry, retry_after, status_failure
from llmi_e2b.settings import KEY

Answer = httpx.Response | Response[Any]
_GONE = (404, 502)
"""What the proxy in front of a sandbox, or the server in it, says once it or its contexts are no more."""


class SandboxLost(ToolFailed):
    """The sandbox does not answer any more: the next call needs another one."""


@contextmanager
def asking_api() -> Iterator[None]:
    """Around a request to the API. Raises ToolFailed for whatever goes wrong in it."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - the SDK raises bare Exception, and what its parsers trip over
        raise _failure(error) from None


@contextmanager
def asking_sandbox() -> Iterator[None]:
    """Around requests to a sandbox: as `asking_api`, but SandboxLost where the sandbox is gone or out of reach.

    What such a failure has cost is unknown, since the sandbox runs. ToolRetry and ToolFailed pass, and so
    does the TimeoutError of our own clock; the SDK's timeouts are of other classes.
    """
    try:
        yield
    except (ToolFailed, ToolRetry, TimeoutError):
        raise
    except Exception as error:  # noqa: BLE001 - as above
        if cause := _loss(error):
            message = f"the sandbox at E2B is gone or does not answer: {cause}"
            raise SandboxLost(message, "unreachable") from None
        failed = _failure(error)
        failed.usd = None
        raise failed from None


def _loss(error: Exception) -> str:
    """Why the sandbox counts as lost; empty if it does not."""
    answer = _answer(error)
    if answer is not None and answer.status_code >= 400:
        gone = answer.status_code in _GONE
        said = _words(answer) or f"HTTP {int(answer.status_code)}" if gone else ""
    else:
        unreachable = isinstance(error, httpx.TransportError | TimeoutException)
        said = (str(error) or type(error).__name__) if unreachable else ""
    return " ".join(said.split())[:200]


def _failure(error: Exception) -> ToolFailed:
    answer = _answer(error)
    if answer is not None and answer.status_code >= 400:
        wait = retry_after(answer.headers)
        return status_failure(
            "E2B", int(answer.status_code), _words(answer), key=KEY, retry_after=wait
        )
    if isinstance(error, httpx.TimeoutException | TimeoutException):
        return ToolFailed("E2B did not answer in time", "timeout")
    if isinstance(error, httpx.ConnectError):
        return ToolFailed(f"E2B cannot be reached: {error}", "unreachable", usd=0.0)
    if isinstance(error, httpx.TransportError):
        return ToolFailed(f"the connection to E2B broke off: {error}", "unreachable")
    return ToolFailed(f"E2B's answer cannot be read ({type(error).__name__})", "bad_output")


def _answer(error: Exception) -> Answer | None:
    """The HTTP answer that made the SDK raise, from the frames that the error came through.

    The SDK's errors keep neither the headers (Retry-After) nor always the status, and a body that is no
    JSON becomes a bare JSONDecodeError.
    """
    found: Answer | None = None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        for value in frame.f_locals.values():
            if isinstance(value, httpx.Response | Response):
                found = value
    return found


def _words(answer: Answer) -> str:
    """The vendor's own words, if it has any."""
    text = answer.content.decode("utf-8", "replace")
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text
