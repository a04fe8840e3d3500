"""Every run of every test here is one more test of its records: its document is made again from them alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from llmi_agent.document.compose import compose, recompose
from llmi_agent.document.model import Document
from llmi_agent.records.episode import EpisodeJournal
from llmi_agent.run.session import Session
from llmi_graphs.interleave import compose as node


def again(session: Session, document: Document) -> Document:
    """The document, from what is on record once its session is closed."""
    toolkit = session.toolkit
    known = EpisodeJournal(toolkit.journal, toolkit.store, session.episode).known
    created = datetime.fromisoformat(document.created).timestamp()
    return recompose(session.episode, known, created)


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
        if (document := last.pop(session.episode, None)) is None:
            return
        try:
            own: object = again(session, document)
        except Exception as error:  # noqa: BLE001 - a run's end swallows what it raises
            own = error
        if own != document:
            wrong.append((own, document))

    monkeypatch.setattr(node, "composed", composed)
    monkeypatch.setattr(Session, "aclose", aclose)
    yield
    for own, document in wrong:
        assert own == document
