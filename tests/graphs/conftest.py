"""Every run of every test here is one more test of its trace: it replays to the same document, without a tool or a model,
and nothing is wrong with its records."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from llmi_agent.document.compose import compose
from llmi_agent.document.model import Document
from llmi_agent.run.session import Session
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
