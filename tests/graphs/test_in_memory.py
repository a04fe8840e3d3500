"""A whole run that keeps nothing: journal and store in memory, and all that a run may want of them."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from llmi_agent.config.options import Options
from llmi_agent.contract.tool import ToolCall, ToolContext
from llmi_agent.document.model import Document
from llmi_agent.document.render.files import write_document
from llmi_agent.host.registry import discover
from llmi_agent.records.journal import journal_beside
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.attachments import attach_bytes
from llmi_agent.testing import FakeTool, ScriptedModel, slot
from llmi_graphs import build_graph

TABLE = b"month,rain\n" + b"".join(
    b"2024-%02d-01,%d\n" % (month, month * 7) for month in range(1, 13)
)
PLOT = "data = pd.read_csv('rain.csv')\nplt.plot(data['rain'])"
REQUEST = {"messages": [HumanMessage("Write.")]}


async def test_code_edits_and_files_work_on_a_store_in_memory(
    own_home: Path, tmp_path: Path
) -> None:
    store = ArtifactStore.in_memory()
    table = attach_bytes(store, "rain.csv", TABLE)
    draft = (
        "# Rain\n\n"
        + slot("code", "A chart", code=PLOT)
        + "\n\n"
        + slot("edit", "Half of it", img_index=0, prompt="make it greyscale")
    )
    model = ScriptedModel(script=[draft])
    graph = build_graph(model=model, tools=discover(), store=store, secrets={})
    answer = await graph.ainvoke({**REQUEST, "attachments": [asdict(table)]})
    document = Document.model_validate(answer["document"])
    assert len(document.figures) == 2, answer["document"]
    files = await asyncio.to_thread(
        write_document, document, store, tmp_path / "out", ["html", "md", "json"]
    )
    assert "data:image/png;base64," in files[0].read_text()
    assert not (own_home / "artifacts").exists()


async def test_a_run_in_memory_goes_on_where_it_was_cut() -> None:
    store = ArtifactStore.in_memory()
    calls: list[int] = []

    async def work(call: ToolCall, context: ToolContext) -> Any:
        calls.append(call.slot)
        if call.slot == 1 and calls.count(1) == 1:
            await asyncio.sleep(60)
        return FakeTool("s", "search").picture(call, context)

    draft = "# T\n\n" + slot("search", "One", query="a") + "\n\n" + slot("search", query="b")
    model = ScriptedModel(script=[draft])
    graph: Any = build_graph(
        model=model, tools=[FakeTool("s", "search", [work])], store=store, secrets={}
    )
    journal = journal_beside(store)
    running = asyncio.create_task(graph.ainvoke(REQUEST))
    for _ in range(1500):
        records = [r.kind for e in journal.episodes() for r in journal.read(e)]
        if "slot_settled" in records and 1 in calls:
            break
        await asyncio.sleep(0.02)
    else:
        pytest.fail("one slot was to be settled, and the other begun")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    (episode,) = journal.episodes()
    answer = await graph.ainvoke({"resume": episode})
    assert len(Document.model_validate(answer["document"]).figures) == 2
    assert sorted(calls) == [0, 1, 1]
    assert journal.episodes() == [episode]


async def test_results_are_reused_within_the_process() -> None:
    store = ArtifactStore.in_memory()
    draft = "# T\n\n" + slot("diffusion", "A dog", prompt="a dog on a beach")
    digests = []
    for _ in range(2):
        graph = build_graph(
            model=ScriptedModel(script=[draft]),
            tools=discover(),
            use={"diffusion": "llmi_sketch"},
            options=Options(seed=1),
            store=store,
            secrets={},
        )
        answer = await graph.ainvoke(REQUEST)
        (figure,) = Document.model_validate(answer["document"]).figures
        digests.append(figure.digest)
    assert digests[0] == digests[1]
    journal = journal_beside(store)
    assert len(journal.episodes()) == 2
    assert len(journal.reusables()) == 1
