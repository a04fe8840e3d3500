"""A judge that is a language model: it is asked for ballots, and its score is the median of those that count.

It never raises for what goes wrong: a score that could not be given is missing, with the reason. What is the document's own
doing, such as more text or more pictures than a judge looks at, gets the lowest score instead.
"""

from __future__ import annotations

import asyncio
import copy
import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple, Self

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from llmi_agent.base.errors import ConfigError, LlmiError, PolicyError, UnavailableError
from llmi_agent.base.text import one_line
from llmi_agent.contract.judging import Exhibit, Score
from llmi_agent.contract.tool import ArtifactReader
from llmi_agent.judges.ballot import Form, NoVote, Vote, read_ballot
from llmi_agent.judges.fence import Fence, quoted
from llmi_agent.judges.memory import Memory, Scores, remembered, reuse_of
from llmi_agent.judges.patience import Patience
from llmi_agent.judges.rubrics import Rubric
from llmi_agent.judges.tally import MOST_ERROR, Cast, Fate, shortfall
from llmi_agent.models.tokens import reckoned
from llmi_agent.records.journal import Journal
from llmi_agent.run.adviser import Adviser
from llmi_agent.run.seeds import model_seed

DEADLINE = 180.0
MOST_VOTES = 99
_CONTEXT = re.compile(
    r"context[ _-]?(?:length|window|size|limit)|maximum context|contextwindow|(?:prompt|input|request) is too long|"
    r"too many (?:input |prompt )?tokens|exceed\w* .{0,60}(?:tokens|context)",
    re.IGNORECASE,
)
"""How servers say that a question is longer than their model can read."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What a judge looks at. A document that is more gets the lowest score: that is its own doing."""

    tokens: int = 48_000
    """Of its text as it is shown, as reckoned: a third of its bytes, or some 140,000 characters of English."""
    pictures: int = 10
    picture_bytes: int = 32 * 1024 * 1024
    """Of all its pictures together, as they are sent."""


class About(NamedTuple):
    """What a score is about."""

    component: str
    slot: int | None = None


@dataclass(frozen=True)
class Question:
    """What is asked of one document."""

    form: Form
    fence: Fence
    messages: Sequence[BaseMessage]
    pictures: ArtifactReader | None = None


class LanguageJudge(ABC):
    """A judge that asks a model by a rubric.

    votes: how often it is asked, each time with another seed; at least half must count. deadline: seconds for one document
    from when its turn comes: any number may be started at once, and as many are judged as the model has permits. seed: another
    one for judgements that are to be independent. memory: where judgements are kept, to be shared by judges. remember: a
    journal where they are looked up, too; whoever gives the rewards puts them there by `Score.reuse`. patience: to be shared by
    judges that can all be asked, or none.

    Raises ConfigError if the model cannot judge.
    """

    sees: bool = False
    """It must take pictures."""

    def __init__(
        self,
        adviser: Adviser,
        rubric: Rubric,
        *,
        votes: int = 1,
        deadline: float | None = DEADLINE,
        seed: int = 0,
        bounds: Bounds | None = None,
        memory: Memory | None = None,
        remember: Journal | None = None,
        patience: Patience | None = None,
    ) -> None:
        _check(adviser, votes, deadline, sees=self.sees)
        self.adviser = adviser
        self.votes = votes
        self._rubric = rubric
        self._deadline = deadline
        self._seed = seed
        self._bounds = bounds or Bounds()
        self._memory = memory or Memory()
        self._journal = remember
        self._patience = patience or Patience()

    @property
    def name(self) -> str:
        """The model that it asks."""
        return self.adviser.name

    @property
    @abstractmethod
    def components(self) -> tuple[str, ...]:
        """The scores that it gives."""

    @property
    def rubric(self) -> str:
        """A digest of what it asks."""
        return self._rubric.digest

    def seeded(self, seed: int) -> Self:
        """The same judge with another seed: it judges anew what this one has judged."""
        other = copy.copy(self)
        other._seed = seed
        return other

    async def judge(self, exhibit: Exhibit) -> Scores:
        """Its scores; none for what the document does not have. Raises nothing but CancelledError."""
        wanted = self.wanted(exhibit)
        if not wanted:
            return ()
        if fault := self._fault(exhibit):
            return self._lowest(wanted, fault)
        if lack := self._lack(exhibit):
            return self._missing(wanted, lack)
        try:
            found = await self._remembered(exhibit, wanted)
            judged = partial(self._in_turn, exhibit, wanted)
            return found or await self._memory.scores(self.key(exhibit), judged)
        except Exception as error:  # noqa: BLE001 - what went wrong with a judge is data
            return self._missing(wanted, f"the judge failed: {self._words(error)}")

    def key(self, exhibit: Exhibit) -> str:
        """A digest of all that its judgement of this document depends on."""
        asked = [self.adviser.manner, self.votes, self._seed, self.rubric, *self.parts(exhibit)]
        said = json.dumps(asked, sort_keys=True, default=str)
        return hashlib.sha256(said.encode()).hexdigest()[:32]

    @abstractmethod
    def parts(self, exhibit: Exhibit) -> Sequence[Any]:
        """All that the model is shown of a document, as JSON can write it: pictures by their digests."""

    @abstractmethod
    def wanted(self, exhibit: Exhibit) -> tuple[About, ...]:
        """What it is to score of a document."""

    def _fault(self, exhibit: Exhibit) -> str:
        """Why a document gets the lowest score without being judged; empty if it is judged."""
        size, most = reckoned(quoted(self._text(exhibit))), self._bounds.tokens
        return (
            f"the text has about {size:,} tokens; its judge reads no more than {most:,}"
            if size > most
            else ""
        )

    def _too_many(self, pictures: int) -> str:
        most = self._bounds.pictures
        said = f"the document has {pictures} pictures; its judge looks at no more than {most}"
        return said if pictures > most else ""

    def _lack(self, exhibit: Exhibit) -> str:
        """Why a document cannot be judged; empty if it can."""
        return "" if self._text(exhibit).strip() else "there is no text to judge"

    @abstractmethod
    def _text(self, exhibit: Exhibit) -> str:
        """The text that the model is shown."""

    @abstractmethod
    async def _question(self, exhibit: Exhibit) -> Question | Scores:
        """What the model is asked; or the scores, if there is nothing to ask."""

    @abstractmethod
    def _scores(self, exhibit: Exhibit, question: Question, casts: Sequence[Cast]) -> Scores:
        """From enough votes that count to scores."""

    async def _remembered(self, exhibit: Exhibit, wanted: tuple[About, ...]) -> Scores | None:
        if self._journal is None:
            return None
        return await asyncio.to_thread(remembered, self._journal, self.key(exhibit), wanted)

    async def _in_turn(self, exhibit: Exhibit, wanted: tuple[About, ...]) -> Scores:
        async with self.adviser.turn(self.rubric):
            if words := self._patience.refusal(self.name):
                return self._missing(wanted, one_line(words, MOST_ERROR))
            return await self._judged(exhibit, wanted)

    async def _judged(self, exhibit: Exhibit, wanted: tuple[About, ...]) -> Scores:
        loop = asyncio.get_running_loop()
        ends = None if self._deadline is None else loop.time() + self._deadline
        question = await self._question(exhibit)
        if not isinstance(question, Question):
            return question
        casts = await asyncio.gather(*(self._cast(question, n, ends) for n in range(self.votes)))
        self._patience.take(casts)
        if words := shortfall(casts):
            return self._missing(wanted, words)
        found = self._scores(exhibit, question, casts)
        whole = all(each.value is not None for each in found)  # else a mean is not that of all
        key = self.key(exhibit)
        return tuple(
            replace(each, rubric=self.rubric, reuse=reuse_of(key, each) if whole else None)
            for each in found
        )

    async def _cast(self, question: Question, number: int, ends: float | None) -> Cast:
        """One vote, or why there is none."""
        seed = model_seed(self._seed, "vote", number)
        left = None if ends is None else max(0.0, ends - asyncio.get_running_loop().time())
        try:
            reply = await self.adviser.ask(
                "judge", question.messages, seed=seed, deadline=left, pictures=question.pictures
            )
            if reply.cut:
                raise NoVote(f"its answer ends early: {reply.cut}")
            vote = read_ballot(reply.text, question.form, question.fence)
        except TimeoutError as error:
            said = f"no answer of {self.adviser.name} within {self._deadline:g} s"
            before = f": {error}" if str(error) else ""
            return Cast(error=one_line(f"{said}{before}", MOST_ERROR), fate="unanswered")
        except Exception as error:  # noqa: BLE001 - as above
            return Cast(error=self._words(error), fate=_fate(error))
        reasons = {entry: self.adviser.clean(words) for entry, words in vote.reasons.items()}
        return Cast(Vote(vote.marks, reasons, vote.accuses), self.adviser.clean(reply.model))

    def _words(self, error: Exception) -> str:
        said = (
            str(error)
            if isinstance(error, LlmiError | NoVote)
            else f"{type(error).__name__}: {error}"
        )
        said = one_line(self.adviser.clean(said), MOST_ERROR)
        if isinstance(error, LlmiError) and _CONTEXT.search(said):
            most = f"{self._bounds.tokens:,}"
            return f"{said} (documents of up to {most} tokens are judged: choose a judge that reads as much, or lower that bound)"
        return said

    def _messages(self, form: Form, fence: Fence, shown: str | list[Any]) -> list[BaseMessage]:
        return [SystemMessage(self._rubric.system(form, fence)), HumanMessage(shown)]

    def _lowest(self, wanted: Sequence[About], reason: str) -> Scores:
        return tuple(
            Score(component=c, slot=slot, value=0.0, reason=reason, rubric=self.rubric)
            for c, slot in wanted
        )

    def _missing(self, wanted: Sequence[About], error: str) -> Scores:
        return tuple(
            Score(component=c, slot=slot, value=None, error=error, rubric=self.rubric)
            for c, slot in wanted
        )


def _fate(error: Exception) -> Fate:
    """What an error that is no timeout says of the question, and of those to come."""
    if isinstance(error, NoVote) or _CONTEXT.search(str(error)):
        return "answered"
    hopeless = error.hopeless if isinstance(error, PolicyError) else False
    sure = hopeless or isinstance(error, ConfigError | UnavailableError)
    return "hopeless" if sure else "unanswered"


def _check(adviser: Adviser, votes: int, deadline: float | None, *, sees: bool) -> None:
    """Raises ConfigError for what cannot be."""
    name = adviser.name
    if not adviser.language_model:
        raise ConfigError(
            f"{name} is a program, which writes documents and judges none; name a language model, such as openai/gpt-5"
        )
    if sees and not adviser.sees:
        raise ConfigError(
            f"nobody says that the model {name} takes pictures, so it cannot judge them; name one that does, or set "
            "vision = true (LLMI_VISION=true) if it does"
        )
    if not 1 <= votes <= MOST_VOTES:
        raise ConfigError(f"votes cannot be {votes}: a judge has 1 to {MOST_VOTES}")
    if deadline is not None and not deadline > 0:
        raise ConfigError(f"a judge's deadline cannot be {deadline:g}: write seconds above 0")
