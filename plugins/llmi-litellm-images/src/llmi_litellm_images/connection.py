"""The connection to a server with OpenAI's API: what goes wrong on it is said before any SDK sees it.

LiteLLM and the SDK below it rename statuses, drop bodies and ask again on their own; a second request may be a second
bill. So the failures are told here, where the answer still is what the server sent.
"""

from __future__ import annotations

from typing import Any

import httpx

from llmi_agent.contract import ToolFailed, retry_after, status_failure
from llmi_litellm_images.plugin import KEY
from llmi_litellm_images.settings import Settings

SILENCE = httpx.Timeout(170.0, connect=10.0)
"""Seconds that the server may be silent. A picture is drawn in silence, for up to two minutes."""

_REFUSALS = ("content_policy_violation", "moderation_blocked", "content_filter", "safety system")
"""In OpenAI's and Azure's refusals to draw something (https://platform.openai.com/docs/guides/image-generation)."""
_NO_CREDIT = ("billing_hard_limit_reached", "insufficient_quota")


class Connection(httpx.AsyncClient):
    """An HTTP client that raises ToolFailed for whatever is not an answer. It follows no redirect with the key."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(timeout=SILENCE)
        self._vendor = settings.vendor

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """The answer to `request`, read to its end. Raises ToolFailed."""
        options["follow_redirects"] = False
        try:
            answer = await super().send(request, **options)
            await answer.aread()
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            words = f"{self._vendor} cannot be reached; check the network and the setting api_base"
            raise ToolFailed(words, "unreachable", usd=0.0) from error
        except httpx.TimeoutException as error:
            words = f"{self._vendor} was silent for {SILENCE.read:g} s"
            raise ToolFailed(words, "timeout") from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            words = f"the connection to {self._vendor} broke before the answer was whole"
            raise ToolFailed(words, "unreachable") from error
        if not answer.is_success:
            raise self._failure(answer)
        return answer

    def _failure(self, answer: httpx.Response) -> ToolFailed:
        status, said = answer.status_code, _said(answer)
        if answer.is_redirect:
            return ToolFailed(
                f"{self._vendor} redirects elsewhere (HTTP {status}), which is not followed with the key; check the "
                "setting api_base",
                "unavailable",
                usd=0.0,
            )
        marks = answer.text.lower() if answer.is_client_error else ""
        wait = retry_after(answer.headers)
        if any(mark in marks for mark in _REFUSALS):
            words = f"{self._vendor} refuses to draw this (HTTP {status}): {said}"
            return ToolFailed(words, "refused", usd=0.0)
        if any(mark in marks for mark in _NO_CREDIT):
            words = f"the account at {self._vendor} has no credit left (HTTP {status}); top it up: {said}"
            return ToolFailed(words, "quota", retry_after=wait, usd=0.0)
        # OpenAI's words for a wrong key repeat its beginning and its end.
        detail = "" if status == httpx.codes.UNAUTHORIZED else said
        return status_failure(self._vendor, status, detail, key=KEY, retry_after=wait)


def _said(answer: httpx.Response) -> str:
    """The server's own words: OpenAI's `{"error": {"message": ...}}`, or another server's `error` or `detail`."""
    try:
        body = answer.json()
    except ValueError:
        return ""
    said = (body.get("error") or body.get("detail")) if isinstance(body, dict) else None
    if isinstance(said, dict):
        said = said.get("message")
    return said if isinstance(said, str) else ""
