"""Episodes on record: what is noted of one beside its own records, and what is known of it later.

Everything that the runner and the command line want of the journal goes through here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from llmi_agent.base.errors import InputError
from llmi_agent.base.secrets import Redactor, secret_values
from llmi_agent.records.codec import entry_of, events_of
from llmi_agent.records.episode import EpisodeJournal
from llmi_agent.records.events import Opened, Ordered
from llmi_agent.records.journal import Journal, journal_beside
from llmi_agent.records.known import Known
from llmi_agent.records.overview import PROMPT, Overview
from llmi_agent.run.cleaned import cleaned
from llmi_agent.store.artifacts import ArtifactStore

SHORT = 8
"""Letters of an episode's id that are shown; `Episodes.find` takes any unambiguous start of it."""


@dataclass(frozen=True)
class Order:
    """How a document was ordered, as far as the episode's own records do not say it."""

    graph: str = ""
    """By name; empty if it has none."""
    fallback: tuple[str, ...] = ()
    api_base: str | None = None
    out: str | None = None
    """The folder, as an absolute path; None if no files were asked for."""
    formats: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recalled:
    """How an episode was started: enough to go on with it."""

    episode: str = ""
    prompt: str = ""
    """Without the secrets that it may have held."""
    order: Order = Order()
    """That of its first life."""
    flags: Mapping[str, Any] = field(default_factory=dict)
    """The configuration it ran with, for `load_config`."""


@dataclass(frozen=True)
class Listed:
    """An episode in a list of many."""

    episode: str
    began: str
    """As an ISO date and time, UTC."""
    done: bool
    drafted: bool
    """The draft is complete."""
    settled: int
    """Slots whose verdict is known."""
    calls: int
    """Of tools."""
    model: str
    prompt: str
    out: str | None
    """The folder, as an absolute path."""
    readable: bool = True
    """False: `prompt` says why it is not."""


class Episodes:
    """Those of a store. Whatever reads touches the disk: on an event loop, have a thread call it."""

    def __init__(self, store: ArtifactStore, journal: Journal | None = None) -> None:
        self._store = store
        self._journal = journal or journal_beside(store)

    def remember(self, episode: str, order: Order) -> None:
        """Note how it was ordered; this is not waited for."""
        event = cleaned(Ordered(order=asdict(order)), self._redactor)
        self._journal.append(episode, entry_of(event))

    @cached_property
    def _redactor(self) -> Redactor:
        """Of the environment's secrets."""
        return Redactor(secret_values(os.environ))

    def recall(self, start: str) -> Recalled:
        """How the episode was started whose id begins with `start`.

        Raises InputError if there is none, or more than one.
        """
        episode = self.find(start)
        known = EpisodeJournal(self._journal, self._store, episode).known
        opened, order = known.opened, _order_in(known)
        if opened is None:
            raise InputError(f"the run {episode} was forgotten just now")
        return Recalled(
            episode,
            opened.prompt,
            order,
            {
                "model": opened.model,
                **({"fallback": order.fallback} if order.fallback else {}),
                **({"api_base": order.api_base} if order.api_base else {}),
                **{f"use.{kind}": tool for kind, tool in opened.bindings.items()},
                **{f"options.{name}": value for name, value in opened.options.items()},
            },
        )

    def find(self, start: str) -> str:
        """The one episode whose id begins with `start`. Raises InputError."""
        found: Sequence[str] = self._journal.episodes(start)
        if len(found) == 1:
            return found[0]
        if not found:
            raise InputError(
                f"there is no run {start!r} on record; `llmi runs` lists those that are (with --record none, none is)"
            )
        shown = ", ".join(each[:SHORT] for each in found[:5])
        raise InputError(f"{len(found)} runs begin with {start!r}: {shown}; write more of the id")

    def known(self, episode: str) -> Known | None:
        """What is on record of an episode; None if it was never opened, or is forgotten."""
        known = EpisodeJournal(self._journal, self._store, episode).known
        return known if known.opened else None

    def listed(self, most: int) -> list[Listed]:
        """The newest ones, newest first."""
        return [self._listed(each) for each in self._journal.overviews(limit=most)]

    def _listed(self, one: Overview) -> Listed:
        return Listed(
            one.episode,
            datetime.fromtimestamp(one.began, UTC).isoformat(timespec="seconds"),
            done=one.state == "done",
            drafted=bool(one.drafted),
            settled=one.settled,
            calls=one.calls,
            model=one.model,
            prompt=one.prompt if len(one.prompt) < PROMPT else self._prompt(one),
            out=one.out,
            readable=one.state != "unreadable",
        )

    def _prompt(self, one: Overview) -> str:
        """The whole of it; as much as is in the list if the run cannot be read, or was forgotten just now."""
        try:
            events = events_of(self._journal.read(one.episode, tokens=False))
            return next((e.prompt for _, e in events if isinstance(e, Opened)), one.prompt)
        except InputError:
            return one.prompt


def _order_in(known: Known) -> Order:
    """As its last life noted it; journals of older versions have more in it."""
    before: Mapping[str, Any] = known.ordered.order if known.ordered else {}
    return Order(
        graph=before.get("graph") or "",
        fallback=tuple(before.get("fallback") or ()),
        api_base=before.get("api_base"),
        out=before.get("out"),
        formats=tuple(before.get("formats") or ()),
    )
