"""The files of a request: paths, attachments, dicts and content blocks."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from llmi_agent.base.errors import InputError, LlmiError, UnavailableError
from llmi_agent.document.blocks import SCHEME
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.attachments import attach_bytes
from llmi_agent.testing import FakeTool, ScriptedModel, random_png
from llmi_graphs import build_graph

CSV = b"day,mm\n2024-01-01,3\n"
BLOCK = {"type": "file", "base64": base64.b64encode(CSV).decode(), "mime_type": "text/csv"}


def build(store: ArtifactStore, **more: Any) -> Any:
    model = ScriptedModel(script=["# T\n\nWords."])
    tools = [FakeTool("s", "search")]
    return build_graph(model=model, tools=tools, store=store, secrets={}, **more)


def ask(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"messages": [HumanMessage([{"type": "text", "text": "Write."}, *blocks])], **more}


def names(answer: dict[str, Any]) -> list[str]:
    return [each["name"] for each in answer["document"]["attachments"]]


@pytest.mark.parametrize("saver", [None, InMemorySaver()])
async def test_attachments_are_paths_values_dicts_and_blocks(
    store: ArtifactStore, tmp_path: Path, saver: InMemorySaver | None
) -> None:
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_bytes(CSV)
    given = [
        tmp_path / "one.csv",
        str(tmp_path / "two.csv"),
        attach_bytes(store, "three.csv", CSV),
        vars(attach_bytes(store, "four.csv", CSV)),
        {**BLOCK, "filename": "five.csv"},
    ]
    graph = build(store, checkpointer=saver)
    answer = await graph.ainvoke(ask(attachments=given), {"configurable": {"thread_id": "t"}})
    assert names(answer) == ["one.csv", "two.csv", "three.csv", "four.csv", "five.csv"]


async def test_files_in_a_message_are_attachments_and_leave_the_thread(
    store: ArtifactStore,
) -> None:
    picture = {"type": "image", "base64": base64.b64encode(random_png()).decode()}
    graph = build(store, checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t"}}
    answer = await graph.ainvoke(ask({**BLOCK, "filename": "rain.csv"}, picture), config)
    assert names(answer) == ["rain.csv", "picture-2.png"]
    message = answer["messages"][0]
    assert message.content == [{"type": "text", "text": "Write."}]
    assert SCHEME not in str(message.model_dump())
    corrected = base64.b64encode(CSV + b"2024-01-02,4\n").decode()
    again = ask({**BLOCK, "base64": corrected, "filename": "rain.csv"}, picture)
    answer = await graph.ainvoke(again, config)
    assert names(answer) == ["rain.csv", "picture-2.png", "picture-4.png"]
    rain = answer["document"]["attachments"][0]
    assert store.read(rain["digest"]).endswith(b"4\n")


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"name": "a.csv", "media_type": "text/csv", "digest": "0" * 64, "size": 3},
         UnavailableError, r"a\.csv is not in the store"),
        ({"name": "a.csv", "media_type": "text/csv", "digest": "no digest", "size": 3},
         UnavailableError, r"a\.csv is not in the store"),
        ({"name": "a.csv"}, InputError, "an attachment is no file"),
        (7, InputError, "an attachment is no file"),
        (Path("nowhere.csv"), InputError, r"nowhere\.csv cannot be read"),
        ({"type": "file", "url": "https://x.example/a.csv", "filename": "a.csv"},
         InputError, r"a\.csv is named by an address; only pictures are fetched"),
        ({"type": "image", "url": "http://127.0.0.1/a.png"}, InputError, "cannot be fetched"),
    ],
)  # fmt: skip
async def test_what_cannot_be_used_is_one_sentence(
    store: ArtifactStore, given: Any, error: type[LlmiError], words: str
) -> None:
    with pytest.raises(error, match=words):
        await build(store).ainvoke(ask(attachments=[given]))


async def test_clients_name_no_paths(
    store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.csv").write_bytes(CSV)
    request = ask(attachments=[str(tmp_path / "a.csv")])
    with pytest.raises(InputError, match="only a program in the same process"):
        await build(store, paths=False).ainvoke(request)
    monkeypatch.setitem(sys.modules, "langgraph_api", ModuleType("langgraph_api"))
    with pytest.raises(InputError, match="only a program in the same process"):
        await build(store).ainvoke(request)


async def test_two_files_of_one_name_are_refused(store: ArtifactStore) -> None:
    other = {**BLOCK, "base64": base64.b64encode(b"a\n1\n").decode(), "filename": "a.csv"}
    with pytest.raises(InputError, match=r"two attachments are named a\.csv"):
        await build(store).ainvoke(ask({**BLOCK, "filename": "a.csv"}, other))


@pytest.mark.parametrize("single", ["text", "path", "attachment", "dict", "block", "number"])
async def test_one_file_in_the_place_of_a_list_is_named(
    store: ArtifactStore, tmp_path: Path, single: str
) -> None:
    path = tmp_path / "rain.csv"
    path.write_bytes(CSV)
    kept = attach_bytes(store, "rain.csv", CSV)
    given: Any = {
        "text": str(path),
        "path": path,
        "attachment": kept,
        "dict": vars(kept),
        "block": {**BLOCK, "filename": "rain.csv"},
        "number": 3,
    }[single]
    with pytest.raises(InputError, match="attachments must be a list of files, not the") as failed:
        await build(store).ainvoke(ask(attachments=given))
    assert str(given)[:5] in str(failed.value)
    assert "put it in a list" in str(failed.value)
    assert names(await build(store).ainvoke(ask(attachments=(path,)))) == ["rain.csv"]
