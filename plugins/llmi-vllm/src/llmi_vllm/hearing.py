"""What is heard of an answer: the events of a server as chunks of LangChain's, with what was sampled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.ai import UsageMetadata

from llmi_agent.contract import TOKENS, WEIGHTS
from llmi_vllm.pieces import FLOOR, Piece, said_in

_UNKNOWN_VERSION = "default"
"""What SGLang says of weights that nobody has given a version."""


class Hearing:
    """One answer. `tokens`: what was sampled is wanted. `mode`: how the server computes logprobs, as the user states it."""

    def __init__(self, *, tokens: bool, mode: str) -> None:
        self._tokens = tokens
        self._mode = mode
        self._model = ""
        self._weights = ""
        self._prompt: list[Any] | None = None
        self._ids = self._logprobs = self._missing = 0
        """How many came, and of how many tokens the server has no logprob."""
        self._usage: UsageMetadata | None = None

    def hear(self, event: Mapping[str, Any]) -> Iterator[AIMessageChunk]:
        """The next event, in pieces; the first one also says what is said once."""
        choices = event.get("choices")
        choice = (
            next(
                (each for each in choices if isinstance(each, Mapping) and not each.get("index")),
                {},
            )
            if isinstance(choices, list)
            else {}
        )
        once, usage, said = self._once(event, choice), _usage(event.get("usage")), said_in(choice)
        self._usage = usage or self._usage
        if once:
            yield AIMessageChunk(content="", response_metadata=once)
        for piece in said.split():
            yield self._chunk(piece)
        if usage or said.finish:
            reasons = {"finish_reason": said.finish, "stop_reason": choice.get("stop_reason")}
            known = {
                name: value for name, value in reasons.items() if value is not None and said.finish
            }
            yield AIMessageChunk(content="", response_metadata=known, usage_metadata=usage)

    def end(self) -> Iterator[AIMessageChunk]:
        """The answer has come to its end: whether what came of its tokens is all."""
        if self._tokens and (lack := self._lack()):
            yield AIMessageChunk(content="", response_metadata={TOKENS: {"lack": lack}})

    def _once(self, event: Mapping[str, Any], choice: Mapping[str, Any]) -> dict[str, Any]:
        """What comes once, in whichever event it is new."""
        once: dict[str, Any] = {}
        model, weights = event.get("model"), _version(event, choice)
        if isinstance(model, str) and model and not self._model:
            once["model_name"] = self._model = model
        if weights and weights != self._weights:
            once[WEIGHTS] = self._weights = weights
        prompt = event.get("prompt_token_ids") or choice.get("prompt_token_ids")
        if self._tokens and isinstance(prompt, list) and self._prompt is None:
            self._prompt = prompt
            once[TOKENS] = {"prompt": prompt, **({"mode": self._mode} if self._mode else {})}
        return once

    def _chunk(self, piece: Piece) -> AIMessageChunk:
        sampled: dict[str, Any] = {}
        if self._tokens and (piece.ids or piece.logprobs):
            sampled = {"completion": [*piece.ids], "logprobs": [*(piece.logprobs or ())]}
            sampled |= {"open": True} if piece.open else {}
            self._count(piece)
        return AIMessageChunk(
            content=piece.text,
            additional_kwargs={"reasoning_content": piece.reasoning} if piece.reasoning else {},
            response_metadata={TOKENS: sampled} if sampled else {},
        )

    def _count(self, piece: Piece) -> None:
        logprobs = piece.logprobs or ()
        self._ids += len(piece.ids)
        self._logprobs += len(logprobs)
        self._missing += sum(isinstance(n, int | float) and n <= FLOOR for n in logprobs)

    def _lack(self) -> str:
        """Why what came is not all of it; empty if it is, as far as the server's own counts say."""
        written = self._usage["output_tokens"] if self._usage else None
        read = self._usage["input_tokens"] if self._usage else None
        if not self._ids:
            return "its server gives no token ids (vLLM does, from 0.10.2 on)"
        if self._logprobs not in (0, self._ids):
            return f"its server gave {self._logprobs} logprobs of {self._ids} tokens"
        if self._missing:
            return f"its server has no logprob of {self._missing} of its tokens"
        if written not in (None, self._ids):
            return f"its server counts {written} tokens, and gave the ids of {self._ids}"
        if self._prompt is not None and read not in (None, len(self._prompt)):
            return f"its server counts {read} tokens in the prompt, and gave the ids of {len(self._prompt)}"
        return ""


def _version(event: Mapping[str, Any], choice: Mapping[str, Any]) -> str:
    """The version of the weights, where a server says it, as SGLang does."""
    for place in (event.get("metadata"), choice.get("meta_info"), event):
        given = place.get("weight_version") if isinstance(place, Mapping) else None
        if (
            isinstance(given, str | int)
            and not isinstance(given, bool)
            and given != _UNKNOWN_VERSION
        ):
            return str(given)
    return ""


def _usage(given: Any) -> UsageMetadata | None:
    """In LangChain's form; what is no count is none."""
    if not isinstance(given, Mapping):
        return None
    read, written = given.get("prompt_tokens"), given.get("completion_tokens")
    if type(read) is not int or type(written) is not int:
        return None
    return UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=read + written)
