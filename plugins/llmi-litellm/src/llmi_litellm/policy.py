"""From a LiteLLM name to a chat model, and what LiteLLM knows of it."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import Any

# Without this LiteLLM fetches a price list from the network while it is imported.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import litellm
from langchain_core.messages.ai import UsageMetadata

from llmi_agent.contract import PolicyModel, PolicyRequest
from llmi_litellm.chat import Chat
from llmi_litellm.credentials import credentials

_SAMPLING = ("temperature", "top_p", "max_tokens", "stop", "seed")

litellm.suppress_debug_info = True  # it would print advice on stdout
# Its guard takes a long line of dashes for a model that has lost its way.
setattr(litellm, "REPEATED_STREAMING_CHUNK_LIMIT", sys.maxsize)  # noqa: B010


def make(request: PolicyRequest) -> PolicyModel:
    """The chat model. Raises PolicyFailed for an unknown provider, a missing key or address."""
    name = request.name
    arguments = credentials(request)
    chat = Chat(
        model=name,
        streaming=True,
        stream_options={"include_usage": True},
        max_retries=0,
        # For the vendor's own client, which would try again unasked.
        model_kwargs={**arguments, "max_retries": 0},
    )
    listed = _usd(name, UsageMetadata(input_tokens=1, output_tokens=1, total_tokens=2)) is not None
    return PolicyModel(
        chat,
        usd=partial(_usd, name) if listed else None,
        # A server of one's own may have another price, and report no tokens, for which litellm puts its own count.
        estimated="api_base" in arguments,
        most_output=_most_output(name) if listed else None,
        sees=litellm.supports_vision(name),
        takes=_takes(name),
    )


def _takes(name: str) -> frozenset[str] | None:
    """By litellm's own list, which it holds a request to; None for a provider that has none."""
    try:
        known: list[str] | None = litellm.get_supported_openai_params(model=name)
    except Exception:  # noqa: BLE001 - what it raises for a name that it cannot place depends on its version
        return None
    return None if known is None else frozenset(known) & {*_SAMPLING}


def _most_output(name: str) -> int | None:
    most: int | None = litellm.get_model_info(name).get("max_output_tokens")
    return most


def _usd(name: str, usage: UsageMetadata) -> float | None:
    """By litellm's price list, which knows tiers and what cached tokens cost."""
    details: Any = usage.get("input_token_details") or {}
    try:
        read, written = litellm.cost_per_token(
            model=name,
            prompt_tokens=usage["input_tokens"],
            completion_tokens=usage["output_tokens"],
            cache_read_input_tokens=details.get("cache_read") or 0,
            cache_creation_input_tokens=details.get("cache_creation") or 0,
        )
    except Exception:  # noqa: BLE001 - what it raises for a model that is not listed depends on its version
        return None
    return float(read + written)
