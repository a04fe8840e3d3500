"""Attached files on their way through the graph: what the policy is told, what code finds beside them."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from llmi_agent.contract import (
    ArtifactReader,
    Attachment,
    Preview,
    TableCopy,
    ToolCall,
    ToolContext,
    ToolResult,
    hookimpl,
)
from llmi_agent.host.registry import registry_of
from llmi_agent.records.journal import journal_beside
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.attachments import attach_bytes
from llmi_agent.testing import FakeTool, ScriptedModel, slot
from llmi_graphs import build_graph

FILE, COPY = b"a;b\n1,5;2\n", b"a,b\n1.5,2\n"
BOTH = {"a.csv": FILE, "a.clean.csv": COPY}
DRAFT = "# T\n\n" + slot("code", "A chart", code="x")


class Reader:
    @hookimpl
    async def llmi_preview(
        self, attachment: Attachment, artifacts: ArtifactReader
    ) -> Preview | None:
        return Preview("two columns", ("a guess",), TableCopy("a.clean.csv", "text/csv", COPY))


class Chart:
    """A code tool that remembers which files it found; `hangs` is how many of its calls never end."""

    def __init__(self, hangs: int = 0) -> None:
        self.found: list[dict[str, bytes]] = []
        self.reached = asyncio.Event()
        self._hangs = hangs

    async def draw(self, call: ToolCall, context: ToolContext) -> ToolResult:
        read = context.artifacts.read
        self.found.append({each.name: read(each.digest) for each in context.attachments})
        if len(self.found) <= self._hangs:
            await asyncio.sleep(0.3)  # the draft is complete by then
            self.reached.set()
            await asyncio.sleep(60)
        return FakeTool("c", "code").picture(call, context)


def build(store: ArtifactStore, chart: Chart, *hooks: object) -> tuple[Any, ScriptedModel]:
    model = ScriptedModel(script=[DRAFT])
    tools = registry_of(FakeTool("c", "code", [chart.draw]), hooks=hooks)
    return build_graph(model=model, tools=tools, store=store, secrets={}), model


def request(store: ArtifactStore) -> dict[str, Any]:
    file = attach_bytes(store, "a.csv", FILE)
    return {"messages": [HumanMessage("Write.")], "attachments": [asdict(file)]}


async def test_the_copy_of_a_table_lies_beside_it_and_the_policy_knows(
    store: ArtifactStore,
) -> None:
    chart = Chart()
    graph, model = build(store, chart, Reader())
    answer = await graph.ainvoke(request(store))
    assert chart.found == [BOTH]
    told = str(model.asked[0][-1].text)
    assert "### a.csv\n\ntwo columns" in told
    assert "- a guess" in told
    assert "`a.clean.csv`" in told
    assert [each["name"] for each in answer["document"]["attachments"]] == ["a.csv"]


async def test_a_resumed_run_finds_the_copy_too(store: ArtifactStore) -> None:
    chart = Chart(hangs=1)
    graph, _ = build(store, chart, Reader())
    task = asyncio.create_task(graph.ainvoke(request(store)))
    await chart.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (episode,) = journal_beside(store).episodes()
    again, model = build(store, chart)
    await again.ainvoke({"resume": episode})
    assert not model.asked
    assert chart.found == [BOTH, BOTH]
