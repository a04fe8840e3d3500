"""The offline writer behind the door that every policy uses: a `BaseChatModel`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import run_in_executor

from llmi_agent import draft as drafts
from llmi_agent.base.errors import InputError, UnavailableError
from llmi_agent.contract.kinds import WELL_KNOWN
from llmi_agent.contract.policy import ATTACHMENTS
from llmi_agent.contract.tool import Attachment
from llmi_agent.draft import Dialect
from llmi_agent.store.artifacts import ArtifactStore
from llmi_offline import (
    Attached,
    NeedsAttachment,
    OfflineError,
    write_chunks,
    write_report,
)


class OfflineWriter(BaseChatModel):
    """Writes a report from the attachments that the last human message names. Not a language model.

    It cannot repair: asked to, it answers SKIP.
    """

    store: Any
    """The `ArtifactStore` that holds the attachments."""
    kinds: tuple[str, ...]
    dialect: Dialect = "json"

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
        prompt = str(last.additional_kwargs.get("prompt", last.text))
        try:
            draft: str = write_report(prompt, attached, self.kinds)
        except NeedsAttachment as error:
            raise UnavailableError(str(error)) from None
        except OfflineError as error:
            raise InputError(str(error)) from None
        if self.dialect == "json":
            return draft
        params = {name: kind.params for name, kind in WELL_KNOWN.items()}
        return drafts.format(
            drafts.parse(draft, params, inputs=_images(attached)), dialect=self.dialect
        )

    def _read(self, attachment: Attachment) -> Attached:
        store: ArtifactStore = self.store
        return Attached(attachment.name, attachment.media_type, store.read(attachment.digest))


def _images(attached: list[Attached]) -> int:
    return sum(each.media_type.startswith("image/") for each in attached)
