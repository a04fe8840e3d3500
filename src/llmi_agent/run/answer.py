"""One call of one model: what it costs, what it says, and who is told."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    message_to_dict,
    messages_from_dict,
    messages_to_dict,
)
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.runnables import RunnableConfig

from llmi_agent import draft as drafts
from llmi_agent.base.errors import PolicyError, UnavailableError
from llmi_agent.base.secrets import Redactor
from llmi_agent.config.options import Options
from llmi_agent.contract.hooks import ModelContext, ModelRequest
from llmi_agent.document.messages import with_pictures, without_pictures
from llmi_agent.host.plugins import PluginHost
from llmi_agent.models.ending import Ending, called, ending
from llmi_agent.models.resolve import Model
from llmi_agent.models.tokens import reckoned, reported, size, tokens
from llmi_agent.models.trouble import trouble_of
from llmi_agent.records.costs import Charge
from llmi_agent.records.events import Event, Message, ModelStarted
from llmi_agent.records.known import Known
from llmi_agent.run.ledger import Ledger
from llmi_agent.run.seeds import model_seed
from llmi_agent.run.transcript import Transcript
from llmi_agent.store.artifacts import ArtifactStore

SEEN_SIDE = 1568
"""Pixels of the longer side of a picture as a model is shown it: larger ones cost more and show it no more."""
MOST_TOKENS, MOST_OTHER_TOKENS = 32_000, 4_096
"""What a draft, and any other answer, may be long, in tokens, where a budget has to set aside its cost."""
FEWEST_TOKENS = 256
"""An answer that the budget cuts shorter is not worth asking for."""


@dataclass(frozen=True)
class Question:
    """What a model is asked, and what for."""

    purpose: str
    """`draft`, `repair`, or what else a graph asks for."""
    messages: Sequence[BaseMessage]
    """An `AIMessage` whose id is that of a call on record is the answer to it."""
    slot: int | None = None
    """The slot that it is about."""
    attempt: int = 0
    """The attempt of the slot that failed."""
    parent: str = ""
    """The model call whose answer it is about."""


class Asker(Protocol):
    """The episode that asks: a session."""

    @property
    def episode(self) -> str: ...
    @property
    def options(self) -> Options: ...
    @property
    def seed(self) -> int: ...
    @property
    def known(self) -> Known: ...
    @property
    def ledger(self) -> Ledger: ...
    def tell(self, event: Event) -> Awaitable[None]: ...


class Means(Protocol):
    """What an answer needs of the policy that asks."""

    @property
    def host(self) -> PluginHost: ...
    @property
    def store(self) -> ArtifactStore: ...
    @property
    def redactor(self) -> Redactor: ...


class Answer:
    """One call of one model: what it costs, what it says, and who is told."""

    def __init__(
        self, means: Means, model: Model, question: Question, asker: Asker, again: int = 0
    ) -> None:
        self.refused = False
        """The budget does not allow this model, though it may allow another."""
        self._means = means
        self._model = model
        self._question = question
        self._asker = asker
        self._again = again
        self.transcript = Transcript(means.redactor, asker.tell)
        self._sampling: dict[str, Any] = {}

    @cached_property
    def ending(self) -> Ending:
        """How the answer ended; to be read once it has."""
        most = self._sampling.get("max_tokens")
        bought = most if most != self._asker.options.max_tokens else None
        return ending(self.transcript.chunks, self._model.name, self._model.finish_reasons, bought)

    async def pieces(self, config: RunnableConfig) -> AsyncGenerator[str]:
        """The answer as it comes, redacted; the charge is settled whichever way it ends."""
        shown = await self._shown()
        read = sum(size(message) for message in shown)
        self._sampling = self._sampled(read)
        self._start(read)
        await self._asker.ledger.committed(self.transcript.call)
        try:
            async with aclosing(self._heard(shown, config)) as pieces:
                async for piece in pieces:
                    self.transcript.show(piece)
                    yield piece
        except BaseException as error:
            if not self.transcript.chunks and trouble_of(error).turned_away:
                self._asker.ledger.release(self.transcript.call)
            else:
                self._settle(read, whole=False)
            if isinstance(error, Exception):
                await self._tell_plugins(trouble_of(error).words)
            raise
        self._settle(read, whole=True)
        await self._tell_plugins(self.ending.cut)

    async def _tell_plugins(self, error: str) -> None:
        """Tell the plugins of the answer, as far as it was heard, and of what went wrong with it."""
        host, redactor, question = self._means.host, self._means.redactor, self._question
        if not host.hears("llmi_after_model"):
            return
        whole = add_ai_message_chunks(AIMessageChunk(content=""), *self.transcript.chunks)
        said = messages_to_dict([*question.messages, whole])
        *asked, response = messages_from_dict(redactor.data(said))
        await host.each(
            "llmi_after_model",
            request=ModelRequest(question.purpose, tuple(asked), self._model.name),
            response=response,
            context=ModelContext(self._asker.episode, question.slot),
            error=redactor.text(error) or None,
        )

    async def _heard(
        self, messages: Sequence[BaseMessage], config: RunnableConfig
    ) -> AsyncGenerator[str]:
        redactor, held = self._means.redactor, ""
        stream = self._model.chat.astream(list(messages), config, **self._sampling)
        async with aclosing(stream) as chunks:  # type: ignore[type-var]
            while (chunk := await self._next(chunks)) is not None:
                held = redactor.text(held + self.transcript.hear(chunk))
                ready = len(held) - redactor.unfinished(held)
                if ready:
                    yield held[:ready]
                held = held[ready:]
        if held:
            yield held
        if drafts.is_empty(self.transcript.text):
            tool = called(self.transcript.chunks)
            said = f"it called {tool} instead of writing" if tool else ""
            raise PolicyError(said or f"it answered with an empty {self._question.purpose}")

    async def _next(self, chunks: AsyncIterator[Any]) -> AIMessageChunk | None:
        silence = self._asker.options.model_silence
        try:
            async with asyncio.timeout(silence):
                chunk: AIMessageChunk | None = await anext(chunks, None)
                return chunk
        except TimeoutError:
            raise TimeoutError(f"the model said nothing for {silence:g} s") from None

    async def _shown(self) -> list[BaseMessage]:
        """The messages as this model takes them: with the pictures, or their numbered list alone."""
        messages = self._question.messages
        if not self._model.sees:
            return [without_pictures(message) for message in messages]
        store = self._means.store
        return [
            await asyncio.to_thread(with_pictures, message, store, SEEN_SIDE)
            if isinstance(message.content, list)
            else message
            for message in messages
        ]

    def _sampled(self, read: int) -> dict[str, Any]:
        """What is sent beside the messages. Raises UnavailableError if the budget is too tight."""
        question, asker = self._question, self._asker
        sampling = asker.options.sampling if self._model.language_model else {}
        if self._model.takes_seed:
            about = question.purpose, question.slot, question.attempt, self._again
            sampling["seed"] = model_seed(asker.seed, *about)
        most = self._affordable(read)
        if most is not None:
            sampling["max_tokens"] = min(most, sampling.get("max_tokens", most))
        return sampling

    def _affordable(self, read: int) -> int | None:
        """The limit on the answer's length that a budget sets. Raises UnavailableError if it is too tight."""
        model, left = self._model, self._asker.ledger.left
        a_token = model.usd(tokens(0, 1))
        if math.isinf(left) or not a_token:
            return None
        room = int((left - (model.usd(tokens(read, 0)) or 0.0)) / a_token)
        purpose = self._question.purpose
        longest = MOST_TOKENS if purpose == "draft" else MOST_OTHER_TOKENS
        most = min(room, longest, model.most_output or room)
        if most < FEWEST_TOKENS:
            self.refused = True
            raise UnavailableError(
                f"the budget leaves ${max(left, 0.0):.4f}, too little for the {purpose} by the model "
                f"{model.name}; raise it with --budget"
            )
        return most

    def _start(self, read: int) -> None:
        """Set aside what it may cost, and put on record that it starts."""
        model, question, asker = self._model, self._question, self._asker
        known, call = asker.known, _free_id(asker.known)
        self.refused = True
        most = self._sampling.get("max_tokens")
        asker.ledger.reserve_model(
            call,
            self._charge(),
            model.usd(tokens(read, most or 0)),
            free=model.usd(tokens(1, 1)) == 0,
        )
        self.refused = False
        asker.tell(
            ModelStarted(
                call=call,
                purpose=question.purpose,
                model=model.name,
                messages=tuple(self._recorded(message, known) for message in question.messages),
                sampling=dict(self._sampling),
                slot=question.slot,
                attempt=question.attempt,
                parent=question.parent,
                again=self._again,
                language_model=model.language_model,
            )
        )
        self.transcript.call = call

    def _recorded(self, message: BaseMessage, known: Known) -> str:
        """By what a message is found on record."""
        if isinstance(message, AIMessage) and message.id in known.asked:
            return str(message.id)
        own = Message.of(self._means.redactor.data(message_to_dict(message)))
        if own.digest not in known.messages:
            self._asker.tell(own)
        return own.digest

    def _settle(self, read: int, *, whole: bool) -> None:
        """By what the vendor reports: the cost, else the tokens; else reckoned from the texts."""
        metadata = [chunk.response_metadata for chunk in self.transcript.chunks]
        stated = next((m["response_cost"] for m in metadata if "response_cost" in m), None)
        counts = reported(self.transcript.chunks)
        usage = counts or tokens(read, reckoned(self.transcript.text))
        usd = float(stated) if stated is not None else self._model.usd(usage)
        counted = stated is not None or (counts is not None and whole)
        basis = self._model.basis if counted or usd == 0 else "estimated"
        self._asker.ledger.settle_model(
            self.transcript.call,
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
        question = self._question
        return Charge(
            call="model", name=self._model.name, purpose=question.purpose, slot=question.slot
        )


def _free_id(known: Known) -> str:
    number = len(known.asked)
    while f"model-{number}" in known.asked or f"model-{number}" in known.charges:
        number += 1
    return f"model-{number}"
