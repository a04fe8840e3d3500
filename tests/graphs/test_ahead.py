"""Tools run while the policy still writes; what was started for a draft that is void is cancelled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGenerationChunk

from llmi_agent.config.options import ModelPrice, Options
from llmi_agent.contract.tool import Failed, ToolCall, ToolContext, ToolResult
from llmi_agent.document.model import Document
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel, slot
from llmi_graphs import build_graph

QUICK = Options(retry_wait=0.0)


class Writer(ScriptedModel):
    """Writes its drafts one after the other; a `!` in one is a pause, a `#cut` at its end breaks the stream."""

    drafts: list[str]
    script: Any = ()
    pauses: float = 0.3

    async def _astream(
        self, messages: list[BaseMessage], *arguments: Any, **more: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        draft = self.drafts.pop(0) if len(self.drafts) > 1 else self.drafts[0]
        for piece in draft.removesuffix("#cut").split("!"):
            yield ChatGenerationChunk(message=AIMessageChunk(content=piece))
            await asyncio.sleep(self.pauses)
        if draft.endswith("#cut"):
            raise ConnectionError("the line is dead")


class Clock:
    """When things began and ended, by name, in seconds since the run did."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.times: dict[str, float] = {}

    def note(self, name: str) -> None:
        self.times.setdefault(name, time.monotonic() - self._began)


async def run(store: ArtifactStore, model: Any, *tools: FakeTool, **given: Any) -> tuple[Any, Any]:
    graph = build_graph(
        model=model, tools=list(tools), store=store, secrets={}, **{"options": QUICK, **given}
    )
    events: list[dict[str, Any]] = []
    state: dict[str, Any] = {}
    stream = graph.astream({"messages": [HumanMessage("x")]}, stream_mode=["custom", "values"])
    async for mode, event in stream:
        if mode == "custom":
            events.append(event)
        else:
            state = event
    return Document.model_validate(state["document"]), events


async def test_a_call_and_the_edit_of_its_picture_end_before_the_last_word(
    store: ArtifactStore,
) -> None:
    text = f"# T\n\n{slot('search', query='a')}\n\n{slot('edit', img_index=0, prompt='crop')}!Then.!End."
    document, events = await run(
        store, Writer(drafts=[text]), FakeTool("s", "search"), FakeTool("e", "edit")
    )
    assert [figure.kind for figure in document.figures] == ["search", "edit"]
    said = [(e["type"], e.get("state"), e.get("slot"), e.get("text")) for e in events]
    last_word = next(n for n, each in enumerate(said) if each[3] and "End." in each[3])
    assert said.index(("slot", "kept", 0, None)) < last_word
    assert said.index(("slot", "kept", 1, None)) < last_word
    assert len([each for each in said if each[1] == "kept"]) == 2, "each is told once"


async def test_a_failure_is_repaired_at_its_turn_and_its_call_is_made_once(
    store: ArtifactStore,
) -> None:
    tool = FakeTool(
        "s", "search", [Failed("bad_params", "too vague", True), FakeTool("s", "search").picture]
    )
    drafts = [f"# T\n\n{slot('search', query='a')}!End.", slot("search", query="better")]
    document, _ = await run(store, Writer(drafts=drafts), tool)
    assert [call.params.model_dump()["query"] for call in tool.calls] == ["a", "better"]
    assert document.figures[0].attempts == 2


async def test_a_void_draft_cancels_what_it_started(store: ArtifactStore) -> None:
    ended: list[str] = []

    async def work(call: ToolCall, context: ToolContext) -> ToolResult:
        try:
            await asyncio.sleep(30 if call.params.model_dump()["query"] == "old" else 0)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        return FakeTool("s", "search").picture(call, context)

    drafts = [
        f"# Old\n\n{slot('search', 'Old', query='old')}!#cut",
        f"# New\n\n{slot('search', 'New', query='new')}",
    ]
    document, events = await run(store, Writer(drafts=drafts), FakeTool("s", "search", [work]))
    assert ended == ["cancelled"]
    assert document.title == "New"
    assert [figure.caption for figure in document.figures] == ["New"]
    assert [event["type"] for event in events].count("restart") == 1


async def test_what_a_void_draft_finished_is_not_paid_for_again(store: ArtifactStore) -> None:
    tool = FakeTool("s", "search")
    draft = f"# T\n\n{slot('search', 'A', query='a')}!More."
    document, _ = await run(store, Writer(drafts=[draft + "#cut", draft]), tool)
    assert len(tool.calls) == 1
    assert [figure.caption for figure in document.figures] == ["A"]


async def test_the_slots_of_a_void_draft_are_not_taken_for_those_of_the_next(
    store: ArtifactStore,
) -> None:
    """An edit of the new draft waits for the new picture 0, not for the old one."""
    drafts = [
        f"# T\n\n{slot('search', 'Old', query='old')}!More.#cut",
        f"# T\n\n{slot('search', 'New', query='new')}\n\n{slot('edit', img_index=0, prompt='crop')}",
    ]
    edit = FakeTool("e", "edit")
    document, _ = await run(store, Writer(drafts=drafts), FakeTool("s", "search"), edit)
    assert [call.inputs for call in edit.calls] == [(document.figures[0].digest,)]


async def test_money_that_the_draft_holds_back_is_there_at_the_slots_turn(
    store: ArtifactStore,
) -> None:
    model = Writer(drafts=[f"# T\n\n{slot('search', query='a')}!End."])
    prices: dict[str, Any] = {"Writer": ModelPrice(input=1, output=100)}
    options = QUICK.model_copy(update={"budget": 1.0, "prices": prices})
    tool = FakeTool("s", "search", usd=0.1)
    document, _ = await run(store, model, tool, options=options)
    assert document.missing == ()
    assert len(tool.calls) == 1


async def test_closing_the_run_while_the_policy_writes_cancels_what_runs_ahead(
    store: ArtifactStore,
) -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def hang(call: ToolCall, context: ToolContext) -> ToolResult:
        started.set()
        try:
            await asyncio.sleep(30)
        finally:
            cancelled.set()
        raise AssertionError

    draft = f"# T\n\n{slot('search', query='a')}\n\n{slot('edit', img_index=0, prompt='x')}!End."
    tools = FakeTool("s", "search", [hang]), FakeTool("e", "edit")
    task = asyncio.create_task(run(store, Writer(drafts=[draft], pauses=20.0), *tools))
    await started.wait()
    before = asyncio.all_tasks()
    task.cancel()
    await asyncio.wait({task})
    assert cancelled.is_set()
    assert len(asyncio.all_tasks()) == 1 < len(before)


async def test_reasoning_without_its_opener_is_void_and_its_calls_are_cancelled(
    store: ArtifactStore,
) -> None:
    """The stream tells it, the slot that was only considered is nowhere, and none is bought twice."""
    ended: list[str] = []

    async def work(call: ToolCall, context: ToolContext) -> ToolResult:
        try:
            await asyncio.sleep(30 if call.params.model_dump()["query"] == "maybe" else 0)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        return FakeTool("s", "search").picture(call, context)

    tool = FakeTool("s", "search", [work])
    thought = f"# Plan\n\n{slot('search', 'Maybe', query='maybe')}!\n</think>\n\n"
    text = f"{thought}# T\n\n{slot('search', 'A', query='a')}!End."
    document, events = await run(store, Writer(drafts=[text]), tool)
    assert ended == ["cancelled"]
    assert document.title == "T"
    assert [figure.caption for figure in document.figures] == ["A"]
    assert [call.params.model_dump()["query"] for call in tool.calls] == ["maybe", "a"]
    (restart,) = [event for event in events if event["type"] == "restart"]
    assert "reasoning" in restart["message"]


async def test_a_repair_in_a_fence_is_taken(store: ArtifactStore) -> None:
    tool = FakeTool(
        "s", "search", [Failed("bad_params", "too vague", True), FakeTool("s", "search").picture]
    )
    payload = slot("search", "B", query="better").removeprefix("<imgen>").removesuffix("</imgen>")
    drafts = [f"# T\n\n{slot('search', query='a')}!End.", f"Here it is:\n\n```json\n{payload}\n```"]
    document, _ = await run(store, Writer(drafts=drafts), tool)
    assert [call.params.model_dump()["query"] for call in tool.calls] == ["a", "better"]
    assert [figure.caption for figure in document.figures] == ["B"]


async def test_an_edit_in_the_words_of_a_void_draft_starts_from_the_picture_of_this_one(
    store: ArtifactStore,
) -> None:
    def text(query: str) -> str:
        edit = slot("edit", "Cropped", img_index=0, prompt="crop")
        again = slot("edit", "Sepia", img_index=1, prompt="sepia")
        return f"# T\n\n{slot('search', query=query)}\n\n{edit}\n\n{again}!"

    edit = FakeTool("e", "edit")
    document, _ = await run(
        store, Writer(drafts=[text("a") + "#cut", text("b")]), FakeTool("s", "search"), edit
    )
    assert len(edit.calls) == 4, "they ended while the first draft was written, and are called anew"
    first, second, third = document.figures
    assert edit.calls[2].inputs == (first.digest,)
    assert edit.calls[3].inputs == (second.digest,)
    assert len({each.digest for each in (first, second, third)}) == 3
