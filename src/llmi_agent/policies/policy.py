"""The policy of a run: a chat model, the name it goes by, and what is done around each of its answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.runnables import RunnableConfig

from llmi_agent.errors import LlmiError, PolicyError
from llmi_agent.hooks import ModelContext, ModelRequest
from llmi_agent.plugins import PluginHost
from llmi_agent.secrets import Redactor


@dataclass(frozen=True)
class Policy:
    """A `BaseChatModel` as a run uses it."""

    model: BaseChatModel
    name: str
    host: PluginHost
    redactor: Redactor = field(default_factory=Redactor, repr=False)

    async def draft(
        self, messages: Sequence[BaseMessage], config: RunnableConfig, context: ModelContext
    ) -> AsyncIterator[str]:
        """The draft as it is written, piece by piece, without secrets that the model may repeat.

        Raises PolicyError if the model fails or stays silent; LlmiErrors pass as they are.
        """
        chunks: list[AIMessageChunk] = []
        held = ""
        try:
            async for chunk in self.model.astream(list(messages), config):
                chunks.append(chunk)
                held = self.redactor.text(held + _clean(str(chunk.text)))
                ready = len(held) - self.redactor.unfinished(held)
                if ready:
                    yield held[:ready]
                held = held[ready:]
            if held:
                yield held
        except LlmiError:
            raise
        except Exception as error:
            raise self._failure(error) from error
        if not any(str(chunk.text).strip() for chunk in chunks):
            raise PolicyError(f"the model {self.name} answered with an empty draft; run again")
        whole = add_ai_message_chunks(chunks[0], *chunks[1:])
        await self._tell(messages, whole, context, repair=False)

    async def repair(
        self, messages: Sequence[BaseMessage], config: RunnableConfig, context: ModelContext
    ) -> str:
        """The model's answer to a repair request. Raises PolicyError."""
        quiet: RunnableConfig = {**config, "tags": [*config.get("tags", []), "nostream"]}
        try:
            answer = await self.model.ainvoke(list(messages), quiet)
        except LlmiError:
            raise
        except Exception as error:
            raise self._failure(error) from error
        await self._tell(messages, answer, context, repair=True)
        return self.redactor.text(_clean(str(answer.text)))

    async def _tell(
        self,
        messages: Sequence[BaseMessage],
        answer: AIMessage,
        context: ModelContext,
        *,
        repair: bool,
    ) -> None:
        request = ModelRequest("repair" if repair else "draft", tuple(messages), self.name)
        await self.host.each("llmi_after_model", request=request, response=answer, context=context)

    def _failure(self, error: Exception) -> PolicyError:
        words = " ".join(f"{type(error).__name__}: {error}".split())
        return PolicyError(f"the model {self.name} failed: {self.redactor.text(words)[:600]}")


def _clean(text: str) -> str:
    """Text that can be written as UTF-8: a lone surrogate becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")
