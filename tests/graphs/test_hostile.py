"""Tools, hooks and callers that break the rules: the document comes all the same, and the run ends."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages

from llmi_agent.base import background
from llmi_agent.base.errors import InputError, LlmiError
from llmi_agent.config.options import Options
from llmi_agent.contract.hooks import hookimpl
from llmi_agent.contract.spec import ToolSpec
from llmi_agent.contract.tool import (
    Failed,
    Image,
    Produced,
    Provenance,
    ToolCall,
    ToolContext,
    ToolFailed,
    ToolResult,
    ToolRetry,
)
from llmi_agent.document.model import Document
from llmi_agent.host.registry import registry_of
from llmi_agent.records.episode import EpisodeJournal
from llmi_agent.records.journal import journal_beside
from llmi_agent.records.outcome import Kept
from llmi_agent.run import tasks
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel, random_png, slot
from llmi_graphs import as_tool, build_graph

REQUEST: Any = {"messages": [HumanMessage("Write.")]}
QUICK = Options(retry_wait=0.0, retries=0, repairs=0)


def picture(seed: int = 1, **fields: Any) -> Produced:
    return Produced((Image(random_png(seed=seed), Provenance("a fake")),), **fields)


async def write(
    store: ArtifactStore,
    script: Any,
    *tools: FakeTool,
    options: Options = QUICK,
    hooks: Sequence[object] = (),
    **config: Any,
) -> Document:
    graph = build_graph(
        model=ScriptedModel(script=script),
        tools=registry_of(*tools, hooks=hooks),
        options=options,
        store=store,
        secrets={},
    )
    answer = await asyncio.wait_for(graph.ainvoke(REQUEST, config or None), 20)
    return Document.model_validate(answer["document"])


@pytest.mark.parametrize(
    "answer",
    [
        Failed("not_found", "x"),  # type: ignore[arg-type]
        ToolFailed("x", "not_found"),  # type: ignore[arg-type]
        Failed("refused", 7),  # type: ignore[arg-type]
        picture(usd="a lot"),
        picture(note=3),
        Produced((Image(random_png(), Provenance("x", title=5)),)),  # type: ignore[arg-type]
        Produced((Image(random_png(), Provenance(None)),)),  # type: ignore[arg-type]
        Produced((Image("text", Provenance("x")),)),  # type: ignore[arg-type]
        Produced((Image(random_png(), None),)),  # type: ignore[arg-type]
        GeneratorExit(),
        KeyboardInterrupt(),
    ],
)
async def test_an_answer_that_breaks_the_contract_is_a_failed_call(
    store: ArtifactStore, answer: Any
) -> None:
    text = "# T\n\n" + slot("search", query="a") + slot("code", code="x")
    document = await write(store, [text], FakeTool("s", "search", [answer]), FakeTool("c", "code"))
    assert len(document.figures) == 1
    assert document.missing[0].reason in ("bad_output", "crashed")


async def test_lone_surrogates_of_a_tool_do_not_reach_the_document(store: ArtifactStore) -> None:
    odd = Produced((Image(random_png(), Provenance("x", title="a \ud800")),), note="b \udfff")
    document = await write(
        store, ["# T\n\n" + slot("search", query="a")], FakeTool("s", "search", [odd])
    )
    assert document.figures[0].note == "b ?"
    assert document.model_dump_json()


async def test_a_run_may_have_a_name_of_its_own(store: ArtifactStore) -> None:
    document = await write(
        store,
        ["# T\n\n" + slot("search", query="a")],
        FakeTool("s", "search"),
        run_name="my report",
    )
    assert len(document.figures) == 1


async def test_a_low_recursion_limit_of_the_caller_does_not_cut_a_slots_rounds(
    store: ArtifactStore,
) -> None:
    script = [
        "# T\n\n" + slot("code", code="0"),
        *(slot("code", code=str(n)) for n in range(1, 12)),
    ]
    tool = FakeTool("c", "code", [*[ToolRetry("no")] * 10, picture()], executes_code=True)
    options = Options(debug_rounds=12)
    document = await write(store, script, tool, options=options, recursion_limit=10)
    assert document.figures[0].attempts == 11


async def test_a_stand_in_whose_repair_is_garbage_leaves_the_slot_missing(
    store: ArtifactStore,
) -> None:
    script = ["# T\n\n" + slot("search", query="a"), "<imgen>{garbage</imgen>"]
    tools = [
        FakeTool("s", "search", [Failed("unavailable", "down")]),
        FakeTool("d", "diffusion", [ToolRetry("no")]),
    ]
    document = await write(store, script, *tools, options=Options(repairs=2))
    assert document.missing[0].message.startswith("down; diffusion in its place: ")


async def test_a_note_is_only_said_of_a_stand_in(store: ArtifactStore) -> None:
    tools = [
        FakeTool("s", "search", [Failed("unavailable", "down"), picture(2)]),
        FakeTool("d", "diffusion", [ToolRetry("no")]),
    ]
    script = ["# T\n\n" + slot("search", query="a"), slot("search", "Found", query="b")]
    document = await write(store, script, *tools, options=Options(repairs=2))
    (figure,) = document.figures
    assert (figure.kind, figure.tool, figure.note) == ("search", "s", "")


async def test_a_repair_that_changes_the_kind_asks_for_that_kind(store: ArtifactStore) -> None:
    tools = [FakeTool("c", "code", [ToolRetry("no")]), FakeTool("s", "search")]
    script = ["# T\n\n" + slot("code", code="a"), slot("search", "", query="b")]
    document = await write(store, script, *tools, options=Options(repairs=1))
    (figure,) = document.figures
    assert (figure.kind, figure.tool, figure.caption) == ("search", "s", "a title")


async def test_nothing_stands_in_for_what_was_refused(store: ArtifactStore) -> None:
    class Veto:
        @hookimpl
        def llmi_before_call(self, call: ToolCall) -> ToolResult | None:
            return Failed("refused", "vetoed") if call.kind == "search" else None

    painter = FakeTool("d", "diffusion")
    text = "# T\n\n" + slot("search", query="a")
    document = await write(store, [text, "SKIP"], FakeTool("s", "search"), painter, hooks=[Veto()])
    assert document.missing[0].message == "vetoed"
    assert painter.calls == []


async def test_a_hook_that_fails_after_the_fact_undoes_nothing(
    store: ArtifactStore, caplog: pytest.LogCaptureFixture
) -> None:
    class Ledger:
        @hookimpl
        async def llmi_after_call(self, call: ToolCall) -> None:
            raise ValueError("ledger is down")

        @hookimpl
        def llmi_after_model(self) -> None:
            raise ValueError("trace is down")

    tool = FakeTool("c", "code", executes_code=True)
    document = await write(store, ["# T\n\n" + slot("code", code="x")], tool, hooks=[Ledger()])
    assert len(document.figures) == 1
    assert len(tool.calls) == 1
    assert caplog.text.count("is down") == 2


@pytest.mark.parametrize("how", ["raises", "hangs"])
async def test_a_hook_that_fails_before_the_call_is_not_asked_past(
    store: ArtifactStore, how: str
) -> None:
    class Approval:
        @hookimpl
        async def llmi_before_call(self) -> None:
            if how == "hangs":
                await asyncio.sleep(60)
            raise ValueError("approval is down")

    tool = FakeTool("s", "search")
    options = Options(call_timeout=0.2, retries=0, repairs=0)
    text = "# T\n\n" + slot("search", query="a")
    document = await write(store, [text], tool, options=options, hooks=[Approval()])
    assert tool.calls == []
    assert "llmi_before_call hook failed" in document.missing[0].message


async def test_a_hooks_time_is_not_the_tools(store: ArtifactStore) -> None:
    left: list[float] = []

    class Slow:
        @hookimpl
        async def llmi_before_call(self) -> None:
            await asyncio.sleep(0.2)

    def look(call: ToolCall, context: ToolContext) -> ToolResult:
        left.append(context.deadline - asyncio.get_running_loop().time())
        return picture()

    options = Options(call_timeout=0.5, retries=0)
    text = "# T\n\n" + slot("search", query="a")
    await write(store, [text], FakeTool("s", "search", [look]), options=options, hooks=[Slow()])
    assert left[0] > 0.4


@pytest.mark.parametrize("how", ["ignores its timeout", "hangs at the end", "quits at the end"])
async def test_a_tool_that_will_not_end_does_not_keep_the_run(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(tasks, "GRACE", 0.1)
    stop = asyncio.Event()

    async def stubborn(call: ToolCall, context: ToolContext) -> ToolResult:
        while not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), 60)
            except asyncio.CancelledError:
                continue
        return picture()

    async def at_the_end(call: ToolCall, context: ToolContext) -> ToolResult:
        async def close() -> None:
            if how == "quits at the end":
                raise SystemExit(3)
            await asyncio.sleep(60)

        context.scope.push_async_callback(close)
        return picture()

    answer = stubborn if how == "ignores its timeout" else at_the_end
    options = Options(call_timeout=0.1, retries=0, repairs=0)
    text = "# T\n\n" + slot("search", query="a") + slot("code", code="x")
    tools = [FakeTool("s", "search", [answer]), FakeTool("c", "code")]
    document = await write(store, [text], *tools, options=options)
    assert len(document.figures) == (1 if how == "ignores its timeout" else 2)
    journal = journal_beside(store)
    for episode in journal.episodes():
        with journal.hold(episode):  # nobody else does any more
            pass
    stop.set()
    await asyncio.sleep(0.05)


async def test_a_stray_that_starts_another_is_ended_too(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "GRACE", 0.2)

    async def respawn(rounds: int) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if rounds:
                asyncio.get_running_loop().create_task(respawn(rounds - 1))
            raise

    async def leak(call: ToolCall, context: ToolContext) -> ToolResult:
        asyncio.get_running_loop().create_task(respawn(1))
        await asyncio.sleep(0)
        return picture()

    text = "# T\n\n" + slot("search", query="a")
    await write(store, [text], FakeTool("s", "search", [leak]))
    assert len(asyncio.all_tasks()) == 1


async def test_a_live_tool_is_its_owners_to_close(store: ArtifactStore) -> None:
    class Client(FakeTool):
        closed = False

        async def aclose(self) -> None:
            self.closed = True

    tool = Client("s", "search")
    await write(store, ["# T\n\n" + slot("search", query="a")], tool)
    assert not tool.closed


async def test_a_tool_of_a_spec_is_closed_with_the_run(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []

    class Client:
        def __init__(self) -> None:
            self.closed = False
            made.append(self)

        async def run(self, call: ToolCall, context: ToolContext) -> ToolResult:
            return picture(call.slot)

        async def aclose(self) -> None:
            self.closed = True

    module = types.ModuleType("closing_tools")
    module.Client = Client  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "closing_tools", module)
    spec = ToolSpec(name="s", kind="search", description="d", load="closing_tools:Client")
    text = "# T\n\n" + slot("search", query="a") + slot("search", query="b")
    graph = build_graph(
        model=ScriptedModel(script=[text]), tools=registry_of(spec), store=store, secrets={}
    )
    await graph.ainvoke(REQUEST)
    assert [client.closed for client in made] == [True]


async def test_two_resumes_of_one_episode_do_not_share_a_session(store: ArtifactStore) -> None:
    started = asyncio.Event()

    async def hang(call: ToolCall, context: ToolContext) -> ToolResult:
        started.set()
        await asyncio.sleep(60)
        return picture()

    graph = build_graph(
        model=ScriptedModel(script=["# T\n\n" + slot("search", query="a")]),
        tools=[FakeTool("s", "search", [hang])],
        store=store,
        options=QUICK,
        secrets={},
    )
    first = asyncio.create_task(graph.ainvoke(REQUEST))
    await started.wait()
    (episode,) = journal_beside(store).episodes()
    with pytest.raises(InputError, match="still going on"):
        await graph.ainvoke({"resume": episode})
    assert not first.done()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    kinds = [record.kind for record in journal_beside(store).read(episode)]
    assert "verdict" not in kinds


async def test_a_verdict_holds_only_while_its_picture_is_there(store: ArtifactStore) -> None:
    text = "# T\n\n" + slot("search", query="a") + slot("edit", img_index=0, prompt="crop")

    def build(search: FakeTool, edit: FakeTool) -> Any:
        return build_graph(
            model=ScriptedModel(script=[text]), tools=[search, edit], store=store, secrets={}
        )

    first = await build(FakeTool("s", "search"), FakeTool("e", "edit")).ainvoke(REQUEST)
    episode = first["document"]["episode"]
    search, edit = FakeTool("s2", "search"), FakeTool("e", "edit")
    again = await build(search, edit).ainvoke({"resume": episode})
    assert (search.calls, edit.calls) == ([], [])
    assert again["document"]["blocks"] == first["document"]["blocks"]

    for figure in Document.model_validate(first["document"]).figures:
        store.path(figure.digest).unlink()
    search, edit = FakeTool("s2", "search"), FakeTool("e", "edit")
    last = await build(search, edit).ainvoke({"resume": episode})
    figures = Document.model_validate(last["document"]).figures
    assert len(search.calls) == 1
    assert edit.calls[0].inputs == (figures[0].digest,)


async def test_an_edit_whose_source_is_on_no_record_is_missing_and_does_not_wait(
    store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmi_agent.run.session.ENTRY_SECONDS", 0.2)
    reached = asyncio.Event()

    async def hang(call: ToolCall, context: ToolContext) -> ToolResult:
        await asyncio.sleep(0.3)  # the draft is complete by then
        reached.set()
        await asyncio.sleep(60)
        return picture()

    saver = InMemorySaver()
    text = "# T\n\n" + slot("search", query="a") + slot("edit", img_index=0, prompt="crop")

    def build(where: ArtifactStore, edit: FakeTool) -> Any:
        return build_graph(
            model=ScriptedModel(script=[text]),
            tools=[FakeTool("s", "search"), edit],
            store=where,
            options=QUICK,
            secrets={},
            checkpointer=saver,
        )

    config: Any = {"configurable": {"thread_id": "t"}}
    task = asyncio.create_task(build(store, FakeTool("e", "edit", [hang])).ainvoke(REQUEST, config))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    elsewhere = build(ArtifactStore(tmp_path / "another"), FakeTool("e", "edit"))
    answer = await asyncio.wait_for(elsewhere.ainvoke(None, config), 10)
    (missing,) = Document.model_validate(answer["document"]).missing
    assert "nothing is on record" in missing.message


class Shared(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


async def test_a_parent_keeps_its_pictures_and_its_second_turn_knows_the_first(
    store: ArtifactStore,
) -> None:
    import base64

    def answer(messages: list[BaseMessage]) -> str:
        if "blue" in messages[-1].text:
            return "# Blue\n\n" + slot("edit", img_index=1, prompt="make it blue")
        return "# T\n\n" + slot("search", "One", query="a")

    edit = FakeTool("e", "edit")
    parent = StateGraph(Shared)
    parent.add_node(
        "write",
        build_graph(
            model=ScriptedModel(script=answer),
            tools=[FakeTool("s", "search"), edit],
            store=store,
            secrets={},
        ),
    )
    parent.add_edge(START, "write")
    graph = parent.compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t"}}
    encoded = base64.b64encode(random_png(seed=4)).decode()
    block = {"type": "image", "base64": encoded, "mime_type": "image/png"}
    first: Any = {"messages": [HumanMessage([{"type": "text", "text": "Write."}, block])]}
    one = await graph.ainvoke(first, config)
    assert one["messages"][0].content[1] == block
    digest = one["messages"][1].additional_kwargs["llmi"]["figures"][0]["digest"]
    second: Any = {"messages": [HumanMessage([{"type": "text", "text": "Make it blue."}, block])]}
    await graph.ainvoke(second, config)
    assert edit.calls[0].inputs == (digest,)


async def test_a_licence_survives_a_second_turn_in_a_parent(store: ArtifactStore) -> None:
    photo = Provenance(
        "an archive", creator="Ada", licence="CC-BY-4.0", attribution="Ada, CC BY 4.0"
    )
    found = Produced((Image(random_png(), photo),))
    script = ["# T\n\n" + slot("search", "A cat [MW]", query="a"),
              "# B\n\n" + slot("edit", img_index=0, prompt="blue")]  # fmt: skip
    model = ScriptedModel(script=script)
    tools = [FakeTool("s", "search", [found]), FakeTool("e", "edit")]
    parent = StateGraph(Shared)
    parent.add_node("write", build_graph(model=model, tools=tools, store=store, secrets={}))
    parent.add_edge(START, "write")
    graph = parent.compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t"}}
    await graph.ainvoke(REQUEST, config)
    await graph.ainvoke({"messages": [HumanMessage("Blue.")]}, config)
    assert "Figure 1: A cat [MW] (in the last document)" in model.asked[1][-1].text
    journal = journal_beside(store)
    known = EpisodeJournal(journal, store, journal.episodes()[0]).known
    (settled,) = known.settled.values()
    assert isinstance(settled.verdict, Kept)
    assert settled.verdict.provenance.attribution == "Ada, CC BY 4.0"


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "url": "http://127.0.0.1/a.png"},
        {"type": "image", "url": "artifact:" + "0" * 64},
        {"type": "image", "base64": "###"},
    ],
)
async def test_a_picture_that_cannot_be_taken_is_said(
    store: ArtifactStore, block: dict[str, Any]
) -> None:
    graph = build_graph(model=ScriptedModel(script=["x"]), tools=[FakeTool("s", "search")],
                        store=store, secrets={})  # fmt: skip
    with pytest.raises(InputError, match="a picture"):
        await graph.ainvoke({"messages": [HumanMessage([{"type": "text", "text": "x"}, block])]})


async def test_a_failed_turn_does_not_lose_the_last_document(store: ArtifactStore) -> None:
    turns = iter(["# T\n\n" + slot("search", "One", query="a"), "",
                  "# B\n\n" + slot("edit", img_index=0, prompt="blue")])  # fmt: skip

    def answer(messages: list[BaseMessage]) -> str:
        if text := next(turns):
            return text
        raise RuntimeError("down")

    edit = FakeTool("e", "edit")
    graph = build_graph(
        model=ScriptedModel(script=answer),
        tools=[FakeTool("s", "search"), edit],
        store=store,
        secrets={},
        checkpointer=InMemorySaver(),
    )
    config: Any = {"configurable": {"thread_id": "t"}}
    one = await graph.ainvoke(REQUEST, config)
    with pytest.raises(LlmiError, match="down"):
        await graph.ainvoke({"messages": [HumanMessage("Again.")]}, config)
    await graph.ainvoke({"messages": [HumanMessage("Make it blue.")]}, config)
    assert edit.calls[0].inputs == (one["document"]["blocks"][1]["digest"],)


async def test_as_a_tool_errors_are_told_to_the_model(store: ArtifactStore) -> None:
    graph = build_graph(
        model=ScriptedModel(script=[" "]), tools=[FakeTool("s", "search")], store=store, secrets={}
    )
    order = {"name": "t", "args": {"prompt": "x"}, "id": "1", "type": "tool_call"}
    message = await as_tool(graph, name="t").ainvoke(order)
    assert message.status == "error"
    assert "empty draft" in message.content


def test_many_threads_share_one_background_loop(store: ArtifactStore) -> None:
    graph = build_graph(
        model=ScriptedModel(script=["# T\n\n" + slot("search", query="a")]),
        tools=[FakeTool("s", "search", seconds=0.01)],
        store=store,
        secrets={},
    )
    found: list[Any] = []
    background._renew()
    threads = [
        threading.Thread(target=lambda: found.append(graph.invoke(REQUEST)["document"]["title"]))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found == ["T"] * 16


def test_the_background_loop_survives_a_tool_that_quits(store: ArtifactStore) -> None:
    async def quit_later(call: ToolCall, context: ToolContext) -> ToolResult:
        async def quit_() -> None:
            raise SystemExit(1)

        asyncio.get_running_loop().create_task(quit_())
        await asyncio.sleep(0.05)
        return picture()

    graph = build_graph(
        model=ScriptedModel(script=["# T\n\n" + slot("search", query="a")]),
        tools=[FakeTool("s", "search", [quit_later])],
        store=store,
        secrets={},
    )
    for _ in range(2):
        assert graph.invoke(REQUEST)["document"]["title"] == "T"


async def test_a_sync_call_on_the_background_loop_says_so() -> None:
    async def nested() -> str:
        async def never() -> None:
            raise AssertionError

        background.run(never())
        return "waited"

    with pytest.raises(RuntimeError, match="use ainvoke"):
        await asyncio.to_thread(background.run, nested())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_has_a_background_loop_of_its_own(store: ArtifactStore) -> None:
    async def one() -> int:
        return 1

    assert background.run(one()) == 1
    pid = os.fork()
    if pid == 0:
        os._exit(0 if background.run(one()) == 1 else 1)
    assert os.waitpid(pid, 0)[1] == 0


def test_a_message_of_ours_has_paragraphs(store: ArtifactStore) -> None:
    graph = build_graph(
        model=ScriptedModel(
            script=["# T\n\nOne.\n\n" + slot("search", "Cap", query="a") + "\n\nTwo."]
        ),
        tools=[FakeTool("s", "search")],
        store=store,
        secrets={},
    )
    message = graph.invoke(REQUEST)["messages"][-1]
    assert isinstance(message, AIMessage)
    assert message.text == "# T\n\nOne.\n\n[Figure 1: Cap]\n\nTwo.\n\n"
