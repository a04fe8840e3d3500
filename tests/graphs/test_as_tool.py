"""The graph as a tool: its files, and how a calling model goes on with a document."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import BaseMessage

from llmi_agent.base.errors import ConfigError
from llmi_agent.document.model import Document
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.attachments import attach_bytes
from llmi_agent.testing import FakeTool, ScriptedModel, slot
from llmi_graphs import as_tool, build_graph

CSV = b"day,mm\n2024-01-01,3\n"


def order(**args: Any) -> dict[str, Any]:
    return {
        "name": "write_illustrated_document",
        "args": {"prompt": "Write.", **args},
        "id": "1",
        "type": "tool_call",
    }


def build(store: ArtifactStore, script: Any = "# T\n\nWords.", *tools: FakeTool) -> Any:
    model = ScriptedModel(script=script if callable(script) else [script])
    return build_graph(
        model=model, tools=list(tools or [FakeTool("s", "search")]), store=store, secrets={}
    )


def attached(message: Any) -> list[str]:
    return [each["name"] for each in message.artifact["attachments"]]


@pytest.mark.parametrize("sync", [False, True])
async def test_the_next_call_goes_on_with_the_document(store: ArtifactStore, sync: bool) -> None:
    def answer(messages: list[BaseMessage]) -> str:
        if "blue" not in messages[-1].text:
            return "# T\n\n" + slot("search", "One", query="a") + slot("search", "Two", query="b")
        assert "[Figure 2: Two]" in messages[-2].text
        assert "img_index 1: Figure 2: Two" in messages[-1].text
        return "# Blue\n\n" + slot("edit", img_index=1, prompt="blue")

    edit = FakeTool("e", "edit")
    tool = as_tool(build(store, answer, FakeTool("s", "search"), edit))
    one = await tool.ainvoke(order(data=[{"name": "a.csv", "text": CSV.decode()}]))
    document = Document.model_validate(one.artifact)
    assert one.content.endswith(f"(document id: {document.episode})")
    change = order(prompt="Make figure 2 blue.", document=document.episode)
    two = tool.invoke(change) if sync else await tool.ainvoke(change)
    assert edit.calls[0].inputs == (document.figures[1].digest,)
    assert attached(two) == ["a.csv"]


async def test_an_unknown_document_is_said_to_the_model(store: ArtifactStore) -> None:
    message = await as_tool(build(store)).ainvoke(order(document="f" * 32))
    assert message.status == "error"
    assert "there is no document ffff" in message.content


async def test_the_model_names_only_what_its_developer_allows(
    store: ArtifactStore, tmp_path: Path
) -> None:
    folder = tmp_path / "allowed"
    (folder / "deep").mkdir(parents=True)
    secret = tmp_path / "secret.csv"
    for path in (secret, folder / "a.csv", folder / "deep" / "b.csv", folder / ".env"):
        path.write_bytes(CSV)
    (folder / "link.csv").symlink_to(secret)
    photo = attach_bytes(store, "c.csv", CSV)
    tool = as_tool(build(store), files=[folder, photo])
    assert "c.csv, a.csv, deep/b.csv." in tool.description
    message = await tool.ainvoke(order(files=["a.csv", "deep/b.csv", "c.csv"]))
    assert attached(message) == ["a.csv", "b.csv", "c.csv"]
    for name in (str(secret), "../secret.csv", "link.csv", ".env", "deep", "", "/etc/passwd", "\0"):
        message = await tool.ainvoke(order(files=[name]))
        assert message.status == "error"
        assert "there is: c.csv, a.csv, deep/b.csv" in message.content


async def test_without_files_none_can_be_named(store: ArtifactStore, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(CSV)
    tool = as_tool(build(store))
    assert "files" not in tool.args
    message = await tool.ainvoke(order(files=[str(tmp_path / "a.csv")]))
    assert attached(message) == []


async def test_files_of_the_models_own_making(store: ArtifactStore) -> None:
    encoded = base64.b64encode(CSV).decode()
    data = [{"name": "a.csv", "text": CSV.decode()}, {"name": "b.csv", "base64": encoded}]
    message = await as_tool(build(store)).ainvoke(order(data=data))
    assert attached(message) == ["a.csv", "b.csv"]


def test_what_cannot_be_allowed_is_said(store: ArtifactStore, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no file or folder"):
        as_tool(build(store), files=tmp_path / "nowhere")


async def test_arguments_that_cannot_be_read_are_told_to_the_model(store: ArtifactStore) -> None:
    tool = as_tool(build(store))
    message = await tool.ainvoke(order(data=[{"name": "a.csv", "content": "x"}]))
    assert "data.0.content: Extra inputs are not permitted" in message.content
    message = await tool.ainvoke(order(data="a.csv"))
    assert "data: Input should be a valid list" in message.content
