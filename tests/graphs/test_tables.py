"""A document's tables hold the names of their figures."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import HumanMessage

from llmi_agent.contract.tool import Failed
from llmi_agent.document.model import Document, Figure, Missing, TextBlock
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
