"""A chat model on a checkpoint in this process. Nothing that was sampled is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import agenerate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import ConfigDict

from llmi_agent.contract import TOKENS, WEIGHTS, PolicyFailed
from llmi_transformers.asking import NEUTRAL, most_of, prompt_of, sampling_of
from llmi_transformers.engine import Engine, Piece
from llmi_transformers.text import Spoken, Stops, decoder

if TYPE_CHECKING:
    from llmi_transformers.batch import Row
    from llmi_transformers.loading import Loaded

MODE = "processed_logprobs"
"""How logprobs are computed: of what was drawn from, after temperature and truncation."""


class Chat(BaseChatModel):
    """A model by the path of its folder."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    model: str
    engine: Engine
    tokens: bool = False
    """Say what was sampled."""
    template: Mapping[str, Any] = {}
    """What the chat template is given besides."""

    @property
    def _llm_type(self) -> str:
        return "transformers"

    def asks(self, sampling: Mapping[str, Any]) -> dict[str, Any]:
        """All that it is asked with beside the messages, if the user sets this."""
        own = {"chat_template_kwargs": dict(self.template)} if self.template else {}
        return {**NEUTRAL, **own, **sampling}

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        asked = {**self.asks({}), **kwargs}
        stops = [*(stop or ()), *(asked.pop("stop", None) or ())]
        if stops and self.tokens:
            raise PolicyFailed(
                "stop strings cut the text and not what was sampled; leave them out", "setting"
            )
        loaded = await self.engine.loaded()
        row = await asyncio.to_thread(self._row, loaded, messages, asked)
        async with aclosing(self._said(loaded, row, stops)) as said:
            async for message in said:
                chunk = ChatGenerationChunk(message=message)
                if run_manager:
                    await run_manager.on_llm_new_token(str(message.text), chunk=chunk)
                yield chunk

    def _row(
        self, loaded: Loaded, messages: Sequence[BaseMessage], asked: Mapping[str, Any]
    ) -> Row:
        from llmi_transformers.batch import Row

        template = asked.get("chat_template_kwargs") or {}
        prompt = prompt_of(self.model, loaded, messages, template)
        most = most_of(self.model, loaded, len(prompt), asked.get("max_tokens"))
        return Row(prompt, sampling_of(asked), most, loaded.ends)

    async def _said(
        self, loaded: Loaded, row: Row, stops: Sequence[str]
    ) -> AsyncGenerator[AIMessageChunk]:
        once: dict[str, Any] = {"model_name": self.model, WEIGHTS: loaded.version}
        if self.tokens:
            once[TOKENS] = {"prompt": [*row.prompt], "mode": MODE}
        yield AIMessageChunk(content="", response_metadata=once)
        spoken, ending = Spoken(decoder(loaded.tokenizer)), Stops(stops)
        finish = ""
        async with aclosing(self.engine.answer(row)) as pieces:
            async for piece in pieces:
                text, is_open = spoken.add(_speaking(piece), last=bool(piece.finish))
                text, stopped = ending.add(text, last=bool(piece.finish))
                yield self._chunk(piece, text, is_open=is_open)
                finish = "stop" if stopped else piece.finish
                if stopped:
                    break
        yield AIMessageChunk(
            content="",
            response_metadata={"finish_reason": finish},
            usage_metadata=_usage(len(row.prompt), len(row.ids)),
        )

    def _chunk(self, piece: Piece, text: str, *, is_open: bool) -> AIMessageChunk:
        told: dict[str, Any] = {}
        if self.tokens:
            told[TOKENS] = {"completion": [*piece.ids], "logprobs": [*piece.logprobs]}
            told[TOKENS] |= {"open": True} if is_open else {}
        return AIMessageChunk(content=text, response_metadata=told)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return asyncio.run(self._agenerate(messages, stop, **kwargs))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return await agenerate_from_stream(self._astream(messages, stop, run_manager, **kwargs))


def _speaking(piece: Piece) -> Sequence[int]:
    """Without the token that ends the answer, whatever it would say."""
    return piece.ids[:-1] if piece.finish == "stop" else piece.ids


def _usage(read: int, written: int) -> UsageMetadata:
    return UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=read + written)
