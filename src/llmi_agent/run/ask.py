"""The policy of a run: the models that may be asked, and what is done around each of their answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

from langchain_core.runnables import RunnableConfig

from llmi_agent.base.errors import InputError, LlmiError, PolicyError, UnavailableError
from llmi_agent.base.logs import get_logger
from llmi_agent.base.resources import exhausted
from llmi_agent.base.secrets import Redactor
from llmi_agent.config.options import Options
from llmi_agent.contract.policy import PolicyAgain, PolicyFailed
from llmi_agent.document.messages import PictureStore
from llmi_agent.host.plugins import PluginHost
from llmi_agent.host.policies import error_of
from llmi_agent.models.resolve import Model
from llmi_agent.models.trouble import Trouble, trouble_of
from llmi_agent.records.events import Unsampled
from llmi_agent.run.answer import Answer, Asker, Question
from llmi_agent.run.call_ends import STOPPED
from llmi_agent.run.limits import Limits

MOST_AGAIN = 3
"""Ways in which one model is asked at once, before that counts as a failure (`PolicyAgain`)."""


@dataclass(frozen=True)
class Restart:
    """The draft so far is void: it is written anew, by the same model or the next one."""

    model: str
    """Who writes now."""
    message: str
    """What happened, and what is done about it."""
    cause: str
    """What happened, alone."""


@dataclass(frozen=True)
class CutShort:
    """The draft has ended, and not where the model would have ended it."""

    message: str
    """Why."""


@dataclass(frozen=True)
class Policy:
    """Models in the order in which they are asked, whatever for: with retries, fallbacks, a budget, a seed, sampling."""

    models: tuple[Model, ...]
    host: PluginHost
    store: PictureStore
    limits: Limits = field(default_factory=lambda: Limits(Options()), repr=False)
    redactor: Redactor = field(default_factory=Redactor, repr=False)
    seedless: set[str] = field(default_factory=set, repr=False)
    """Models whose server has refused the seed, which nobody asked for: it is left out from then on."""
    tokenless: set[str] = field(default_factory=set, repr=False)
    """Models of which it was said that they do not give all that they sample, though it was to be kept."""

    @property
    def name(self) -> str:
        """The model that is asked first."""
        return self.models[0].name

    def check(self, options: Options) -> Options:
        """The options, if each model can be asked with them. Raises InputError if one is known not to take one."""
        for model in self.models:
            if words := model.refusal(options):
                raise InputError(words)
        return options

    async def answer(self, question: Question, asker: Asker, config: RunnableConfig) -> str:
        """The whole answer, of which no stream of the graph is told; its call is the question's on record.

        Raises as `stream` does.
        """
        quiet: RunnableConfig = {**config, "tags": [*(config.get("tags") or ()), "nostream"]}
        pieces: list[str] = []
        async for piece in self.stream(question, asker, quiet):
            if isinstance(piece, Restart):
                pieces.clear()
            elif isinstance(piece, str):
                pieces.append(piece)
        return "".join(pieces)

    async def stream(
        self, question: Question, asker: Asker, config: RunnableConfig
    ) -> AsyncGenerator[str | Restart | CutShort]:
        """The answer as it is written, piece by piece, without secrets that the model may repeat.

        Each model is asked in turn, each as often as it pays, until one has written to the end. After a `Restart` what
        came before it is void; a `CutShort` comes last. Raises PolicyError if every model fails or stays silent,
        UnavailableError if the budget does not allow an answer; other LlmiErrors pass as they are.
        """
        failures: list[str] = []
        hopeless = True
        for model, heir in zip(self.models, (*self.models[1:], None), strict=True):
            broke = False  # a second cut in the same way is the model's own, and is said
            asked, retried = 0, 0
            while True:
                answer = Answer(self, model, question, asker, asked)
                asked += 1
                last = retried == asker.options.model_retries
                try:
                    limit = self.limits.of(model.name, "model")
                    async with (
                        limit.held(asker.episode),
                        aclosing(answer.pieces(config)) as pieces,
                    ):
                        async for piece in pieces:
                            yield piece
                    end = answer.ending
                except BaseException as error:
                    answer.transcript.end(accepted=False, error=_words(error))
                    if not isinstance(error, Exception):
                        raise
                    if asked - retried <= MOST_AGAIN and self._asks_anew(answer, error):
                        continue
                    trouble = _trouble(error, stands_in=heir is not None, refused=answer.refused)
                else:
                    accepted = broke or last or not end.broken
                    answer.transcript.end(accepted=accepted, cut=end.cut)
                    if accepted:
                        self._tell_lack(answer, asker)
                        if end.cut:
                            yield CutShort(end.cut)
                        return
                    broke, trouble = True, Trouble(end.cut, transient=True)
                said = self.redactor.text(trouble.words)[:600]
                pause = trouble.pause(asker.options.retry_wait, retried)
                if pause is None or last:
                    hopeless = hopeless and trouble.hopeless
                    failures.append(f"the model {model.name} failed: {said}")
                    if heir:
                        yield Restart(
                            heir.name, f"{failures[-1]}; {heir.name} writes instead", said
                        )
                    break
                retried += 1
                more = f"the model {model.name}: {said}; trying again in {pause:.1f} s"
                yield Restart(model.name, more, said)
                await asyncio.sleep(pause)
        raise _failed(failures, hopeless=hopeless)

    def _tell_lack(self, answer: Answer, asker: Asker) -> None:
        """Say once of a model that its tokens cannot be kept, and why."""
        model, lack = answer.model, answer.transcript.lack
        if not lack or model.name in self.tokenless:
            return
        self.tokenless.add(model.name)
        said = f"what the model {model.name} samples is not kept as asked: {lack}"
        if not model.language_model:
            said = f"{model.name} is no language model, so there are no tokens to keep"
        else:
            get_logger(episode=answer.episode).warning("tokens.absent", message=said)
        asker.tell(Unsampled(model=model.name, message=said))

    def _asks_anew(self, answer: Answer, error: Exception) -> bool:
        """Whether the same model is to be asked at once in another way; nothing of this answer was shown."""
        if answer.transcript.text:
            return False
        if answer.seed_refused(error):
            self.seedless.add(answer.model.name)
            return True
        return isinstance(error, PolicyAgain)


def _failed(failures: list[str], *, hopeless: bool) -> PolicyError:
    error = PolicyError("; ".join(failures))
    error.hopeless = hopeless
    return error


def _words(error: BaseException) -> str:
    """What is put on record of an error, or of the end of the run."""
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        return STOPPED.message
    return trouble_of(error).words


def _trouble(error: Exception, *, stands_in: bool, refused: bool) -> Trouble:
    """What an error means for the next attempt. Raises it, in LLMI's words, where there must be none.

    stands_in: another model follows. refused: the budget does not allow this one.
    """
    if out := exhausted(error):
        raise out from error
    if isinstance(error, PolicyFailed):
        if not stands_in:
            raise error_of(error) from None
        return Trouble(str(error), transient=False, hopeless=error.reason != "input")
    if isinstance(error, UnavailableError) and stands_in and refused:
        return Trouble(str(error), transient=False)
    if isinstance(error, LlmiError) and not isinstance(error, PolicyError):
        raise error
    return (
        Trouble(str(error), transient=True) if isinstance(error, PolicyError) else trouble_of(error)
    )
