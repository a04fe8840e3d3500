"""From a name such as `vllm/Qwen/Qwen3-4B` to a chat model on the user's server."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from pydantic import SecretStr

from llmi_agent.contract import PolicyFailed, PolicyModel, PolicyRequest
from llmi_vllm.chat import Chat

MODES = ("processed_logprobs", "raw_logprobs")
"""What vLLM's `--logprobs-mode` may be, for its numbers to be logprobs."""
_SEEING = re.compile(r"(?i)(?<![a-z])(vl|vision|llava|pixtral)(?![a-z])|[a-z]VL(?![a-z])")
"""In the names of models that take pictures."""


def make(request: PolicyRequest) -> PolicyModel:
    """The chat model. Raises PolicyFailed without a server's address, and for settings that cannot be."""
    given = request.secrets
    key = given.get("VLLM_API_KEY")
    chat = Chat(
        model=request.model,
        base_url=_address(request),
        key=SecretStr(key) if key else None,
        tokens=request.tokens,
        mode=_mode(given.get("VLLM_LOGPROBS_MODE", "")),
    )
    return PolicyModel(
        chat,
        sees=bool(_SEEING.search(request.model)),
        takes=frozenset({"temperature", "top_p", "max_tokens", "stop", "seed"}),
        asks=chat.asks,
    )


def _address(request: PolicyRequest) -> str:
    given = request.secrets
    address = request.api_base or given.get("VLLM_BASE_URL") or given.get("VLLM_API_BASE")
    if not address:
        raise PolicyFailed(
            f"the model {request.name} needs the address of its server: --api-base http://localhost:8000/v1, "
            "or VLLM_BASE_URL"
        )
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.password:
        raise PolicyFailed(
            "VLLM_BASE_URL is no address of a server; write http://host:port/v1, and a key into VLLM_API_KEY",
            "setting",
        )
    return address


def _mode(stated: str) -> str:
    if stated and stated not in MODES:
        raise PolicyFailed(
            f"VLLM_LOGPROBS_MODE says how the server was started, and {stated!r:.60} gives no logprobs; start it with "
            f"--logprobs-mode {MODES[0]} (or {MODES[1]}), and say so",
            "setting",
        )
    return stated
