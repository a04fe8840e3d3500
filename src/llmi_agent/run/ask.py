"""The policy of a run: the models that may write it, and what is done around each of their answers."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Literal

from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata, add_ai_message_chunks
from langchain_core.runnables import RunnableConfig

from llmi_agent.base.errors import LlmiError, PolicyError, UnavailableError
from llmi_agent.base.logs import get_logger
from llmi_agent.base.resources import exhausted
from llmi_agent.base.secrets import Redactor
from llmi_agent.base.text import printable
from llmi_agent.config.options import Options
from llmi_agent.contract.hooks import ModelContext, ModelRequest
from llmi_agent.document.messages import with_pictures, without_pictures
from llmi_agent.host.plugins import PluginHost
from llmi_agent.models.resolve import Model, tokens
from llmi_agent.models.trouble import Trouble, trouble_of
from llmi_agent.records.costs import Charge
from llmi_agent.run.ledger import Ledger
from llmi_agent.run.limits import Limits
from llmi_agent.store.artifacts import ArtifactStore

SEEN_SIDE = 1568
"""Pixels of the longer side of a picture as a model is shown it: larger ones cost more and show it no more."""
MOST_TOKENS = {"draft": 32_000, "repair": 4_096}
"""What an answer may be long, in tokens, where a budget has to set aside its cost."""
FEWEST_TOKENS = 256
"""An answer that the budget cuts shorter is not worth asking for."""
MOST_COUNTED = 100_000_000
"""Tokens of one answer that a vendor may claim."""
_BYTES_A_TOKEN = 3
"""On the low side for every script, so that what is reckoned with it is not too little."""

Purpose = Literal["draft", "repair"]


@dataclass(frozen=True)
class Restart:
    """The draft so far is void: it is written anew, by the same model or the next one."""

    model: str
    """Who writes now."""
    message: str
    """What happened, and what is done about it."""


@dataclass(frozen=True)
class CutShort:
    """The draft has ended, and not where the model would have ended it."""

    message: str
    """Why."""


@dataclass(frozen=True)
class Policy:
    """Models in the order in which they are asked, as a run uses them."""

    models: tuple[Model, ...]
    host: PluginHost
    store: ArtifactStore
    options: Options = field(default_factory=Options)
    limits: Limits = field(default_factory=lambda: Limits(Options()), repr=False)
    redactor: Redactor = field(default_factory=Redactor, repr=False)

    @property
    def name(self) -> str:
        """The model that is asked first."""
        return self.models[0].name

    def draft(
        self,
        messages: Sequence[BaseMessage],
        config: RunnableConfig,
        context: ModelContext,
        ledger: Ledger,
    ) -> AsyncGenerator[str | Restart | CutShort]:
        """The draft as it is written, piece by piece, without secrets that the model may repeat.

        After a `Restart` what came before it is void; a `CutShort` comes last. Raises PolicyError if every model fails or stays silent,
        UnavailableError if the budget does not allow a draft; other LlmiErrors pass as they are.
        """
        return self._written("draft", messages, config, context, ledger)

    async def repair(
        self,
        messages: Sequence[BaseMessage],
        config: RunnableConfig,
        context: ModelContext,
        ledger: Ledger,
    ) -> str:
        """The answer to a repair request. Raises as `draft` does."""
        quiet: RunnableConfig = {**config, "tags": [*config.get("tags", []), "nostream"]}
        pieces: list[str] = []
        async for piece in self._written("repair", messages, quiet, context, ledger):
            if isinstance(piece, Restart):
                pieces.clear()
            elif isinstance(piece, str):
                pieces.append(piece)
        return "".join(pieces)

    async def _written(
        self,
        purpose: Purpose,
        messages: Sequence[BaseMessage],
        config: RunnableConfig,
        context: ModelContext,
        ledger: Ledger,
    ) -> AsyncGenerator[str | Restart | CutShort]:
        """Ask each model in turn, each as often as it pays, until one has written to the end."""
        log = get_logger(episode=context.episode)
        failures: list[str] = []
        for model, heir in zip(self.models, (*self.models[1:], None), strict=True):
            for attempt in range(self.options.model_retries + 1):
                answer = _Answer(self, model, purpose, messages, context, ledger)
                try:
                    limit = self.limits.of(model.name, "model")
                    async with (
                        limit.held(context.episode),
                        aclosing(answer.pieces(config)) as pieces,
                    ):
                        async for piece in pieces:
                            yield piece
                    if answer.cut:
                        yield CutShort(answer.cut)
                    return
                except UnavailableError as error:
                    if heir is None or not answer.refused:
                        raise
                    trouble = Trouble(str(error), transient=False)
                except PolicyError as error:
                    trouble = Trouble(str(error), transient=True)
                except LlmiError:
                    raise
                except Exception as error:
                    if out := exhausted(error):
                        raise out from error
                    trouble = trouble_of(error)
                said = self.redactor.text(trouble.words)[:600]
                log.warning("model.failed", model=model.name, purpose=purpose, error=said)
                pause = trouble.pause(self.options.retry_wait, attempt)
                if pause is None or attempt == self.options.model_retries:
                    failures.append(f"the model {model.name} failed: {said}")
                    if heir:
                        yield Restart(heir.name, f"{failures[-1]}; {heir.name} writes instead")
                    break
                again = f"the model {model.name}: {said}; trying again in {pause:.1f} s"
                yield Restart(model.name, again)
                await asyncio.sleep(pause)
        raise PolicyError("; ".join(failures))


class _Answer:
    """One call of one model: what it costs, what it says, and who is told."""

    def __init__(
        self,
        policy: Policy,
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

    @property
    def cut(self) -> str:
        """Why the answer ends early, as the model tells it; empty if it does not."""
        ends = [chunk.response_metadata.get("finish_reason") for chunk in self._chunks]
        end = str(next((each for each in reversed(ends) if each), "stop"))
        if end == "content_filter":
            return f"the filter of {self._model.name} stopped it"
        if end not in ("length", "max_tokens"):
            return ""
        if self._most is None:
            return f"{self._model.name} writes no more at once"
        return f"the budget allowed {self._most} tokens; raise it with --budget"

    async def pieces(self, config: RunnableConfig) -> AsyncGenerator[str]:
        """The answer as it comes, redacted; the charge is settled whichever way it ends."""
        shown = await self._shown()
        read = sum(_size(message) for message in shown)
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
            raise
        self._settle(key, read, whole=True)
        request = ModelRequest(self._purpose, tuple(self._messages), self._model.name)
        whole = add_ai_message_chunks(self._chunks[0], *self._chunks[1:])
        await self._policy.host.each(
            "llmi_after_model", request=request, response=whole, context=self._context
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
        if not any(str(chunk.text).strip() for chunk in self._chunks):
            raise PolicyError(f"it answered with an empty {self._purpose}")

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
        reported = _reported(self._chunks)
        written = (
            sum(len(str(chunk.text).encode("utf-8", "replace")) for chunk in self._chunks)
            // _BYTES_A_TOKEN
        )
        usage = reported or tokens(read, written)
        usd = float(stated) if stated is not None else self._model.usd(usage)
        counted = stated is not None or (reported is not None and whole)
        basis = self._model.basis if counted or usd == 0 else "estimated"
        self._ledger.settle_model(
            key,
            self._charge().model_copy(
                update={
                    "usd": usd,
                    "basis": "unknown" if usd is None else "known" if stated is not None else basis,
                    "input_tokens": reported["input_tokens"] if reported else None,
                    "output_tokens": reported["output_tokens"] if reported else None,
                }
            ),
        )

    def _charge(self) -> Charge:
        return Charge(
            call="model", name=self._model.name, purpose=self._purpose, slot=self._context.slot
        )


def _reported(chunks: Sequence[AIMessageChunk]) -> UsageMetadata | None:
    """The tokens that the vendor counted, if it did: a count of nothing is none, and neither is a monstrous one."""
    for chunk in reversed(chunks):
        usage = chunk.usage_metadata
        if usage and usage["input_tokens"] >= 0 and 0 < usage["output_tokens"] < MOST_COUNTED:
            return usage if usage["input_tokens"] < MOST_COUNTED else None
    return None


def _size(message: BaseMessage) -> int:
    """At most so many tokens has the message: its text, and what vendors count for a picture of `SEEN_SIDE`."""
    pictures = 0
    if isinstance(message.content, list):
        pictures = sum(isinstance(b, dict) and b.get("type") == "image" for b in message.content)
    return (
        len(str(message.text).encode("utf-8", "replace")) // _BYTES_A_TOKEN + 8 + pictures * 2_500
    )
