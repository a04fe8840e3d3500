"""LiteLLM's image calls, one request each: `aimage_generation` and `aimage_edit`.

https://docs.litellm.ai/docs/image_generation and https://docs.litellm.ai/docs/image_edits; importing this module
imports LiteLLM, which takes seconds.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, cast

# Without this LiteLLM fetches a price list from the network while it is imported.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import litellm
import openai
from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler

from llmi_agent.contract import ToolFailed
from llmi_litellm_images.connection import SILENCE, Connection
from llmi_litellm_images.settings import Settings

litellm.suppress_debug_info = True  # it would print advice on stdout


@dataclass(frozen=True)
class Drawn:
    """A picture as the server hands it over: its bytes, or the address to fetch it from."""

    data: bytes = b""
    url: str = ""
    usd: float | None = None
    """What the call cost by LiteLLM's price list; None if the model or what it used is not in it."""


class _Client(openai.AsyncOpenAI):
    """Asks once. LiteLLM sets the retries of the client that it is given to 2, whatever it is told."""

    @property
    def max_retries(self) -> int:
        return 0

    @max_retries.setter
    def max_retries(self, value: int) -> None:
        """Not taken."""


async def draw(prompt: str, settings: Settings, key: str) -> Drawn:
    """A new picture. Raises ToolFailed."""
    async with Connection(settings) as connection:
        client = _Client(api_key=key, base_url=settings.base, http_client=cast("Any", connection))
        client.organization = client.project = None  # the environment's are perhaps not the key's
        common = _common(settings, key)
        if settings.form:  # litellm refuses it for dall-e-2, which wants it
            common["extra_body"] = settings.form
        asked = litellm.aimage_generation(prompt=prompt, client=client, **common)
        return _drawn(await _answered(asked, settings), settings)


async def edit(picture: bytes, prompt: str, settings: Settings, key: str) -> Drawn:
    """The picture, changed. Raises ToolFailed."""
    async with Connection(settings) as connection:
        handler = AsyncHTTPHandler()
        handler.client = connection
        asked = litellm.aimage_edit(
            image=picture, prompt=prompt, client=handler, **_common(settings, key), **settings.form
        )
        return _drawn(await _answered(asked, settings), settings)


def _common(settings: Settings, key: str) -> dict[str, Any]:
    return {
        "model": settings.model,
        "api_key": key,
        "api_base": settings.base,
        "timeout": SILENCE,
        "max_retries": 0,
        "num_retries": 0,
        **settings.options,
    }


async def _answered(asked: Awaitable[Any], settings: Settings) -> Any:
    try:
        return await asked
    except openai.OpenAIError as error:  # the base of all that LiteLLM raises
        failure = _failure_below(error) or ToolFailed(_no_answer(settings), "bad_output")
        raise failure from None


def _failure_below(error: BaseException | None) -> ToolFailed | None:
    """The failure that LiteLLM has wrapped into exceptions of its own."""
    while error is not None:
        if isinstance(error, ToolFailed):
            return error
        error = error.__cause__ or error.__context__
    return None


def _drawn(answer: Any, settings: Settings) -> Drawn:
    pictures = answer.data or ()
    if not pictures:
        raise ToolFailed(f"{settings.vendor} answered without a picture", "bad_output")
    # LiteLLM says 0 where it finds nothing to count.
    usd = answer._hidden_params.get("response_cost") or None
    if encoded := pictures[0].b64_json:
        try:
            return Drawn(base64.b64decode(encoded, validate=True), usd=usd)
        except binascii.Error:
            raise ToolFailed(_no_answer(settings), "bad_output", usd=usd) from None
    if url := pictures[0].url:
        return Drawn(url=url, usd=usd)
    raise ToolFailed(_no_answer(settings), "bad_output", usd=usd)


def _no_answer(settings: Settings) -> str:
    return f"{settings.vendor}'s answer cannot be read: it has not the form of OpenAI's images API"
