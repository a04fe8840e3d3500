"""One call of one model: what it costs, what it says, and who is told."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from langchain_core.messages import (
    AIMessageChunk,
    BaseMessage,
    messages_from_dict,
    messages_to_dict,
)
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.runnables import RunnableConfig

from llmi_agent import draft as drafts
from llmi_agent.base.errors import PolicyError
from llmi_agent.base.secrets import Redactor
from llmi_agent.config.options import Options
from llmi_agent.contract.hooks import ModelContext, ModelRequest
from llmi_agent.document.messages import PictureStore
from llmi_agent.host.plugins import PluginHost
from llmi_agent.models.ending import Ending, called, ending
from llmi_agent.models.resolve import Model
from llmi_agent.models.tokens import reckoned, reported, size, stated_cost, tokens
from llmi_agent.models.trouble import trouble_of
from llmi_agent.records.costs import Charge
from llmi_agent.records.events import Event, Message, ModelStarted
from llmi_agent.records.known import Known
from llmi_agent.run.allowance import allowance
from llmi_agent.run.conversation import as_recorded, as_shown
from llmi_agent.run.ledger import Ledger
from llmi_agent.run.seeds import model_seed
from llmi_agent.run.transcript import Transcript

_UNCOUNTED = 8
"""Tokens that a vendor may leave out when it counts an answer: those that end it."""
_SHARE = 16
"""What is held back is looked at again when this part of it has come anew: the time stays in proportion to the text."""


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
    def name(self) -> str: ...
    @property
    def host(self) -> PluginHost: ...
    @property
    def store(self) -> PictureStore: ...
    @property
    def redactor(self) -> Redactor: ...
    @property
    def seedless(self) -> Collection[str]: ...


class Answer:
    """One call of one model: what it costs, what it says, and who is told."""

    def __init__(
        self, means: Means, model: Model, question: Question, asker: Asker, again: int = 0
    ) -> None:
        self.refused = False
        """The budget does not allow this model, though it may allow another."""
        self.model = model
        self.episode = asker.episode
        self._means = means
        self._question = question
        self._asker = asker
        self._again = again
        self.transcript = Transcript(
            means.redactor,
            asker.tell,
            tokens=asker.options.record == "full",
            weights=asker.options.weights if model.name == means.name else "",
        )
        self._sampling: dict[str, Any] = {}
        self._full = ""
        """What is said of an answer that is as long as it may be; empty where only the model sets a limit."""

    @cached_property
    def ending(self) -> Ending:
        """How the answer ended; to be read once it has."""
        chunks, most = self.transcript.chunks, self._sent.get("max_tokens", 0)
        counts = reported(chunks)
        short = counts is not None and counts["output_tokens"] < most - _UNCOUNTED
        full = "" if short else self._full
        return ending(chunks, self.model.name, self.model.finish_reasons, full)

    @property
    def _sent(self) -> dict[str, Any]:
        """How the model is asked, in all."""
        return {**self.model.own, **self._sampling}

    def seed_refused(self, error: Exception) -> bool:
        """Whether it failed for the seed, which the user has not asked for."""
        sent = "seed" in self._sampling
        return sent and re.search(r"\bseed\b", trouble_of(error).words) is not None

    async def pieces(self, config: RunnableConfig) -> AsyncGenerator[str]:
        """The answer as it comes, redacted; the charge is settled whichever way it ends."""
        means, messages = self._means, self._question.messages
        shown = await as_shown(messages, means.store if self.model.sees else None)
        known, transcript = self._asker.known, self.transcript
        said, transcript.clean = await as_recorded(messages, means.store, means.redactor, known)
        read = sum(size(message) for message in shown)
        self._sampling = self.model.arguments(await self._sampled(read))
        started, sent = self._start(read, said), False
        try:
            await self._asker.ledger.committed(self.transcript.call)
            await started
            sent = True
            async with aclosing(self._heard(shown, config)) as pieces:
                async for piece in pieces:
                    self.transcript.show(piece)
                    yield piece
        except BaseException as error:
            refused = not self.transcript.chunks and trouble_of(error).turned_away
            if refused or not sent:
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
            request=ModelRequest(question.purpose, tuple(asked), self.model.name),
            response=response,
            context=ModelContext(self._asker.episode, question.slot),
            error=redactor.text(error) or None,
        )

    async def _heard(
        self, messages: Sequence[BaseMessage], config: RunnableConfig
    ) -> AsyncGenerator[str]:
        redactor, held, fresh = self._means.redactor, "", ""
        chat, arguments = self.model.asked_with(self._sampling)
        stream = chat.astream(list(messages), config, **arguments)
        async with aclosing(stream) as chunks:  # type: ignore[type-var]
            while (chunk := await self._next(chunks)) is not None:
                fresh += self.transcript.hear(chunk)
                if len(fresh) * _SHARE < len(held):
                    continue
                held, fresh = redactor.text(held + fresh), ""
                ready = len(held) - redactor.unfinished(held)
                if ready:
                    yield held[:ready]
                held = held[ready:]
        if held := redactor.text(held + fresh):
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

    async def _sampled(self, read: int) -> dict[str, Any]:
        """What is sent beside the messages. Raises UnavailableError if the budget is too tight."""
        question, asker, model = self._question, self._asker, self.model
        sampling = asker.options.sampling if model.language_model else {}
        if model.takes_seed and model.name not in self._means.seedless:
            about = question.purpose, question.slot, question.attempt, self._again
            sampling["seed"] = model_seed(asker.seed, *about)
        self.refused = True
        allowed = await allowance(
            model, question.purpose, asker.ledger, read, sampling.get("max_tokens")
        )
        self.refused, self._full = False, allowed.full
        if allowed.most is not None:
            sampling["max_tokens"] = allowed.most
        return sampling

    def _start(self, read: int, said: Sequence[str | Message]) -> Awaitable[None]:
        """Set aside what it may cost, and put on record that it starts; to be awaited before it does."""
        model, question, asker = self.model, self._question, self._asker
        call = _free_id(asker.known)
        self.refused = True
        most = self._sampling.get("max_tokens")
        asker.ledger.reserve_model(
            call,
            self._charge(),
            model.usd(tokens(read, most or 0)),
            free=model.usd(tokens(1, 1)) == 0,
        )
        self.refused = False
        for each in said:
            if isinstance(each, Message) and each.digest not in asker.known.messages:
                asker.tell(each)
        started = asker.tell(
            ModelStarted(
                call=call,
                purpose=question.purpose,
                model=model.name,
                messages=tuple(each.digest if isinstance(each, Message) else each for each in said),
                sampling=self._sent,
                slot=question.slot,
                attempt=question.attempt,
                parent=question.parent,
                again=self._again,
                language_model=model.language_model,
            )
        )
        self.transcript.call = call
        return started

    def _settle(self, read: int, *, whole: bool) -> None:
        """By what the vendor reports: the cost, else the tokens; else reckoned from the texts."""
        stated = stated_cost(self.transcript.chunks)
        counts = reported(self.transcript.chunks)
        usage = counts or tokens(read, reckoned(self.transcript.text))
        if not usage["input_tokens"]:  # it was all in a cache, or nobody counted it
            usage = {**usage, "input_tokens": read}
        usd = stated if stated is not None else self.model.usd(usage)
        counted = stated is not None or (whole and counts is not None and counts["input_tokens"])
        basis = self.model.basis if counted or usd == 0 else "estimated"
        self._asker.ledger.settle_model(
            self.transcript.call,
            self._charge().model_copy(
                update={
                    "usd": usd,
                    "basis": "unknown" if usd is None else "known" if stated is not None else basis,
                    "input_tokens": counts["input_tokens"] or None if counts else None,
                    "output_tokens": counts["output_tokens"] if counts else None,
                }
            ),
        )

    def _charge(self) -> Charge:
        question, name = self._question, self._means.redactor.text(self.model.name)
        return Charge(call="model", name=name, purpose=question.purpose, slot=question.slot)


def _free_id(known: Known) -> str:
    number = len(known.asked)
    while f"model-{number}" in known.asked or f"model-{number}" in known.charges:
        number += 1
    return f"model-{number}"
