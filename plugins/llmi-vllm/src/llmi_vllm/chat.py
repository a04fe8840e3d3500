"""A chat model on a server with vLLM's API. One call is one request, and nothing that was sampled is lost.

It asks, besides the text, for the ids and logprobs of the tokens, if they are to be kept; every field of sampling is sent,
since a field that is left out is set by the model's `generation_config` on the server.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import openai
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import agenerate_from_stream
from langchain_core.messages import BaseMessage
from langchain_core.messages.utils import convert_to_openai_messages
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr, SecretStr

from llmi_agent.contract import PolicyAgain
from llmi_vllm.connection import answered, connected
from llmi_vllm.hearing import Hearing

NEUTRAL: Mapping[str, Any] = {
    "temperature": 1.0,
    "top_p": 1.0,
    "top_k": -1,
    "min_p": 0.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "repetition_penalty": 1.0,
    "n": 1,
}
"""What is sent where the user sets nothing: sampling from the model's own distribution. -1 is off, for vLLM and SGLang."""
TOLD: Mapping[str, Any] = {"logprobs": True, "return_token_ids": True}
"""What is sent, too, where tokens are kept."""
_UNASKED = (
    "top_k",
    "min_p",
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
    *TOLD,
    "stream_options",
)
"""Fields that nobody has asked for: a server that refuses one is asked without."""
_WHOLE = re.compile(r"(?i)return_token_ids\b.*\bstream")
"""SGLang gives ids with whole answers only."""


class Chat(BaseChatModel):
    """A model by its name on the server at `base_url`."""

    model: str
    base_url: str
    key: SecretStr | None = None
    tokens: bool = False
    """Ask for what was sampled."""
    mode: str = ""
    """How the server computes logprobs, as the user states it."""
    _refused: set[str] = PrivateAttr(default_factory=set)
    """Fields that the server does not know."""
    _unstreamed: bool = PrivateAttr(default=False)
    """It gives ids with whole answers only."""

    @property
    def _llm_type(self) -> str:
        return "vllm"

    def asks(self, sampling: Mapping[str, Any]) -> dict[str, Any]:
        """All that is sent beside the messages, if the user sets this."""
        asked = {**NEUTRAL, **(TOLD if self.tokens else {}), **sampling}
        return {name: value for name, value in asked.items() if name not in self._refused}

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        asked = {**self.asks({}), **kwargs, **({"stop": stop} if stop else {})}
        hearing = Hearing(tokens=self.tokens, mode=self.mode)
        async with aclosing(self._events(messages, asked)) as events:
            async for event in events:
                for message in hearing.hear(event):
                    chunk = ChatGenerationChunk(message=message)
                    if run_manager:
                        await run_manager.on_llm_new_token(str(message.text), chunk=chunk)
                    yield chunk
        for message in hearing.end():
            yield ChatGenerationChunk(message=message)

    async def _events(
        self, messages: Sequence[BaseMessage], asked: Mapping[str, Any]
    ) -> AsyncGenerator[Mapping[str, Any]]:
        """What the server sends, event by event, or as the one event that a whole answer is."""
        body = {"model": self.model, "messages": convert_to_openai_messages(messages), **asked}
        if not (self._unstreamed and "return_token_ids" in asked):
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        if "stream_options" in self._refused:
            body.pop("stream_options", None)
        async with connected(self.base_url, self.key) as client:
            try:
                async with aclosing(answered(client, body)) as events:
                    async for event in events:
                        yield event
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                self._learn(error, body)
                raise

    def _learn(self, error: openai.APIStatusError, body: Mapping[str, Any]) -> None:
        """Raises PolicyAgain if the server refuses what nobody has asked for: it will be asked without, or for the whole."""
        words = str(error.body or error.message)
        if "return_token_ids" in body and "stream" in body and _WHOLE.search(words):
            self._unstreamed = True
            raise PolicyAgain("its server gives token ids with whole answers only") from error
        named = {each for each in _UNASKED if each in body and re.search(rf"\b{each}\b", words)}
        if named and self._refused:  # one that names them one by one would be asked too often
            named = {each for each in _UNASKED if each in body}
        if named:
            self._refused |= named
            raise PolicyAgain(f"its server does not take {', '.join(sorted(named))}") from error

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
