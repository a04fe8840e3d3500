"""The offline writer behind the door that every policy uses: a `BaseChatModel`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import run_in_executor

from llmi_agent.contract import ATTACHMENTS, PROMPT, Attachment, PolicyFailed, PolicyRequest
from llmi_offline import Attached, NeedsAttachment, OfflineError, write_chunks, write_report


def make(request: PolicyRequest) -> OfflineWriter:
    """The writer of one graph."""
    return OfflineWriter(request=request)


class OfflineWriter(BaseChatModel):
    """Writes a report from the attachments that the last human message names. Not a language model.

    It cannot repair: asked to, it answers SKIP. Raises PolicyFailed if nothing that it can use is attached.
    """

    request: Any
    """The `PolicyRequest` it was made for."""

    @property
    def _llm_type(self) -> str:
        return "llmi-offline-writer"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        answer = AIMessage(content=self._answer(messages))
        return ChatResult(generations=[ChatGeneration(message=answer)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for piece in write_chunks(self._answer(messages)):
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=piece))
            if run_manager:
                run_manager.on_llm_new_token(piece, chunk=chunk)
            yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for piece in write_chunks(await run_in_executor(None, self._answer, messages)):
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=piece))
            if run_manager:
                await run_manager.on_llm_new_token(piece, chunk=chunk)
            yield chunk

    def _answer(self, messages: list[BaseMessage]) -> str:
        last = next(each for each in reversed(messages) if isinstance(each, HumanMessage))
        if ATTACHMENTS not in last.additional_kwargs:
            return "SKIP"
        attached = [self._read(Attachment(**each)) for each in last.additional_kwargs[ATTACHMENTS]]
        prompt = str(last.additional_kwargs.get(PROMPT, last.text))
        request: PolicyRequest = self.request
        try:
            draft: str = write_report(prompt, attached, request.kinds, request.write_slot)
        except NeedsAttachment as error:
            raise PolicyFailed(str(error), "unavailable") from None
        except OfflineError as error:
            raise PolicyFailed(str(error), "input") from None
        return draft

    def _read(self, attachment: Attachment) -> Attached:
        data: bytes = self.request.artifacts.read(attachment.digest)
        return Attached(attachment.name, attachment.media_type, data)
