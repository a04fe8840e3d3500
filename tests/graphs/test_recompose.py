"""Drafts of every form, and lives of every kind: `conftest.py` makes each document again from its records alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from llmi_agent.config.options import Options
from llmi_agent.contract.tool import Failed, ToolRetry
from llmi_agent.document.model import Document
from llmi_agent.draft import Dialect
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel, slot
from llmi_graphs import build_graph

S = slot("search", "One", query="a")
E = slot("edit", "Two", img_index=0, prompt="crop")
PYTHON = "<imgen>{'source': 'search', 'description': 'It\\'s', 'params': {'query': 'a'}}</imgen>"
DRAFTS = {
    "plain": f"# T\n\nA.\n\n{S}\n\nB.\n\n{E}\n\nC.",
    "adjacent": f"# T\n\n{S}{E}{S}",
    "slots alone": f"{S}\n{E}",
    "in a line": f"# T\n\nIn {S} a {E} line.",
    "in a table": f"# T\n\n| a | b |\n|---|---|\n| {S} | x |\n| y | {E} |\n\nEnd.",
    "thought": f"<think>{S} hm</think># T\n\n{S}",
    "thought without an opener": f"Hm, {S} perhaps.\n\n{E}\n</think>\n\n# T\n\n{E}\n\n{S}",
    "thought to the end": f"# T\n\n{S}\n\n<think>and so on {S}",
    "fenced document": f"```markdown\n# T\n\n{S}\n\nB.\n```",
    "fenced slot": f"# T\n\n```json\n{S}\n```\n\nB.",
    "object in a fence": f"# T\n\n```json\n{S.removeprefix('<imgen>').removesuffix('</imgen>')}\n```\nB.",
    "in code": f"# T\n\n```\ncode\n```\n\n{S}\n\n`{S}`",
    "a string of JSON": json.dumps({"document": f"# T\n\nA \u00fc.\n\n{S}\n\nB."}),
    "bad": "# T\n\n<imgen>{nothing}</imgen>\n\n" + S,
    "unclosed": f'# T\n\n{S}\n\n<imgen>{{"source": "search"',
    "entities": "# T\n\n" + S.replace('"', "&quot;"),
    "capitals": "# T\n\n" + S.replace("imgen", "IMGEN"),
    "carriage returns": f"# T\r\n\r\n{S}\r\n\r\nB.\r\n",
    "odd characters": f"# T\ud800\u202e \U0001f600\n\n{S}\n\nB\x00.",
    "edit of nothing": "# T\n\n" + slot("edit", "No", img_index=7, prompt="x") + S,
}


async def written(store: ArtifactStore, draft: str, dialect: Dialect = "json") -> Document:
    graph = build_graph(
        model=ScriptedModel(script=[draft, "SKIP"], chunk=11),
        tools=[FakeTool("s", "search"), FakeTool("e", "edit")],
        store=store,
        secrets={},
        options=Options(retry_wait=0.0, dialect=dialect),
    )
    answer = await graph.ainvoke({"messages": [HumanMessage("Write.")], "group": "g", "member": 1})
    return Document.model_validate(answer["document"])


@pytest.mark.parametrize("draft", DRAFTS.values(), ids=DRAFTS)
async def test_a_draft_of_any_form(store: ArtifactStore, draft: str) -> None:
    assert (await written(store, draft)).blocks


@pytest.mark.parametrize(
    "draft", [f"# T\n\n{PYTHON}\n\nB.", f"# T\n\n{S}", f"# T\n\n{PYTHON[:-9]}"]
)
async def test_a_draft_of_the_other_dialect(store: ArtifactStore, draft: str) -> None:
    assert (await written(store, draft, "python")).blocks


async def test_lives_with_other_tools_and_documents_that_go_on(store: ArtifactStore) -> None:
    def graph(script: list[str], *tools: FakeTool) -> Any:
        return build_graph(
            model=ScriptedModel(script=script),
            tools=list(tools),
            store=store,
            secrets={},
            options=Options(retry_wait=0.0),
        )

    draft = "# T\n\n" + S + "\n\n" + slot("diffusion", "Three", prompt="p")
    tools = FakeTool("s", "search", [ToolRetry("vague")]), FakeTool("d", "diffusion")
    first = await graph([draft, "SKIP"], *tools).ainvoke({"messages": [HumanMessage("Write.")]})
    episode = first["document"]["episode"]
    others = FakeTool("other", "search"), FakeTool("no", "diffusion", [Failed("refused", "no")])
    second = await graph(["never"], *others).ainvoke({"resume": episode})
    assert second["document"]["bindings"] == {"search": "other", "diffusion": "no"}
    third = await graph(["never"], FakeTool("s", "search")).ainvoke({"resume": episode})
    assert third["document"]["bindings"] == {"search": "s"}
    on = {"messages": [HumanMessage("On.")], "continues": episode}
    fourth = await graph([f"# On\n\n{E}"], FakeTool("e", "edit")).ainvoke(on)
    assert fourth["document"]["blocks"][1]["type"] == "figure"
