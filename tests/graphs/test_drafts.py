"""What the draft room reads, in a whole run: tables with slots, an answer in JSON."""

from __future__ import annotations

import json
from typing import Any

from langchain_core.messages import HumanMessage

from llmi_agent.contract.tool import Failed
from llmi_agent.document.compose import recompose
from llmi_agent.document.model import Document, Figure, Missing, TextBlock
from llmi_agent.records.episode import EpisodeJournal
from llmi_agent.records.journal import journal_beside
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel, slot
from llmi_graphs import build_graph


async def test_a_table_stays_whole_and_names_the_figures_after_it(store: ArtifactStore) -> None:
    one, two = slot("search", "One", query="a"), slot("code", "Two", code="x")
    draft = f"# T\n\n| cat | picture |\n|---|---|\n| a | {two} |\n| b | {one} |\n\nThe end."
    failing: Any = FakeTool("c", "code", [Failed("refused", "no", retryable=False)])
    graph = build_graph(
        model=ScriptedModel(script=[draft]),
        tools=[FakeTool("s", "search"), failing],
        store=store,
        secrets={},
    )
    answer = await graph.ainvoke({"messages": [HumanMessage("Write.")]})
    blocks = Document.model_validate(answer["document"]).blocks
    assert [type(block) for block in blocks] == [TextBlock, Missing, Figure, TextBlock]
    table = blocks[0]
    assert isinstance(table, TextBlock)
    assert table.markdown.endswith("|---|---|\n| a | (figure missing) |\n| b | Figure 1 |")


async def test_a_document_that_came_as_json_is_made_again_of_its_records(
    store: ArtifactStore,
) -> None:
    draft = (
        f"# Über\n\nA “word”.\n\n{slot('search', 'One', query='a')}\n\nThe <imgen>{{}}</imgen> end."
    )
    model = ScriptedModel(script=[json.dumps({"title": "T", "content": draft}), "SKIP", "SKIP"])
    tools: Any = [FakeTool("s", "search")]
    graph = build_graph(model=model, tools=tools, store=store, secrets={})
    answer = await graph.ainvoke({"messages": [HumanMessage("Write.")]})
    document = Document.model_validate(answer["document"])
    assert [type(block) for block in document.blocks] == [
        *(TextBlock, Figure, TextBlock, Missing, TextBlock)
    ]
    known = EpisodeJournal(journal_beside(store), store, document.episode).known
    again = recompose(document.episode, known, 0)
    assert again.model_copy(update={"created": document.created}) == document
