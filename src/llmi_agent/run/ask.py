"""The policy of a run: the models that may write it, and what is done around each of their answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from langchain_core.messages import (
    BaseMessage,
)
from langchain_core.runnables import RunnableConfig

from llmi_agent.base.errors import LlmiError, PolicyError, UnavailableError
from llmi_agent.base.logs import get_logger
from llmi_agent.base.resources import exhausted
from llmi_agent.base.secrets import Redactor
from llmi_agent.config.options import Options
from llmi_agent.contract.hooks import ModelContext
from llmi_agent.contract.policy import PolicyFailed
from llmi_agent.host.plugins import PluginHost
from llmi_agent.host.policies import error_of
from llmi_agent.models.resolve import Model
from llmi_agent.models.trouble import Trouble, trouble_of
from llmi_agent.run.answer import Answer, Purpose
from llmi_agent.run.ledger import Ledger
from llmi_agent.run.limits import Limits
from llmi_agent.store.artifacts import ArtifactStore


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

    def is_language_model(self, name: str) -> bool:
        """Whether the model of that name is one; of a name that is not known here, it is assumed."""
        return all(each.language_model for each in self.models if each.name == name)

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
            broke = False  # a second cut in the same way is the model's own, and is said
            for attempt in range(self.options.model_retries + 1):
                answer = Answer(self, model, purpose, messages, context, ledger)
                try:
                    limit = self.limits.of(model.name, "model")
                    async with (
                        limit.held(context.episode),
                        aclosing(answer.pieces(config)) as pieces,
                    ):
                        async for piece in pieces:
                            yield piece
                    end = answer.ending
                    if broke or not end.broken or attempt == self.options.model_retries:
                        if end.cut:
                            yield CutShort(end.cut)
                        return
                    broke, trouble = True, Trouble(end.cut, transient=True)
                except Exception as error:  # noqa: BLE001 - every client library has errors of its own
                    trouble = _trouble(error, stands_in=heir is not None, refused=answer.refused)
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


def _trouble(error: Exception, *, stands_in: bool, refused: bool) -> Trouble:
    """What an error means for the next attempt. Raises it, in LLMI's words, where there must be none.

    stands_in: another model follows. refused: the budget does not allow this one.
    """
    if out := exhausted(error):
        raise out from error
    if isinstance(error, PolicyFailed):
        if not stands_in:
            raise error_of(error) from None
        return Trouble(str(error), transient=False)
    if isinstance(error, UnavailableError) and stands_in and refused:
        return Trouble(str(error), transient=False)
    if isinstance(error, LlmiError) and not isinstance(error, PolicyError):
        raise error
    return (
        Trouble(str(error), transient=True) if isinstance(error, PolicyError) else trouble_of(error)
    )
