"""Runs that were cut: finding one in the journal, and ordering the rest of it as it was ordered at first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from llmi_agent.base.errors import InputError
from llmi_agent.runner.order import Order
from llmi_agent.records.codec import entry_of
from llmi_agent.records.episode import EpisodeJournal
from llmi_agent.records.events import Ordered
from llmi_agent.records.journal import Journal
from llmi_agent.store.artifacts import ArtifactStore

SHORT = 8
"""Letters of an episode's id that are shown; `--resume` takes any unambiguous start of it."""


@dataclass(frozen=True)
class Recalled:
    """What the journal knows of how a run was started."""

    episode: str
    order: Order
    """With the folder that the first life of the run wrote to."""
    flags: Mapping[str, Any]
    """The configuration it ran with, for `load_config`."""


def remember(journal: Journal, episode: str, order: Order, folder: Path) -> None:
    """Note what only the command line knows of a run."""
    # The prompt is on record already, without the secrets that it may hold.
    known = replace(order, prompt="", out=str(folder.absolute()))
    journal.append(episode, entry_of(Ordered(order=asdict(known))))  # on a loop: not waited for


def recall(order: Order, journal: Journal, store: ArtifactStore) -> Recalled:
    """The order that `order.resume` names; what is given anew wins.

    Raises InputError if no run, or more than one, has an id that begins so.
    """
    episode = find(journal, order.resume or "")
    known = EpisodeJournal(journal, store, episode).known
    opened = known.opened
    assert opened is not None, "it was found by that"
    before = known.ordered.order if known.ordered else {}
    return Recalled(
        episode,
        replace(
            order,
            prompt=opened.prompt,
            out=order.out or before.get("out"),
            formats=order.formats or tuple(before.get("formats", ())),
            graph=before.get("graph", order.graph),
        ),
        {
            "model": opened.model,
            **{name: before[name] for name in ("fallback", "api_base") if before.get(name)},
            **{f"use.{kind}": tool for kind, tool in opened.bindings.items()},
            **{f"options.{name}": value for name, value in opened.options.items()},
        },
    )


def find(journal: Journal, start: str) -> str:
    """The one episode whose id begins with `start`."""
    found: Sequence[str] = journal.episodes(start)
    if len(found) == 1:
        return found[0]
    if not found:
        raise InputError(f"there is no run {start!r}; `llmi runs` lists them")
    shown = ", ".join(each[:SHORT] for each in found[:5])
    raise InputError(f"{len(found)} runs begin with {start!r}: {shown}; write more of the id")
