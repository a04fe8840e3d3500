"""What there is in the pieces of an answer beside its text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessageChunk
from pydantic import TypeAdapter

from llmi_agent.base.text import one_line
from llmi_agent.contract.policy import TOKENS
from llmi_agent.records.events import Tokens

_REASONS = ("finish_reason", "stop_reason", "stopReason", "finishReason", "done_reason", "status")
"""Where LangChain's models put a vendor's reason."""
_MODELS = ("model_name", "model", "model_id")
"""And the model that has answered."""
_REASONING = ("reasoning_content", "reasoning")
"""What servers call the text that they keep apart, in `additional_kwargs`."""

_tokens = TypeAdapter(Tokens)


def reason_of(chunks: Sequence[AIMessageChunk]) -> str:
    """Why the answer ends, in the vendor's word; empty if it does not say."""
    return _last(chunks, _REASONS)


def says_something(chunk: AIMessageChunk) -> bool:
    """Whether there is a word of the model in it, and not only that it is about to speak."""
    return bool(chunk.text or chunk.tool_call_chunks or _reasoning(chunk))


def model_of(chunks: Sequence[AIMessageChunk]) -> str | None:
    """The model, as its vendor names it; None if it does not."""
    return _last(chunks, _MODELS) or None


def reasoning_of(chunks: Sequence[AIMessageChunk]) -> str:
    """What the model wrote apart from its answer."""
    return "".join(map(_reasoning, chunks))


def tokens_of(chunks: Sequence[AIMessageChunk]) -> Tokens | None:
    """What was sampled, the pieces of a stream put together; None where the model does not give it all.

    A piece says what is new with it: its `completion` and their `logprobs`; `prompt` and `mode` come once.
    """
    pieces = [given for each in chunks if (given := each.response_metadata.get(TOKENS)) is not None]
    if not pieces or not all(isinstance(each, Mapping) for each in pieces):
        return None
    whole: dict[str, Any] = {"completion": [], "logprobs": []}
    try:
        for piece in pieces:
            for name in piece.keys() & {"prompt", "mode"}:
                whole[name] = piece[name]
            new, logprobs = _listed(piece.get("completion")), _listed(piece.get("logprobs"))
            if logprobs and len(logprobs) != len(new):
                return None
            whole["completion"] += new
            whole["logprobs"] += logprobs
        whole["logprobs"] = whole["logprobs"] or None
        # Of numbers in words, or rounded ones, nobody knows what the model sampled.
        found: Tokens = _tokens.validate_json(json.dumps(whole, allow_nan=False), strict=True)
    except (ValueError, TypeError, RecursionError):
        return None
    fits = found.logprobs is None or len(found.logprobs) == len(found.completion)
    counted = min((*found.completion, *(found.prompt or ())), default=-1) >= 0
    return found if found.completion and fits and counted else None


def _listed(value: Any) -> list[Any]:
    """Raises TypeError for what is no list."""
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise TypeError(f"a list of numbers, not {type(value).__name__}")
    return [*value]


def _last(chunks: Sequence[AIMessageChunk], names: Sequence[str]) -> str:
    for chunk in reversed(chunks):
        metadata = chunk.response_metadata
        found = next((metadata[name] for name in names if metadata.get(name)), None)
        if found is not None:
            return one_line(str(found))
    return ""


def _reasoning(chunk: AIMessageChunk) -> str:
    for name in _REASONING:
        said = chunk.additional_kwargs.get(name)
        if said and isinstance(said, str):
            return said
    if not isinstance(chunk.content, list):
        return ""
    blocks = (each for each in chunk.content if isinstance(each, dict))
    return "".join(
        _thought(each.get("reasoning") or each.get("thinking"))
        for each in blocks
        if each.get("type") in ("reasoning", "thinking")
    )


def _thought(said: Any) -> str:
    """Text, or text in blocks, as Mistral has it."""
    if isinstance(said, list):
        return "".join(_thought(each.get("text")) for each in said if isinstance(each, dict))
    return said if isinstance(said, str) else ""
