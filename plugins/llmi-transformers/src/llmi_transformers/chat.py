"""A chat model on a checkpoint of this machine. Nothing that was sampled is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import agenerate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.utils import convert_to_openai_messages
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import ConfigDict

from llmi_agent.contract import TOKENS, WEIGHTS, PolicyFailed, PolicyModel, PolicyRequest
from llmi_transformers.asking import NEUTRAL
from llmi_transformers.folder import Folder
from llmi_transformers.post import Answering
from llmi_transformers.settings import Settings
from llmi_transformers.wire import Begun, Piece, Waits

MODE = "processed_logprobs"
"""How logprobs are computed: of what was drawn from, after temperature and truncation."""


class Chat(BaseChatModel):
    """A model by the path of its folder."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    model: str
    engine: Answering
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
        said = convert_to_openai_messages(messages)
        async with aclosing(self.engine.answer(said, asked, stops)) as answer:
            read = written = 0
            async for news in answer:
                if isinstance(news, Begun):
                    read = len(news.prompt)
                    message = self._begun(news)
                elif isinstance(news, Waits):
                    message = AIMessageChunk(content="")  # who listens takes silence for a failure
                else:
                    written += len(news.ids)
                    message = self._piece(news, read, written)
                chunk = ChatGenerationChunk(message=message)
                if run_manager:
                    await run_manager.on_llm_new_token(str(message.text), chunk=chunk)
                yield chunk

    def _begun(self, news: Begun) -> AIMessageChunk:
        once: dict[str, Any] = {"model_name": self.model, WEIGHTS: news.version}
        if self.tokens:
            once[TOKENS] = {"prompt": [*news.prompt], "mode": MODE}
        return AIMessageChunk(content="", response_metadata=once)

    def _piece(self, news: Piece, read: int, written: int) -> AIMessageChunk:
        """What is new; with the last one, why it is the last, and how much was read and written."""
        told: dict[str, Any] = {"finish_reason": news.finish} if news.finish else {}
        if self.tokens:
            told[TOKENS] = {"completion": [*news.ids], "logprobs": [*news.logprobs]}
            told[TOKENS] |= {"open": True} if news.open else {"parts": [*news.parts]}
        usage = UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=read + written)
        return AIMessageChunk(
            content=news.text,
            response_metadata=told,
            usage_metadata=usage if news.finish else None,
        )

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


def policy_of(
    request: PolicyRequest, engine: Answering, folder: Folder, settings: Settings
) -> PolicyModel:
    """The chat model of a checkpoint, with what can be asked of it. engine: who answers."""
    chat = Chat(
        model=request.model,
        engine=engine,
        tokens=request.tokens,
        template=settings.template_options,
    )
    return PolicyModel(
        chat,
        sees=folder.sees,
        takes=frozenset({"temperature", "top_p", "max_tokens", "stop", "seed"}),
        asks=chat.asks,
        weights=engine.version,
    )
