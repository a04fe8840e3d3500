"""A run that was cut goes on: nothing that is on record is asked or called again."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from langchain_core.messages import BaseMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from llmi_agent.base.errors import InputError
from llmi_agent.config.options import ModelPrice, Options
from llmi_agent.contract.tool import (
    Failed,
    Image,
    Produced,
    Provenance,
    ToolCall,
    ToolContext,
    ToolResult,
    ToolRetry,
)
from llmi_agent.document.model import Document
from llmi_agent.records.codec import events_of
from llmi_agent.records.episode import EpisodeJournal
from llmi_agent.records.events import Opened
from llmi_agent.records.journal import journal_beside
from llmi_agent.records.known import Known
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel, random_png, slot
from llmi_graphs import build_graph

REQUEST = {"messages": [HumanMessage("Write.")]}


THREE = "# T\n\n" + "\n\n".join(
    [
        slot("search", "One", query="a"),
        slot("edit", "Two", img_index=0, prompt="crop"),
        slot("code", "Three", code="x"),
    ]
)


def picture(seed: int = 1) -> Produced:
    return Produced((Image(random_png(seed=seed), Provenance("a fake")),))


def build(store: ArtifactStore, model: ScriptedModel, *tools: FakeTool, **more: Any) -> Any:
    options = Options(retry_wait=0.0)
    return build_graph(
        model=model, tools=list(tools), store=store, options=options, secrets={}, **more
    )


async def cut(graph: Any, until: asyncio.Event) -> None:
    """Start a run and cancel it once `until` is set."""
    task = asyncio.create_task(graph.ainvoke(REQUEST))
    await until.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def only_episode(store: ArtifactStore) -> str:
    (episode,) = journal_beside(store).episodes()
    return episode


async def test_a_resumed_run_asks_and_calls_only_what_is_not_on_record(
    store: ArtifactStore,
) -> None:
    reached = asyncio.Event()

    async def hang(call: ToolCall, context: ToolContext) -> ToolResult:
        await asyncio.sleep(0.3)  # the draft is complete by then
        reached.set()
        await asyncio.sleep(60)
        return picture()

    search, edit = FakeTool("s", "search"), FakeTool("e", "edit", [hang])
    await cut(
        build(store, ScriptedModel(script=[THREE]), search, edit, FakeTool("c", "code")), reached
    )
    assert len(search.calls) == 1

    model, again = ScriptedModel(script=["# never asked"]), FakeTool("s", "search")
    edit, code = FakeTool("e", "edit"), FakeTool("c", "code")
    answer = await build(store, model, again, edit, code).ainvoke({"resume": only_episode(store)})
    document = Document.model_validate(answer["document"])
    assert [figure.caption for figure in document.figures] == ["One", "Two", "Three"]
    assert document.prompt == "Write."
    assert model.asked == []
    assert again.calls == []
    assert len(edit.calls) == 1
    assert edit.calls[0].inputs == (document.figures[0].digest,)


async def test_a_draft_that_was_cut_is_asked_for_again(store: ArtifactStore) -> None:
    reached = asyncio.Event()

    def answer(messages: list[BaseMessage]) -> str:
        reached.set()
        return long

    long = "# T\n\n" + "Many words. " * 200 + THREE
    slow = ScriptedModel(script=answer, pause=0.01, chunk=80)
    graph = build(store, slow, FakeTool("s", "search"))
    task = asyncio.create_task(graph.ainvoke(REQUEST))
    await reached.wait()
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    episode = only_episode(store)
    records = journal_beside(store).read(episode)
    part = Known(event for _, event in events_of(records)).text("model-0")
    assert long.startswith(part)
    assert 0 < len(part) < len(long)

    model = ScriptedModel(script=["# A new draft\n\n" + slot("search", query="b")])
    answer_ = await build(store, model, FakeTool("s", "search")).ainvoke({"resume": episode})
    assert answer_["document"]["title"] == "A new draft"
    assert len(model.asked) == 1


async def test_repairs_on_record_are_not_asked_again(store: ArtifactStore) -> None:
    reached = asyncio.Event()

    async def hang(call: ToolCall, context: ToolContext) -> ToolResult:
        reached.set()
        await asyncio.sleep(60)
        return picture()

    draft = "# T\n\n" + slot("search", query="a")
    model = ScriptedModel(script=[draft, slot("search", "Mended", query="b")])
    await cut(build(store, model, FakeTool("s", "search", [ToolRetry("vague"), hang])), reached)
    assert len(model.asked) == 2

    later, tool = ScriptedModel(script=["never"]), FakeTool("s", "search")
    answer = await build(store, later, tool).ainvoke({"resume": only_episode(store)})
    assert answer["document"]["blocks"][1]["caption"] == "Mended"
    assert answer["document"]["blocks"][1]["attempts"] == 2
    assert later.asked == []
    assert [call.attempt for call in tool.calls] == [1]


async def test_a_later_repair_is_asked_in_the_conversation_that_was_cut(
    store: ArtifactStore,
) -> None:
    reached = asyncio.Event()

    async def hang(call: ToolCall, context: ToolContext) -> ToolResult:
        reached.set()
        await asyncio.sleep(60)
        return picture()

    draft = "# T\n\n" + slot("search", query="a")
    model = ScriptedModel(script=[draft])
    await cut(build(store, model, FakeTool("s", "search", [hang])), reached)
    later = ScriptedModel(script=[slot("search", query="b")])
    tool = FakeTool("s", "search", [ToolRetry("vague"), picture()])
    await build(store, later, tool).ainvoke({"resume": only_episode(store)})
    asked = [(message.type, message.text) for message in later.asked[0]]
    assert asked[:2] == [(message.type, message.text) for message in model.asked[0]]
    assert asked[2] == ("ai", draft)


async def test_a_vendors_job_is_picked_up_by_its_id(store: ArtifactStore) -> None:
    started = asyncio.Event()
    jobs: list[str | None] = []

    async def vendor(call: ToolCall, context: ToolContext) -> ToolResult:
        jobs.append(context.job)
        if context.job:
            return picture()
        await context.record_job("prediction-7")
        started.set()
        await asyncio.sleep(60)
        return picture()

    draft = "# T\n\n" + slot("search", query="a")
    await cut(
        build(store, ScriptedModel(script=[draft]), FakeTool("s", "search", [vendor])), started
    )
    graph = build(store, ScriptedModel(script=["never"]), FakeTool("s", "search", [vendor]))
    answer = await graph.ainvoke({"resume": only_episode(store)})
    assert jobs == [None, "prediction-7"]
    assert len(Document.model_validate(answer["document"]).figures) == 1


async def test_a_finished_call_whose_picture_is_gone_runs_again(store: ArtifactStore) -> None:
    draft = "# T\n\n" + slot("search", query="a")
    first = FakeTool("s", "search")
    answer = await build(store, ScriptedModel(script=[draft]), first).ainvoke(REQUEST)
    store.path(answer["document"]["blocks"][1]["digest"]).unlink()
    again = FakeTool("s", "search")
    graph = build(store, ScriptedModel(script=["never"]), again)
    await graph.ainvoke({"resume": only_episode(store)})
    assert len(again.calls) == 1


async def test_a_failure_on_record_is_not_tried_again(store: ArtifactStore) -> None:
    draft = "# T\n\n" + slot("search", query="a")
    graph = build(
        store,
        ScriptedModel(script=[draft, "SKIP"]),
        FakeTool("s", "search", [Failed("refused", "no")]),
    )
    one = await graph.ainvoke(REQUEST)
    again = FakeTool("s", "search")
    graph = build(store, ScriptedModel(script=["never"]), again)
    two = await graph.ainvoke({"resume": only_episode(store)})
    assert again.calls == []
    assert one["document"]["blocks"] == two["document"]["blocks"]


async def test_an_edit_resumes_from_a_checkpoint_in_which_its_source_had_finished(
    store: ArtifactStore,
) -> None:
    reached = asyncio.Event()

    async def hang(call: ToolCall, context: ToolContext) -> ToolResult:
        reached.set()
        await asyncio.sleep(60)
        return picture()

    saver = InMemorySaver()
    config: Any = {"configurable": {"thread_id": "t"}}
    draft = (
        "# T\n\n" + slot("search", query="a") + "\n\n" + slot("edit", img_index=0, prompt="crop")
    )
    graph = build(
        store,
        ScriptedModel(script=[draft]),
        FakeTool("s", "search"),
        FakeTool("e", "edit", [hang]),
        checkpointer=saver,
    )
    task = asyncio.create_task(graph.ainvoke(REQUEST, config))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    search, edit, model = (
        FakeTool("s", "search"),
        FakeTool("e", "edit"),
        ScriptedModel(script=["x"]),
    )
    graph = build(store, model, search, edit, checkpointer=saver)
    answer = await asyncio.wait_for(graph.ainvoke(None, config), 10)
    assert len(Document.model_validate(answer["document"]).figures) == 2
    assert (search.calls, model.asked) == ([], [])
    assert len(edit.calls) == 1


async def test_an_unknown_run_is_said_to_be_unknown(store: ArtifactStore) -> None:
    graph = build(store, ScriptedModel(script=["x"]), FakeTool("s", "search"))
    with pytest.raises(InputError, match="there is no run feed"):
        await graph.ainvoke({"resume": "feed"})


async def test_the_journal_holds_no_bytes_and_no_secret(store: ArtifactStore) -> None:
    def leak(call: ToolCall, context: ToolContext) -> ToolResult:
        raise RuntimeError(f"bad key {context.secrets['A_KEY']}")

    graph = build_graph(
        model=ScriptedModel(
            script=["# T\n\n" + slot("search", query="a") + slot("code", code="x")]
        ),
        tools=[FakeTool("s", "search", [leak], needs=("A_KEY",)), FakeTool("c", "code")],
        store=store,
        options=Options(repairs=0),
        secrets={"A_KEY": "sk-canary-0123456789"},
    )
    await graph.ainvoke(REQUEST)
    journal = journal_beside(store)
    written = json.dumps([record.data for record in journal.read(only_episode(store))])
    assert "canary" not in written
    assert len(written) < 12_000


def test_episodes_are_found_by_the_start_of_their_id(store: ArtifactStore) -> None:
    journal = journal_beside(store)
    for episode in ("aa11", "aa22", "bb33"):
        own = EpisodeJournal(journal, store, episode)
        own.say(Opened(prompt=episode))
        own.flush()
    assert journal.episodes() == ["bb33", "aa22", "aa11"]
    assert journal.episodes("aa") == ["aa22", "aa11"]
    assert journal.episodes("%") == []
    journal.close()
    assert journal.episodes("bb") == ["bb33"]


EDITED = "# T\n\n" + slot("search", "One", query="a") + slot("edit", "Two", img_index=0, prompt="b")


async def test_an_edit_is_made_again_once_its_source_is_another_picture(
    store: ArtifactStore,
) -> None:
    edit = FakeTool("e", "edit")
    graph = build(store, ScriptedModel(script=[EDITED]), FakeTool("s", "search"), edit)
    first, _ = Document.model_validate((await graph.ainvoke(REQUEST))["document"]).figures
    store.path(first.digest).unlink()
    search, again = FakeTool("s", "search", [picture(7)]), FakeTool("e", "edit")
    graph = build(store, ScriptedModel(script=["never"]), search, again)
    answer = await graph.ainvoke({"resume": only_episode(store)})
    source, _ = Document.model_validate(answer["document"]).figures
    assert source.digest != first.digest
    assert [call.inputs for call in again.calls] == [(source.digest,)]
    await graph.ainvoke({"resume": only_episode(store)})
    assert len(again.calls) == 1


async def test_an_edit_of_a_picture_that_there_was_no_money_for_is_made_when_there_is(
    store: ArtifactStore,
) -> None:
    def of(budget: float, edit: FakeTool) -> Any:
        return build_graph(
            model=ScriptedModel(script=[EDITED]),
            tools=[FakeTool("s", "search", usd=0.1), edit],
            options=Options(
                budget=budget, prices={"ScriptedModel": ModelPrice(input=0, output=0), "e": 0.0}
            ),
            store=store,
            secrets={},
        )

    poor = await of(0.05, FakeTool("e", "edit")).ainvoke(REQUEST)
    assert [each["reason"] for each in poor["document"]["blocks"][1:]] == ["budget", "budget"]
    edit = FakeTool("e", "edit")
    rich = await of(5.0, edit).ainvoke({"resume": only_episode(store)})
    assert len(Document.model_validate(rich["document"]).figures) == 2
    assert len(edit.calls) == 1
