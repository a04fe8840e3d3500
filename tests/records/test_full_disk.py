"""A disk that is full: the run ends with one sentence, nothing is torn, and it goes on when there is room again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from llmi_agent.base.errors import ResourceError
from llmi_agent.contract.tool import Image, Produced, Provenance, ToolCall, ToolContext
from llmi_agent.records import journal as module
from llmi_agent.records.codec import events_of
from llmi_agent.records.journal import Journal, journal_beside
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel, random_png, slot
from llmi_graphs import build_graph

SLOTS = 3
DRAFT = "# T\n\n" + "\n\n".join(slot("search", f"P{n}", query=f"q{n}") for n in range(SLOTS))
SENTENCE = r"^the records in .*journal\.db cannot be written: the disk is full; free some space"


@pytest.mark.parametrize("moment", ["draft", "first call", "last call", "in the end"])
async def test_a_run_ends_well_and_goes_on(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    opened: list[sqlite3.Connection] = []
    connect = module.connect

    def kept(path: Any) -> sqlite3.Connection:
        opened.append(connect(path))
        return opened[-1]

    monkeypatch.setattr(module, "connect", kept)
    now, calls = [moment], list[str]()

    def fill(reached: str) -> None:
        if now == [reached]:
            now.clear()
            for each in opened:  # no page more than there are
                each.execute("PRAGMA max_page_count = 1")

    async def work(call: ToolCall, context: ToolContext) -> Produced:
        calls.append(call.key)
        fill("first call" if len(calls) == 1 else "last call" if len(calls) == SLOTS else "")
        picture = Image(random_png(16, 16, call.slot), Provenance("t"))
        return Produced((picture,), usd=0.01, note="x" * 9000)

    def answer(_: object) -> str:
        fill("draft")
        return DRAFT

    class After(FakeTool):
        """It lets go of something when the session ends."""

        async def run(self, call: ToolCall, context: ToolContext) -> Produced:
            context.scope.callback(fill, "in the end")
            return await work(call, context)

    graph = build_graph(
        model=ScriptedModel(script=answer),
        tools=[After("t", "search", usd=0.01)],
        store=store,
        secrets={},
    )
    if moment == "in the end":  # what is there is not undone
        assert await figures(graph, {"messages": [HumanMessage("Write." * 3000)]}) == SLOTS
    else:
        with pytest.raises(ResourceError, match=SENTENCE):
            await graph.ainvoke({"messages": [HumanMessage("Write." * 3000)]})
    journal_beside(store).close()
    opened.clear()
    journal = Journal(store.root / "journal.db")
    with closing(sqlite3.connect(journal.path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    (one,) = journal.overviews()
    assert list(events_of(journal.read(one.episode)))
    assert await figures(graph, {"resume": one.episode}) == SLOTS
    assert [each.state for each in journal.overviews()] == ["done"]
    journal.close()


async def figures(graph: Any, request: dict[str, Any]) -> int:
    answer = await graph.ainvoke(request)
    return sum(block["type"] == "figure" for block in answer["document"]["blocks"])
