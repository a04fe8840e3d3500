"""Collecting: many episodes of a policy at once, in groups, each token on record, and the rewards with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from llmi_agent.base.errors import UnavailableError
from llmi_agent.records.journal import journal_beside
from llmi_agent.rewards.scoring import Scored, Scorer
from llmi_agent.run.transcript import SECRET_READ
from llmi_agent.runner import manifest
from llmi_agent.runner.batch import Batch, Ended, Wanted, all_wanted
from llmi_agent.runner.manifest import Manifest
from llmi_agent.runner.prompt_file import Prompt
from llmi_train.rollout.preparing import CONCURRENCY, WAY_OUT, Prepared
from llmi_train.rollout.scores import Scores, scoring

BUSY = (
    "the same model is at work with the same settings in another process, and what that writes counts here, too: wait for its "
    "end, and say the same again"
)
"""For the second of two who would write into one folder."""


class Listener(Protocol):
    """Who is told how it goes, on the event loop."""

    def begun(self, wanted: Wanted) -> None:
        """The episode's turn has come."""

    def tell(self, wanted: Wanted, event: Mapping[str, Any]) -> None:
        """An event of its run."""

    def ended(self, ended: Ended) -> None:
        """It has ended, or was there."""

    def scored(self, scored: Scored) -> None:
        """It has its rewards, or cannot have them."""


class Silent:
    """Nobody is told."""

    def begun(self, wanted: Wanted) -> None:
        """Nothing is said."""

    def tell(self, wanted: Wanted, event: Mapping[str, Any]) -> None:
        """Nothing is said."""

    def ended(self, ended: Ended) -> None:
        """Nothing is said."""

    def scored(self, scored: Scored) -> None:
        """Nothing is said."""


@dataclass(frozen=True)
class Order:
    """What is to be collected."""

    prompts: Sequence[Prompt]
    group: int
    """Episodes of each prompt."""
    folder: Path
    """Where it is kept how far it is: who collects into the same folder goes on."""
    formats: tuple[str, ...] = ()
    """Of documents, written into the folder; without any, an episode is on record alone."""
    concurrency: int = CONCURRENCY
    """Episodes at once."""
    scorer: Scorer | None = None
    """None: no rewards are given."""
    tokens: bool = True
    """What the model samples must be on record: without it, all stops."""


@dataclass(frozen=True)
class Episode:
    """One that was collected."""

    wanted: Wanted
    episode: str | None
    """Its id; None if there was none: it could not even begin."""
    state: str
    """`written`, `skipped` (it was there before), `failed`."""
    message: str = ""
    """Why it failed."""
    scored: Scored | None = None
    """None: it was not asked for, or there is no episode."""


async def collect(ready: Prepared, order: Order, listener: Listener | None = None) -> list[Episode]:
    """All episodes of the order, those of earlier times among them; returns when each is there and scored, or has failed.

    Raises UnavailableError as soon as the model does not say what it samples, InputError if another process collects into the
    folder. To be cancelled stops all; the same order goes on.
    """
    order.folder.mkdir(parents=True, exist_ok=True)
    with manifest.opened(order.folder, BUSY) as known:
        _forget_lost(known, ready, order)
        collector = _Collector(listener or Silent(), tokens=order.tokens)
        async with scoring(order.scorer, ready.store, collector.keep) as scores:
            collector.scores = scores
            batch = Batch(
                ready.runner,
                order.folder,
                known,
                collector,
                order.formats,
                order.concurrency,
                ready.setup.config.options.seed,
            )
            await batch.write(all_wanted(order.prompts, order.group))
    return collector.episodes()


def _forget_lost(known: Manifest, ready: Prepared, order: Order) -> None:
    """What was written and is no longer on record is written anew."""
    there = set(journal_beside(ready.store).episodes())
    for wanted in all_wanted(order.prompts, order.group):
        item = known.last(wanted.key)
        if item and item.state == "written" and item.episode not in there:
            known.add(item.model_copy(update={"state": "opened"}))


@dataclass
class _Collector:
    """Listens to a batch."""

    listener: Listener
    tokens: bool
    scores: Scores | None = None
    _unsampled: UnavailableError | None = None
    _ended: list[Ended] = field(default_factory=list)
    _scored: dict[str, Scored] = field(default_factory=dict)

    def begun(self, wanted: Wanted) -> None:
        self.listener.begun(wanted)

    def tell(self, wanted: Wanted, event: Mapping[str, Any]) -> None:
        """Raises UnavailableError if the model does not say what it samples."""
        message = str(event.get("message", ""))
        unsampled = self.tokens and event.get("type") == "unsampled"
        if unsampled and not message.endswith(SECRET_READ):
            self._unsampled = UnavailableError(f"{message}; {WAY_OUT}")
            raise self._unsampled
        self.listener.tell(wanted, event)

    def ended(self, ended: Ended) -> None:
        """On to its rewards. Raises what must stop all."""
        if self._unsampled:
            raise self._unsampled
        self._ended.append(ended)
        self.listener.ended(ended)
        if self.scores and ended.item.episode:
            self.scores.add(ended.item.episode)

    def keep(self, scored: Scored) -> None:
        """Its rewards are there."""
        self._scored[scored.episode] = scored
        self.listener.scored(scored)

    def episodes(self) -> list[Episode]:
        """In the order of the prompts."""
        found = [
            Episode(
                each.wanted,
                each.item.episode,
                each.state,
                each.item.message,
                self._scored.get(each.item.episode or ""),
            )
            for each in self._ended
        ]
        return sorted(found, key=lambda each: (each.wanted.prompt.id, each.wanted.member or 0))
