"""Every run of every test here is one more test of its trace: it replays to the same document, without a tool or a model,
nothing is wrong with its records, and what rules reward it with is the same from what happened, from its records, and from an
export that was imported elsewhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.contract.judging import Demand
from llmi_agent.document.compose import compose
from llmi_agent.document.model import Document
from llmi_agent.records.episode import EpisodeJournal
from llmi_agent.records.events import Event, Opened, Rewarded
from llmi_agent.records.journal import journal_beside
from llmi_agent.rewards import PROFILES, facts_of, rule_scores
from llmi_agent.run.session import Session
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.traces import export, import_traces
from llmi_agent.traces.trace import Trace
from llmi_agent.traces.verify import verify
from llmi_graphs.interleave import compose as node

GONE = "is not in the store"
"""Some tests delete pictures, or go on where they are not."""


def replayed(session: Session) -> Document | None:
    """The document, from its trace once its session is closed."""
    return Trace(session.episode, partial(session.toolkit.journal.read, session.episode)).document()


def checked(session: Session) -> list[str]:
    """What is wrong with its records; at a run's end nothing may be raised."""
    toolkit, episode = session.toolkit, session.episode
    try:
        trace = Trace(episode, partial(toolkit.journal.read, episode))
        if trace.known.opened is None:
            return []
        found = [str(each) for each in verify(trace, toolkit.store) if each.level == "error"]
        return [each for each in found if GONE not in each]
    except Exception as error:  # noqa: BLE001
        return [repr(error)]


ASKED = Demand(2, ("search", "code"))
"""What documents are rewarded for here, which hardly any of these runs is asked for."""
EXPORTED = 2
"""Runs of a test that are also exported; some have hundreds."""


def worth(trace: Trace, session: Session) -> list[object]:
    """All that can be scored of it without a judge."""
    facts = facts_of(trace, session.toolkit.bindings.params)
    asked = replace(facts, demand=ASKED)
    return [facts, *(rule_scores(asked, profile) for profile in PROFILES.values())]


def elsewhere(trace: Trace, folder: Path) -> Trace:
    """The same, exported and imported into another home."""
    export([trace], folder / "run.jsonl", pictures="none")
    store = ArtifactStore(folder / "home")
    import_traces(folder / "run.jsonl", store, unchecked=True)
    return Trace(trace.episode, partial(journal_beside(store).read, trace.episode))


@pytest.fixture(autouse=True)
def rewarded(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """What happens is rewarded as what is on record of it, here and elsewhere."""
    happened: defaultdict[str, list[tuple[float, Event]]] = defaultdict(list)
    wrong: list[object] = []
    scored: list[str] = []
    close, note = Session.aclose, EpisodeJournal._note

    def noted(journal: EpisodeJournal, event: Event) -> None:
        happened[journal._episode].append((0.0, event))
        note(journal, event)

    def compare(session: Session) -> None:
        live = Trace(session.episode, list)
        live.__dict__["events"] = tuple(happened[session.episode])
        trace = Trace(session.episode, partial(session.toolkit.journal.read, session.episode))
        first = worth(live, session)
        there = [each for _, each in trace.events if not isinstance(each, Rewarded)]
        if len(there) == len(live.events):  # another process may have gone on with it
            wrong.extend([] if worth(trace, session) == first else [(session.episode, first)])
        if len(scored) < EXPORTED:
            other = worth(elsewhere(trace, tmp_path_factory.mktemp("elsewhere")), session)
            wrong.extend([] if other == worth(trace, session) else [(session.episode, other)])
        scored.append(session.episode)

    async def aclose(session: Session, why: str = "") -> None:
        await close(session, why)
        events = happened[session.episode]
        if not events or not isinstance(events[0][1], Opened):
            return
        if session.options.record == "none":
            return
        try:
            compare(session)
        except Exception as error:  # noqa: BLE001 - a run's end swallows what it raises
            wrong.append(repr(error))

    monkeypatch.setattr(EpisodeJournal, "_note", noted)
    monkeypatch.setattr(Session, "aclose", aclose)
    yield
    assert not wrong, wrong


@pytest.fixture(autouse=True)
def recomposed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever is composed is recomposed when its run has ended, and must be the same."""
    last: dict[str, Document] = {}
    wrong: list[object] = []
    close = Session.aclose

    def composed(episode: str, *rest: Any) -> Document:
        last[episode] = document = compose(episode, *rest)
        return document

    async def aclose(session: Session, why: str = "") -> None:
        await close(session, why)
        wrong.extend((each, None) for each in checked(session))
        document = last.pop(session.episode, None)
        if document is None or session.options.record == "none":
            return
        try:
            own: object = replayed(session)
        except Exception as error:  # noqa: BLE001 - a run's end swallows what it raises
            own = error
        if own != document:
            wrong.append((own, document))

    monkeypatch.setattr(node, "composed", composed)
    monkeypatch.setattr(Session, "aclose", aclose)
    yield
    for own, document in wrong:
        assert own == document
