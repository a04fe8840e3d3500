"""A model that gives a key away, however it escapes it: the key is nowhere that anybody looks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from langchain_core.messages import HumanMessage

from llmi_agent.config.options import Options
from llmi_agent.contract.tool import Image, Produced, Provenance, ToolRetry
from llmi_agent.document.model import Document
from llmi_agent.document.render import write_document
from llmi_agent.records.codec import events_of
from llmi_agent.records.journal import journal_beside
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, OpenAIServer, random_png
from llmi_graphs import build_graph

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore:.*Pydantic.*:UserWarning"
)

SECRETS = {
    "OPENAI_API_KEY": "sk-CANARY0a1b2c3d4e",
    "REPLICATE_API_TOKEN": "r8_CANARY9z8y7x6w",
    "AWS_SECRET_ACCESS_KEY": "wJalr/CANARY+bPxRfiCY",
}
SLOT = r"""<imgen>{"source": "search", "description": "r8\u005fCANARY9z8y7x6w and wJalr\/CANARY+bPxRfiCY",
 "params": {"query": "r8\u005fCANARY9z8y7x6w wJalr\/CANARY\u002bbPxRfiCY \u0073k-CANARY0a1b2c3d4e"}}</imgen>"""
DRAFT = rf"""# On r8\_CANARY9z8y7x6w

It is sk\-CANARY0a1b2c3d4e, r8&#95;CANARY9z8y7x6w, r8&lowbar;CANARY9z8y7x6w, sk-**CAN**ARY0a1b2c3d4e.

See [it](https://e.example/?k=wJalr%2fCANARY%2bbPxRfiCY), sk-CAN<think>psst</think>ARY0a1b2c3d4e, wJalr&sol;CANARY&plus;bPxRfiCY.

{SLOT}

<imgen>{{"source": "se\u0061rch", "r8\u005fCANARY9z8y7x6w": 1}}</imgen>
"""


@pytest.fixture(params=[1, 7, 5000])
def server(request: pytest.FixtureRequest) -> Iterator[OpenAIServer]:
    script = [DRAFT, SLOT, SLOT, SLOT]
    with OpenAIServer(script, key=SECRETS["OPENAI_API_KEY"], chunk=request.param) as running:
        yield running


def answers() -> list[Any]:
    note = "found with r8&#95;CANARY9z8y7x6w"
    found = Provenance("s", source_url="https://e.example/?k=wJalr%2FCANARY+bPxRfiCY", creator=note)
    produced = Produced((Image(random_png(), found),), note=note)
    return [ToolRetry(r"refused r8\u005fCANARY9z8y7x6w"), produced, produced, produced]


async def test_an_escaped_key_is_nowhere(
    server: OpenAIServer, store: ArtifactStore, tmp_path: Path
) -> None:
    tool: Any = FakeTool("s", "search", answers())
    graph = build_graph(
        model="openai/a",
        api_base=f"{server.url}/v1",
        tools=[tool],
        store=store,
        secrets=SECRETS,
        options=Options(retry_wait=0.01),
    )
    told: list[Any] = []
    state: Any = None
    modes: Any = ["custom", "values"]
    prompt = {"messages": [HumanMessage(r"Write of sk\-CANARY0a1b2c3d4e.")]}
    async for mode, each in graph.astream(prompt, stream_mode=modes):
        told, state = ([*told, each], state) if mode == "custom" else (told, each)
    document = Document.model_validate(state["document"])
    write_document(document, store, tmp_path, ["html", "md", "json"])
    assert len(document.figures) >= 1
    assert tool.calls
    called = [(call.description, call.params.model_dump()) for call in tool.calls]
    kept = {
        "events": json.dumps(told),
        "calls": json.dumps(called),
        "document": document.model_dump_json(),
        "message": state["messages"][-1].model_dump_json(),
        **_files(tmp_path),
        "journal": _journal(store),
    }
    for name, text in kept.items():
        assert not _keys_in(text), name
        assert "[secret]" in text, name


def _journal(store: ArtifactStore) -> str:
    journal = journal_beside(store)
    (episode,) = journal.episodes()
    return json.dumps([repr(event) for _, event in events_of(journal.read(episode))])


def _files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in folder.glob("*.*")}


def _keys_in(text: str) -> list[str]:
    readings = [text, text.replace("\\", ""), unescape(text), unquote(text), text.replace("*", "")]
    readings += [
        unescape(text.replace("\\\\u005f", "_").replace("\\", "")),
        unquote(unescape(text)),
    ]
    return [key for key in SECRETS.values() if any(key in each for each in readings)]
