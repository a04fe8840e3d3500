"""What a draft leaves out, or leaves as text, is said."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from llmi_agent.cli.summary import warnings
from llmi_agent.contract.kinds import WELL_KNOWN
from llmi_agent.document.model import Document
from llmi_agent.document.notes import DATA, LEFT_AS_TEXT, NO_PLACE, notes
from llmi_agent.draft import parse
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel, slot
from llmi_graphs import build_graph

KINDS = {name: kind.params for name, kind in WELL_KNOWN.items()}
PAYLOAD = slot("search", "t", query="q").removeprefix("<imgen>").removesuffix("</imgen>")


def said(text: str, prompt: str = "A report with pictures") -> list[str]:
    return list(notes(parse(text, KINDS), prompt))


async def test_a_document_without_a_place_for_a_picture_says_so(store: ArtifactStore) -> None:
    tool: Any = FakeTool("s", "search")
    graph = build_graph(
        model=ScriptedModel(script=["# T\n\nWords."]),
        tools=[tool],
        store=store,
        secrets={},
    )
    events: list[dict[str, Any]] = []
    state: dict[str, Any] = {}
    stream: Any = graph.astream({"messages": [HumanMessage("x")]}, stream_mode=["custom", "values"])
    async for mode, event in stream:
        if mode == "custom":
            events.append(event)
        else:
            state = event
    document = Document.model_validate(state["document"])
    assert document.notes == (NO_PLACE,)
    assert list(warnings(document)) == [NO_PLACE]
    assert [event["message"] for event in events if event["type"] == "note"] == [NO_PLACE]


@pytest.mark.parametrize(
    "prompt",
    ["A poem, no pictures", "Tell me without any images.", "Don't add charts", "text only"],
)
def test_nothing_is_said_where_none_was_wanted(prompt: str) -> None:
    assert said("# T\n\nWords.", prompt) == []


@pytest.mark.parametrize("answer", ['{"a": 1, "b": ["x"]}', '```json\n{"a": {"b": 1}}\n```'])
def test_data_in_place_of_a_document_is_said_to_be_that(answer: str) -> None:
    assert said(answer) == [DATA, NO_PLACE]
    assert DATA not in said(f"# T\n\nAn example:\n\n{answer}")


def test_a_document_with_a_slot_has_no_note() -> None:
    assert said(f"# T\n\n<imgen>{PAYLOAD}</imgen>\n\nThe `<imgen>` tag.") == []


@pytest.mark.parametrize(
    "text",
    [
        f"```python\nx = 1\n<imgen>{PAYLOAD}</imgen>\n```\n",
        f"`<imgen>{PAYLOAD}</imgen>`",
        f"Here: {PAYLOAD}",
        f'x [TOOL_CALLS][{{"name": "imgen", "arguments": {PAYLOAD}}}]',
        'x <function_calls><invoke name="imgen">\n<parameter name="source">search</parameter>\n</invoke>',
        f'x <tool_call>{{"name": "imgen", "arguments": {PAYLOAD}}}',
    ],
)
def test_a_request_that_is_still_on_the_page_is_said(text: str) -> None:
    assert LEFT_AS_TEXT in said(f"# T\n\n{text}\n")
