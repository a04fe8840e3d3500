"""What there is in the pieces of an answer beside its text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import Any

from langchain_core.messages import AIMessageChunk
from pydantic import TypeAdapter

from llmi_agent.base.text import one_line, paired
from llmi_agent.contract.policy import TOKENS, WEIGHTS
from llmi_agent.records.events import Tokens

_REASONS = ("finish_reason", "stop_reason", "stopReason", "finishReason", "done_reason", "status")
"""Where LangChain's models put a vendor's reason."""
_MODELS = ("model_name", "model", "model_id")
"""And the model that has answered."""
_REASONING = ("reasoning_content", "reasoning")
"""What servers call the text that they keep apart, in `additional_kwargs`."""

MOST_ID = 2**32 - 1
"""No vocabulary is that large."""
ROUNDING = 1e-6
"""A logprob may be so far above 0: that of a certain token, as single precision has it."""
_UNFIT = "what it says of them is not a whole number from 0, and one logprob at most, for each"
_NO_LOGPROBS = "what it says are logprobs are none: some are above 0"

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


def weights_of(chunks: Sequence[AIMessageChunk]) -> str:
    """The version of the weights that answered, as the server says it; several if they were exchanged meanwhile."""
    given = (chunk.response_metadata.get(WEIGHTS) for chunk in chunks)
    return ", ".join(
        dict.fromkeys(one_line(each) for each in given if isinstance(each, str) and each)
    )


def sampled(chunks: Sequence[AIMessageChunk]) -> tuple[Tokens | None, str]:
    """What was sampled, the pieces of a stream put together, as far as the model gives it; and why that is not all.

    A piece says what is new with it: its `completion` and their `logprobs`; `prompt` and `mode` come once. Numbers that
    cannot be logprobs are left out.
    """
    given = [each.response_metadata.get(TOKENS) for each in chunks]
    lacks = (each.get("lack") for each in given if isinstance(each, Mapping))
    if lack := next((one_line(each) for each in lacks if each and isinstance(each, str)), ""):
        return None, lack
    if all(each is None for each in given):
        return None, ""
    whole: dict[str, Any] = {"completion": [], "logprobs": []}
    counts: list[int] = []
    try:
        for piece in given:
            counts.append(_joined(whole, {} if piece is None else piece))
        whole["logprobs"] = whole["logprobs"] or None
        # Of numbers in words, or rounded ones, nobody knows what the model sampled.
        found: Tokens = _tokens.validate_json(json.dumps(whole, allow_nan=False), strict=True)
    except (ValueError, TypeError, RecursionError):
        return None, _UNFIT
    if not (found.completion and _is_sound(found)):
        return None, _UNFIT if found.completion else ""
    found = replace(found, pieces=_pieces(given, counts, lengths_of(chunks)))
    if max(found.logprobs or (), default=0.0) > ROUNDING:
        return replace(found, logprobs=None, mode=""), _NO_LOGPROBS
    return found, ""


def _is_sound(found: Tokens) -> bool:
    """Whether its numbers can be ids, and those of the answer have a logprob each, or none has."""
    ids = (*found.completion, *(found.prompt or ()))
    logprobs = found.logprobs or (0.0,) * len(found.completion)
    fits = len(logprobs) == len(found.completion) and all(map(isfinite, logprobs))
    return fits and min(ids) >= 0 and max(ids) <= MOST_ID


def lengths_of(chunks: Sequence[AIMessageChunk]) -> Iterator[int]:
    """How many characters of the whole text come with each of them; one in two halves comes with the second."""
    half = ""
    for number, chunk in enumerate(chunks, 1):
        text = half + str(chunk.text)
        last = number == len(chunks)
        half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" and not last else ""
        yield len(paired(text.removesuffix(half)))


def _joined(whole: dict[str, Any], piece: Any) -> int:
    """Put a piece to what there is; how many tokens it has. Raises TypeError for what is none."""
    if not isinstance(piece, Mapping):
        raise TypeError(f"what is said of tokens, not {type(piece).__name__}")
    for name in piece.keys() & {"prompt", "mode"}:
        whole[name] = piece[name]
    new = _listed(piece.get("completion"))
    whole["completion"] += new
    whole["logprobs"] += _listed(piece.get("logprobs"))
    return len(new)


def _pieces(
    given: Iterable[Any], counts: Iterable[int], lengths: Iterable[int]
) -> tuple[tuple[int, int], ...]:
    """Those that bring something; one that is open is one with the next."""
    pieces: list[tuple[int, int]] = []
    begun = (0, 0)
    for piece, count, length in zip(given, counts, lengths, strict=True):
        *whole, last = _parts(piece, count, length)
        for part in whole:
            pieces.append((begun[0] + part[0], begun[1] + part[1]))
            begun = (0, 0)
        own = begun[0] + last[0], begun[1] + last[1]
        if (isinstance(piece, Mapping) and piece.get("open") is True) or not any(last):
            begun = own
        else:
            pieces.append(own)
            begun = (0, 0)
    return (*pieces, begun) if any(begun) else tuple(pieces)


def _parts(piece: Any, count: int, length: int) -> list[tuple[int, int]]:
    """Those that a piece says it has; else it is one."""
    given = piece.get("parts") if isinstance(piece, Mapping) else None
    try:
        parts = [(tokens, characters) for tokens, characters in given or ()]
        fit = all(type(n) is int and n >= 0 for part in parts for n in part)
        if fit and parts and tuple(map(sum, zip(*parts, strict=True))) == (count, length):
            return parts
    except (TypeError, ValueError):
        pass
    return [(count, length)]


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
