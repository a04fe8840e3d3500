"""The message that hands a document over: any next model of the thread can read it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from langchain_core.messages import HumanMessage, convert_to_openai_messages

from llmi_agent.base.errors import ConfigError
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel, random_png, slot
from llmi_graphs import build_graph


def build(store: ArtifactStore, **more: Any) -> Any:
    model = ScriptedModel(script=["# T\n\n" + slot("search", "One", query="a")])
    tools = [FakeTool("s", "search")]
    return build_graph(model=model, tools=tools, store=store, secrets={}, **more)


async def test_the_thread_is_a_valid_payload_for_another_model(store: ArtifactStore) -> None:
    picture = {"type": "image", "base64": base64.b64encode(random_png()).decode()}
    message = HumanMessage([{"type": "text", "text": "Write."}, picture])
    thread = (await build(store).ainvoke({"messages": [message]}))["messages"]
    user, assistant = convert_to_openai_messages(thread)
    assert user["content"] in ("Write.", [{"type": "text", "text": "Write."}])
    assert assistant["content"] == "# T\n\n[Figure 1: One]\n\n"
    assert "artifact:" not in json.dumps([user, assistant])


async def test_it_may_hold_the_pictures(store: ArtifactStore) -> None:
    answer = await build(store, images="inline").ainvoke({"messages": [HumanMessage("Write.")]})
    message, figure = answer["messages"][-1], answer["document"]["blocks"][1]
    assert [block["type"] for block in message.content] == ["text", "text", "image"]
    assert base64.b64decode(message.content[2]["base64"]) == store.read(figure["digest"])


async def test_it_may_hold_their_addresses_and_the_events_do_too(store: ArtifactStore) -> None:
    graph = build(store, images="url", pictures_at="https://x.example/p/")
    request = {"messages": [HumanMessage("Write.")]}
    events: list[Any] = []
    async for mode, event in graph.astream(request, stream_mode=["custom", "values"]):
        events.append((mode, event))
    kept = next(e for mode, e in events if mode == "custom" and e.get("state") == "kept")
    figure = events[-1][1]["document"]["blocks"][1]
    url = f"https://x.example/p/{figure['digest']}"
    assert events[-1][1]["messages"][-1].content[2]["url"] == url
    assert {k: kept[k] for k in ("kind", "caption", "digest", "media_type", "url")} == {
        "kind": "search",
        "caption": "One",
        "digest": figure["digest"],
        "media_type": "image/png",
        "url": url,
    }


@pytest.mark.parametrize("wrong", [{"images": "reference"}, {"images": "url"}])
def test_a_form_that_does_not_exist_is_said(store: ArtifactStore, wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="images"):
        build(store, **wrong)
