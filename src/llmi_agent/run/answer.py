"""One call of one model: what it costs, what it says, and who is told."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from functools import cached_property
from typing import Any, Literal, Protocol

from langchain_core.messages import (
    AIMessageChunk,
    BaseMessage,
    messages_from_dict,
    messages_to_dict,
)
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.runnables import RunnableConfig

from llmi_agent import draft as drafts
from llmi_agent.base.errors import PolicyError, UnavailableError
from llmi_agent.base.secrets import Redactor
from llmi_agent.base.text import printable
from llmi_agent.config.options import Options
from llmi_agent.contract.hooks import ModelContext, ModelRequest
from llmi_agent.document.messages import with_pictures, without_pictures
from llmi_agent.host.plugins import PluginHost
from llmi_agent.models.ending import Ending, called, ending
from llmi_agent.models.resolve import Model
from llmi_agent.models.tokens import reckoned, reported, size, tokens
from llmi_agent.models.trouble import trouble_of
from llmi_agent.records.costs import Charge
from llmi_agent.run.ledger import Ledger
from llmi_agent.store.artifacts import ArtifactStore

SEEN_SIDE = 1568
"""Pixels of the longer side of a picture as a model is shown it: larger ones cost more and show it no more."""
MOST_TOKENS = {"draft": 32_000, "repair": 4_096}
"""What an answer may be long, in tokens, where a budget has to set aside its cost."""
FEWEST_TOKENS = 256
"""An answer that the budget cuts shorter is not worth asking for."""

Purpose = Literal["draft", "repair"]


class Asking(Protocol):
    """What an answer needs of the policy that asks for it."""

    @property
    def host(self) -> PluginHost: ...
    @property
    def store(self) -> ArtifactStore: ...
    @property
    def options(self) -> Options: ...
    @property
    def redactor(self) -> Redactor: ...


class Answer:
    """One call of one model: what it costs, what it says, and who is told."""

    def __init__(
        self,
        policy: Asking,
        model: Model,
        purpose: Purpose,
        messages: Sequence[BaseMessage],
        context: ModelContext,
        ledger: Ledger,
    ) -> None:
        self.refused = False
        """The budget does not allow this model, though it may allow another."""
        self._policy = policy
        self._model = model
        self._purpose: Purpose = purpose
        self._messages = list(messages)
        self._context = context
        self._ledger = ledger
        self._chunks: list[AIMessageChunk] = []
        self._most: int | None = None

    @cached_property
    def ending(self) -> Ending:
        """How the answer ended; to be read once it has."""
        return ending(self._chunks, self._model.name, self._model.finish_reasons, self._most)

    async def pieces(self, config: RunnableConfig) -> AsyncGenerator[str]:
        """The answer as it comes, redacted; the charge is settled whichever way it ends."""
        shown = await self._shown()
        read = sum(size(message) for message in shown)
        arguments = self._affordable(read)
        self._most = arguments.get("max_tokens")
        key = self._reserve(read, self._most)
        await self._ledger.committed()
        try:
            async with aclosing(self._heard(shown, config, arguments)) as pieces:
                async for piece in pieces:
                    yield piece
        except BaseException as error:
            if not self._chunks and trouble_of(error).turned_away:
                self._ledger.release(key)
            else:
                self._settle(key, read, whole=False)
            if isinstance(error, Exception):
                await self._tell(trouble_of(error).words)
            raise
        self._settle(key, read, whole=True)
        await self._tell(self.ending.cut)

    async def _tell(self, error: str) -> None:
        """Tell the plugins of the answer, as far as it was heard, and of what went wrong with it."""
        host, redactor = self._policy.host, self._policy.redactor
        if not host.hears("llmi_after_model"):
            return
        whole = add_ai_message_chunks(AIMessageChunk(content=""), *self._chunks)
        *asked, response = _redacted([*self._messages, whole], redactor)
        await host.each(
            "llmi_after_model",
            request=ModelRequest(self._purpose, tuple(asked), self._model.name),
            response=response,
            context=self._context,
            error=redactor.text(error) or None,
        )

    async def _heard(
        self, messages: Sequence[BaseMessage], config: RunnableConfig, arguments: dict[str, Any]
    ) -> AsyncGenerator[str]:
        redactor, held = self._policy.redactor, ""
        stream = self._model.chat.astream(list(messages), config, **arguments)
        async with aclosing(stream) as chunks:  # type: ignore[type-var]
            while (chunk := await self._next(chunks)) is not None:
                self._chunks.append(chunk)
                held = redactor.text(held + printable(str(chunk.text)))
                ready = len(held) - redactor.unfinished(held)
                if ready:
                    yield held[:ready]
                held = held[ready:]
        if held:
            yield held
        if drafts.is_empty("".join(str(chunk.text) for chunk in self._chunks)):
            tool = called(self._chunks)
            said = f"it called {tool} instead of writing" if tool else ""
            raise PolicyError(said or f"it answered with an empty {self._purpose}")

    async def _next(self, chunks: AsyncIterator[Any]) -> AIMessageChunk | None:
        silence = self._policy.options.model_silence
        try:
            async with asyncio.timeout(silence):
                chunk: AIMessageChunk | None = await anext(chunks, None)
                return chunk
        except TimeoutError:
            raise TimeoutError(f"the model said nothing for {silence:g} s") from None

    async def _shown(self) -> list[BaseMessage]:
        """The messages as this model takes them: with the pictures, or their numbered list alone."""
        if not self._model.sees:
            return [without_pictures(message) for message in self._messages]
        store = self._policy.store
        return [
            await asyncio.to_thread(with_pictures, message, store, SEEN_SIDE)
            if isinstance(message.content, list)
            else message
            for message in self._messages
        ]

    def _affordable(self, read: int) -> dict[str, int]:
        """The limit on the answer's length that a budget sets. Raises UnavailableError if it is too tight."""
        model, left = self._model, self._ledger.left
        a_token = model.usd(tokens(0, 1))
        if math.isinf(left) or not a_token:
            return {}
        room = int((left - (model.usd(tokens(read, 0)) or 0.0)) / a_token)
        most = min(room, MOST_TOKENS[self._purpose], model.most_output or room)
        if most < FEWEST_TOKENS:
            self.refused = True
            raise UnavailableError(
                f"the budget leaves ${max(left, 0.0):.4f}, too little for the {self._purpose} by the model "
                f"{model.name}; raise it with --budget"
            )
        return {"max_tokens": most}

    def _reserve(self, read: int, most: int | None) -> str:
        self.refused = True
        key = self._ledger.reserve_model(
            self._charge(),
            self._model.usd(tokens(read, most or 0)),
            free=self._model.usd(tokens(1, 1)) == 0,
        )
        self.refused = False
        return key

    def _settle(self, key: str, read: int, *, whole: bool) -> None:
        """By what the vendor reports: the cost, else the tokens; else reckoned from the texts."""
        metadata = [chunk.response_metadata for chunk in self._chunks]
        stated = next((m["response_cost"] for m in metadata if "response_cost" in m), None)
        counts = reported(self._chunks)
        usage = counts or tokens(read, reckoned("".join(str(c.text) for c in self._chunks)))
        usd = float(stated) if stated is not None else self._model.usd(usage)
        counted = stated is not None or (counts is not None and whole)
        basis = self._model.basis if counted or usd == 0 else "estimated"
        self._ledger.settle_model(
            key,
            self._charge().model_copy(
                update={
                    "usd": usd,
                    "basis": "unknown" if usd is None else "known" if stated is not None else basis,
                    "input_tokens": counts["input_tokens"] if counts else None,
                    "output_tokens": counts["output_tokens"] if counts else None,
                }
            ),
        )

    def _charge(self) -> Charge:
        return Charge(
            call="model", name=self._model.name, purpose=self._purpose, slot=self._context.slot
        )


def _redacted(messages: Sequence[BaseMessage], redactor: Redactor) -> list[BaseMessage]:
    """The messages, with secrets erased from all that they hold."""
    return messages_from_dict(redactor.data(messages_to_dict(messages)))
