"""A key in every door of a request, of a model's and a tool's answer, and of a reward: no record, export or page has it."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from llmi_agent.config.options import Options
from llmi_agent.contract.policy import TOKENS, WEIGHTS
from llmi_agent.contract.tool import Image, Produced, Provenance, ToolResult
from llmi_agent.host.registry import registry_of
from llmi_agent.records import arrays
from llmi_agent.records.events import (
    EVENTS,
    Halted,
    Restarted,
    Resumed,
    Rewarded,
    SlotTurned,
)
from llmi_agent.records.journal import Journal
from llmi_agent.runner.episodes import Episodes, Order
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.attachments import attach_bytes
from llmi_agent.testing import FakeTool, make_session, random_png, slot
from llmi_agent.traces import give, traces
from llmi_agent.traces.exchange.exporting import export
from llmi_agent.traces.page import page
from llmi_graphs import build_graph

KEY = "canary-b1946ac92492d2347c6235b4d2611184"
NOTHING = slot("search", KEY, query=f"nothing {KEY}")
DRAFT = f"# {KEY}\n\n{slot('search', KEY, query=KEY)}\n\n{NOTHING}\n\n<imgen>{KEY}</imgen>\n\n{KEY}"


class Telling(BaseChatModel):
    """Says it wherever a server can."""

    model_name: str = f"model-{KEY}"
    stop: tuple[str, ...] = (f"stop-{KEY}",)

    @property
    def _llm_type(self) -> str:
        return "telling"

    def _generate(self, *args: Any, **given: Any) -> ChatResult:
        raise NotImplementedError

    async def _astream(self, *args: Any, **given: Any) -> AsyncIterator[ChatGenerationChunk]:
        said = {"completion": [1], "logprobs": [-0.5], "mode": KEY, "prompt": [7]}
        for text, metadata in (
            (DRAFT, {TOKENS: said, WEIGHTS: KEY}),
            ("", {"model_name": KEY, "finish_reason": KEY}),
        ):
            thought = {"reasoning_content": KEY}
            message = AIMessageChunk(text, response_metadata=metadata, additional_kwargs=thought)
            yield ChatGenerationChunk(message=message)


class Search(FakeTool):
    """Says it in all that a tool says, and in the id of a job."""

    async def run(self, call: Any, context: Any) -> ToolResult:
        await context.record_job(KEY)
        context.progress(KEY)
        if "nothing" in call.params.query:
            raise ValueError(KEY)
        words = {name: KEY for name in asdict(Provenance("")) if name != "placeholder"}
        return Produced((Image(random_png(), Provenance(**words)),), note=KEY)


async def run(store: ArtifactStore) -> str:
    tool: Any = Search("fake_search", "search")
    options = Options(weights=KEY, prices={KEY: 1.0}, repairs=0)
    graph = build_graph(
        model=Telling(),
        tools=registry_of(tool),
        store=store,
        record="full",
        options=options,
    )
    said = [HumanMessage(KEY), AIMessage(KEY), HumanMessage(f"Write {KEY}", id=f"id-{KEY}")]
    files = (
        attach_bytes(store, f"{KEY}.csv", b"a,b\n1,2\n"),
        attach_bytes(store, f"{KEY}.png", random_png()),
    )
    asked = {
        "messages": said,
        "attachments": [asdict(each) for each in files],
        "options": {"stop": [KEY]},
        "group": f"group-{KEY}",
        "member": 0,
        "split": KEY,
    }
    return str((await graph.ainvoke(asked))["document"]["episode"])


def rewarded(call: str) -> list[Rewarded]:
    said = dict.fromkeys(("component", "profile", "judge", "rubric"), KEY)
    return [
        Rewarded(value=None, status="error", error=f"401: {KEY}", **said),
        Rewarded(value=0.5, scope="call", about=call, **said),
    ]


def told(root: Path) -> bytes:
    """All that is on record, unpacked, and the files as they are."""
    found = [path.read_bytes() for path in root.rglob("*") if path.is_file()]
    for path in root.rglob("journal.db"):
        journal = Journal(path)
        for episode in journal.episodes():
            for each in journal.read(episode):
                found.append(f"{each.kind} {each.key} {each.data}".encode())
                found.append((each.tokens and repr(arrays.unpack(each.tokens)).encode()) or b"")
        with sqlite3.connect(path) as connection:
            for table in ("episodes", "mentions", "rewards"):
                found.append(repr([*connection.execute(f"SELECT * FROM {table}")]).encode())
        connection.close()
    return b"\n".join(found)


async def test_a_key_is_in_no_record_export_or_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    store = ArtifactStore(tmp_path / "store")
    episode = await run(store)
    Episodes(store).remember(
        episode, Order(KEY, (KEY,), f"http://x/v1?key={KEY}", f"/out/{KEY}", (KEY,))
    )
    (trace,) = traces(store.root)
    give(store.root, episode, *rewarded(trace.calls[0].call))
    (trace,) = traces(store.root)
    assert {each.kind for each in trace.records} >= {
        name for name, each in EVENTS.items() if each.durable
    } - {"resumed", "restarted", "draft_given", "halted", "slot_turned"}
    for form, name in (
        ("jsonl", "a.jsonl"),
        ("parquet", "a.parquet"),
        ("atif", "a"),
        ("sft", "s.jsonl"),
        ("llm-i", "l.jsonl"),
    ):
        export(traces(store.root), tmp_path / name, form, pictures="beside")
    (tmp_path / "page.html").write_text(page(trace))
    (tmp_path / "columns.txt").write_text(repr(pq.read_table(tmp_path / "a.parquet").to_pylist()))
    everything = told(tmp_path)
    assert b"[secret]" in everything
    at = everything.find(KEY.encode())
    assert at < 0, everything[max(at - 300, 0) : at + 80]


async def test_members_of_a_group_stay_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    store = ArtifactStore(tmp_path)
    for _ in range(2):
        await run(store)
    assert [each.group for each in traces(store.root)] == ["group-[secret]"] * 2


async def test_what_ends_a_run_is_on_record_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    tool: Any = FakeTool("s", "search")
    store = ArtifactStore(tmp_path)
    async with make_session(tool, store=store) as session:
        session.tell(Restarted(model=KEY, message=KEY))
        session.tell(Resumed(model=KEY, bindings={"search": KEY}, options={"a": [KEY]}))
        session.tell(SlotTurned(slot=0, attempt=0, step="retrying", reason="quota", message=KEY))
        session.tell(Halted(message=KEY))
    (trace,) = traces(store.root)
    said = "".join(each.data for each in trace.records)
    assert said.count("[secret]") == 7
    assert KEY not in said
