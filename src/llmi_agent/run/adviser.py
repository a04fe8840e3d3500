"""An adviser: a model that is asked outside of any episode, such as by a judge, or by who makes up prompts.

It is asked as a policy is, with retries, fallbacks, limits and a budget; nothing of it is put on record, so whoever asks
keeps what is worth keeping.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Collection, Generator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig

from llmi_agent.base.errors import LlmiError
from llmi_agent.base.secrets import Redactor, secret_values
from llmi_agent.config.options import Options
from llmi_agent.contract.tool import ArtifactReader
from llmi_agent.host.registry import Registry
from llmi_agent.models.resolve import resolve_models
from llmi_agent.models.tokens import tokens
from llmi_agent.records.costs import Costs
from llmi_agent.records.events import Event, ModelEnded
from llmi_agent.records.known import Known
from llmi_agent.run.answer import Question
from llmi_agent.run.ask import CutShort, Policy, Restart
from llmi_agent.run.ledger import Ledger
from llmi_agent.run.limits import Limits
from llmi_agent.run.purse import Purse
from llmi_agent.store.artifacts import ArtifactStore


@dataclass(frozen=True)
class Reply:
    """What an adviser said."""

    text: str
    model: str
    """Who answered, as the vendor names it; as it was asked for, where the vendor does not say."""
    cut: str = ""
    """Why the answer ends early, if it does."""
    costs: Costs = field(default_factory=Costs)


class Adviser:
    """A model, and those that stand in for it, asked one question at a time or many at once.

    options: what it is asked with (sampling, prices, limits, retries). budget: US dollars for all questions together; a
    purse, for those of several advisers.
    """

    def __init__(
        self, policy: Policy, options: Options, budget: float | Purse | None = None
    ) -> None:
        self._policy = policy
        self._options = options
        self._purse = purse_of(budget)
        self._turns = Limits(options)
        self.costs = Costs()
        """What all questions have cost so far, those that failed too; without the single charges."""

    @classmethod
    def of(
        cls,
        model: str | BaseChatModel,
        registry: Registry,
        store: ArtifactStore,
        *,
        fallback: Collection[str | BaseChatModel] = (),
        api_base: str | None = None,
        options: Options | None = None,
        secrets: Mapping[str, str] | None = None,
        budget: float | Purse | None = None,
    ) -> Adviser:
        """The one that answers this name.

        store: where pictures are that no question brings along. secrets: by default the environment.

        Raises ConfigError for a name that no policy answers, UnavailableError for a missing key or address.
        """
        known = (options or Options()).model_copy(update={"record": "none", "budget": None})
        models = resolve_models(
            model,
            fallback,
            policies=registry.policies,
            store=store,
            kinds={},
            options=known,
            secrets=secrets,
            api_base=api_base,
        )
        redactor = Redactor(secret_values(os.environ if secrets is None else secrets))
        return cls(Policy(models, registry.host, store, Limits(known), redactor), known, budget)

    @property
    def name(self) -> str:
        """The model that is asked first, by the name that it was asked for."""
        return self._policy.name

    @property
    def language_model(self) -> bool:
        """Whether it is one, as are those that stand in; a program writes documents, and can answer nothing else."""
        return all(each.language_model for each in self._policy.models)

    @property
    def sees(self) -> bool:
        """Whether it takes pictures, as do those that stand in, as far as is known."""
        return all(each.sees for each in self._policy.models)

    @property
    def priced(self) -> bool:
        """Whether it is known what its answers cost; where it is not, a budget allows none."""
        return all(each.usd(tokens(1, 1)) is not None for each in self._policy.models)

    @property
    def manner(self) -> dict[str, Any]:
        """What its answers depend on beside the question and the seed."""
        return {
            "models": [{"name": each.name, "own": each.own} for each in self._policy.models],
            "sampling": self._options.sampling,
            "seed": self._options.seed,
            "weights": self._options.weights,
        }

    def turn(self, about: str) -> AbstractAsyncContextManager[None]:
        """A turn, while the block runs: as many have one at a time as the model has permits.

        For who asks with a deadline, and may be started a thousand times at once: let the deadline begin with the turn.
        """
        return self._turns.of(self.name, "model").held(about)

    def clean(self, text: str) -> str:
        """The text without secrets: what was read out of an answer may hold one that was spelt in escapes there."""
        return self._policy.redactor.text(text)

    async def ask(
        self,
        purpose: str,
        messages: Sequence[BaseMessage],
        *,
        seed: int = 0,
        deadline: float | None = None,
        pictures: ArtifactReader | None = None,
    ) -> Reply:
        """Its answer.

        purpose: what it is asked for, such as `judge`. messages: pictures in them are named by their digests
        (`document.messages.reference`). seed: another one for each answer that is to be another one. deadline: seconds,
        retries and the wait for a permit included. pictures: where these pictures are; by default the adviser's store.

        Raises TimeoutError after the deadline, with what was heard until then, PolicyError if every model fails, UnavailableError if the budget does not allow
        an answer; other LlmiErrors as they are.
        """
        asker = _Asker(f"{purpose}-{next(_NUMBERS)}", self._options, seed, self._purse)
        policy = self._policy if pictures is None else replace(self._policy, store=_Lent(pictures))
        heard = _Heard()
        try:
            async with asyncio.timeout(deadline):
                return await self._answer(policy, Question(purpose, messages), asker, heard)
        except TimeoutError:
            raise TimeoutError(heard.words) from None
        finally:
            asker.ledger.close()
            if self._purse:
                self._purse.close(asker.episode)
            self.costs = Costs.together((self.costs, asker.ledger.costs))

    async def _answer(
        self, policy: Policy, question: Question, asker: _Asker, heard: _Heard
    ) -> Reply:
        pieces, cut = heard.pieces, ""
        async for piece in policy.stream(question, asker, _QUIET):
            match piece:
                case Restart():
                    pieces.clear()
                    heard.causes[piece.cause] += 1
                case CutShort():
                    cut = piece.message
                case _:
                    pieces.append(piece)
        return Reply("".join(pieces), asker.answered_by or self.name, cut, asker.ledger.costs)


def purse_of(budget: float | Purse | None) -> Purse | None:
    """What advisers that share a budget are given."""
    return Purse(budget, "command", "--budget") if isinstance(budget, int | float) else budget


_NUMBERS = count()
"""Of all advisers' questions: several may hold of one purse."""
_QUIET: RunnableConfig = {"tags": ["nostream"]}


@dataclass
class _Heard:
    """What has come of a question so far."""

    pieces: list[str] = field(default_factory=list)
    causes: Counter[str] = field(default_factory=Counter)
    """Why it was asked again, and how often for that."""

    @property
    def words(self) -> str:
        """What is worth saying if nothing more comes; empty if nothing has."""
        said = [f"{why} ({n} times)" if n > 1 else why for why, n in self.causes.items()]
        size = sum(map(len, self.pieces))
        writing = [f"it was still writing, after {size:,} characters"] if size else []
        return "; ".join((*said, *writing))


class _Asker:
    """Asks one question, of which nothing is kept but what it cost."""

    def __init__(self, episode: str, options: Options, seed: int, purse: Purse | None) -> None:
        self.episode = episode
        self.options = options
        self.seed = seed
        self.known = Known()
        self.answered_by = ""
        self.ledger = Ledger(episode, options, self.known, self.tell, purse)

    def tell(self, event: Event) -> Awaitable[None]:
        """Take it in."""
        if event.durable:
            self.known.take(event)
        if isinstance(event, ModelEnded) and event.accepted:
            self.answered_by = event.answered_by or ""
        return _Done()


class _Done:
    """Can be awaited, or not: there is nothing to wait for."""

    def __await__(self) -> Generator[Any, Any, None]:
        return
        yield


class _Lent:
    """Pictures of others, to be read only."""

    def __init__(self, pictures: ArtifactReader) -> None:
        self._pictures = pictures

    def read(self, digest: str) -> bytes:
        return self._pictures.read(digest)

    def path(self, digest: str) -> Path:
        return self._pictures.path(digest)

    def put(self, data: bytes) -> str:
        raise LlmiError("what an adviser is asked names its pictures by their digests")
