"""Asking the two models: each question once, ever; what was answered before is found in the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from langchain_core.messages import BaseMessage

from llmi_agent.base.errors import LlmiError, PolicyError, UnavailableError
from llmi_agent.base.text import one_line
from llmi_agent.run.adviser import Adviser
from llmi_agent.run.seeds import model_seed
from llmi_train.prompts.make.answers import MOST_ANSWER
from llmi_train.prompts.make.kept import Answer, Kept, Spending
from llmi_train.prompts.make.questions import digest_of

Role = Literal["write", "check"]


class SpentError(LlmiError):
    """The budget does not allow a further question."""


class DownError(LlmiError):
    """A model answers nothing any more: to go on would use up every try for nothing."""


@dataclass
class Source:
    """One of the two models, and what it has done."""

    role: Role
    adviser: Adviser
    deadline: float
    """Seconds for each question."""
    answered: Counter[str] = field(default_factory=Counter)
    """How often each model answered, as its vendor names it; answers that were found count, too."""
    silent: int = 0
    """Questions in a row that it did not answer."""
    error: str = ""
    """Why it did not answer the last one that it did not."""


class Asking:
    """Both models, and the file of their answers.

    budget: whether there is one. patience: after so many questions in a row without an answer, a model is down.
    """

    def __init__(
        self, writer: Source, checker: Source, kept: Kept, *, seed: int, budget: bool, patience: int
    ) -> None:
        self.sources: dict[Role, Source] = {"write": writer, "check": checker}
        self.kept = kept
        self._accounted = {each.adviser: Spending() for each in (writer, checker)}
        """What of each one's costs is in the file; both may be the same."""
        self._seed = seed
        self._budget = budget
        self._patience = patience

    async def answer(self, role: Role, messages: Sequence[BaseMessage], *about: int) -> Answer:
        """The answer, or why there is none. about: other numbers for each answer that is to be another one.

        Raises SpentError if the budget does not allow it, DownError if the model has fallen silent, other LlmiErrors if
        nothing can be asked, or kept.
        """
        source = self.sources[role]
        seed = model_seed(self._seed, role, *about)
        key = digest_of(f"{role} {source.adviser.name}", seed, messages)
        answer = self.kept.find(key)
        if answer is None:
            answer = await self._ask(source, key, messages, seed)
            await self.kept.add(answer)
            self._watch(source, answer)
        if not answer.error:
            source.answered[answer.model] += 1
        return answer

    def keep_losses(self) -> None:
        """Put on record what questions have cost whose answers were not waited for."""
        for source in self.sources.values():
            lost = self._charged(source.adviser)
            if lost != Spending():
                self.kept.add_loss(lost)

    async def _ask(
        self, source: Source, key: str, messages: Sequence[BaseMessage], seed: int
    ) -> Answer:
        text = model = cut = error = ""
        try:
            reply = await source.adviser.ask(
                source.role, messages, seed=seed, deadline=source.deadline
            )
            text, model, cut = reply.text[: MOST_ANSWER + 1], reply.model, reply.cut
        except TimeoutError as late:
            before = f": {late}" if str(late) else ""
            error = one_line(f"no answer within {source.deadline:g} s{before}", 500)
        except PolicyError as failure:
            error = one_line(str(failure), 500)
        except UnavailableError as failure:
            if self._budget:
                raise SpentError(str(failure)) from None
            raise
        return Answer(
            key=key,
            of=source.role,
            text=text,
            model=model,
            cut=cut,
            error=error,
            spent=self._charged(source.adviser),
        )

    def _charged(self, adviser: Adviser) -> Spending:
        """What its last question has cost, however it ended; to be asked for in the same turn of the event loop."""
        costs = adviser.costs
        all_of_it = Spending(usd=costs.usd, estimated=costs.estimated, unknown=costs.unknown)
        new = all_of_it.less(self._accounted[adviser])
        self._accounted[adviser] = all_of_it
        return new

    def _watch(self, source: Source, answer: Answer) -> None:
        source.silent = source.silent + 1 if answer.error else 0
        source.error = answer.error or source.error
        if source.silent >= self._patience:
            raise DownError(
                f"the model {source.adviser.name} gave no answer to the last {source.silent} questions "
                f"({answer.error}); the same command again goes on"
            )
