"""The graph inside other graphs and agents, for many tenants at once."""

from __future__ import annotations

import asyncio
import logging
import operator
from collections.abc import Sequence
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode
from langgraph.runtime import Runtime

from llmi_agent.config.options import Options
from llmi_agent.contract.tool import Image, Produced, Provenance, ToolCall, ToolContext, ToolResult
from llmi_agent.document.model import Document
from llmi_agent.host.registry import registry_of
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel, random_png, slot
from llmi_graphs import as_tool, build_graph

DRAFT = "# T\n\n" + slot("search", "One", query="a")


def build(store: ArtifactStore, *tools: FakeTool, draft: str = DRAFT, **more: Any) -> Any:
    return build_graph(
        model=ScriptedModel(script=[draft]),
        tools=list(tools or [FakeTool("s", "search")]),
        store=store,
        secrets={},
        **more,
    )


class Shared(TypedDict):
    """A parent that shares nothing but the messages."""

    messages: Annotated[list[AnyMessage], add_messages]
    seen: Annotated[list[str], operator.add]


class Tenant(TypedDict):
    """A parent's own context schema."""

    name: str


@pytest.mark.parametrize("context", [None, {"name": "Ada"}])
async def test_as_a_node_of_a_parent_that_shares_only_messages(
    store: ArtifactStore, context: dict[str, str] | None
) -> None:
    async def look(state: Shared, runtime: Runtime[Tenant]) -> dict[str, Any]:
        return {"seen": [f"{state['messages'][-1].text}|{runtime.context}"]}

    parent = StateGraph(Shared, context_schema=Tenant if context else None)
    parent.add_node("write", build(store))
    parent.add_node("look", look)
    parent.add_edge(START, "write")
    parent.add_edge("write", "look")
    parent.add_edge("look", END)
    graph = parent.compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t"}}
    request: Any = {"messages": [HumanMessage("Write.")]}
    answer = await graph.ainvoke(request, config, context=context)  # type: ignore[arg-type]
    assert answer["seen"] == [f"# T\n\n[Figure 1: One]\n\n|{context}"]
    assert "document" not in answer


async def test_events_reach_through_a_parent(store: ArtifactStore) -> None:
    parent = StateGraph(Shared)
    parent.add_node("write", build(store))
    parent.add_edge(START, "write")
    parent.add_edge("write", END)
    request: Any = {"messages": [HumanMessage("Write.")]}
    events = [
        event
        async for namespace, event in parent.compile().astream(
            request, stream_mode="custom", subgraphs=True
        )
        if namespace
    ]
    states = [event["state"] for event in events if event["type"] == "slot"]
    assert states == ["planned", "started", "kept"]
    assert "".join(e["text"] for e in events if e["type"] == "text").startswith("# T")


async def test_the_plans_tokens_stream_and_a_repairs_do_not(store: ArtifactStore) -> None:
    from llmi_agent.contract.tool import ToolRetry

    graph = build_graph(
        model=ScriptedModel(script=[DRAFT, slot("search", "mended", query="b")]),
        tools=[FakeTool("s", "search", [ToolRetry("vague"), _picture(1)])],
        store=store,
        secrets={},
    )
    request = {"messages": [HumanMessage("Write.")]}
    tokens = ""
    async for _, (message, _) in graph.astream(request, stream_mode="messages", subgraphs=True):
        if message.type == "AIMessageChunk":
            tokens += str(message.text)
    assert tokens == DRAFT


class CallsTheTool(BaseChatModel):
    """A chat model that orders two documents at once, then speaks of them."""

    @property
    def _llm_type(self) -> str:
        return "calls-the-tool"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> ChatResult:
        done = [message for message in messages if isinstance(message, ToolMessage)]
        answer = AIMessage(f"I wrote {len(done)}.") if done else AIMessage("", tool_calls=_orders())
        return ChatResult(generations=[ChatGeneration(message=answer)])


def _orders() -> list[Any]:
    return [
        {
            "name": "write_illustrated_document",
            "args": {"prompt": f"Order {number}"},
            "id": str(number),
            "type": "tool_call",
        }
        for number in range(2)
    ]


@pytest.mark.parametrize("saver", [None, InMemorySaver()])
async def test_as_a_tool_of_a_tool_calling_agent(
    store: ArtifactStore, saver: InMemorySaver | None
) -> None:
    tool = as_tool(build(store))
    model = CallsTheTool()

    async def think(state: Shared) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    def more(state: Shared) -> str:
        last = state["messages"][-1]
        return "act" if isinstance(last, AIMessage) and last.tool_calls else END

    agent = StateGraph(Shared)
    agent.add_node("think", think)
    agent.add_node("act", ToolNode([tool]))
    agent.add_edge(START, "think")
    agent.add_conditional_edges("think", more, ["act", END])
    agent.add_edge("act", "think")
    config: Any = {"configurable": {"thread_id": "t"}}
    request: Any = {"messages": [HumanMessage("Two documents, please.")]}
    answer = await agent.compile(checkpointer=saver).ainvoke(request, config)
    orders = [message for message in answer["messages"] if isinstance(message, ToolMessage)]
    assert answer["messages"][-1].text == "I wrote 2."
    documents = [Document.model_validate(message.artifact) for message in orders]
    for message, document in zip(orders, documents, strict=True):
        id_ = f"(document id: {document.episode})"
        assert message.content == f"# T\n\n[Figure 1: One]\n\n{id_}"
    assert [document.prompt for document in documents] == ["Order 0", "Order 1"]
    assert len(documents[0].figures) == 1


def test_the_tool_works_for_sync_agents(store: ArtifactStore) -> None:
    order = {**_orders()[0], "name": "report"}
    message = as_tool(build(store), name="report").invoke(order)
    assert message.artifact["title"] == "T"


async def test_fifty_runs_of_one_graph_at_once(store: ArtifactStore) -> None:
    graph = build(store, FakeTool("s", "search", seconds=0.01))
    requests = [{"messages": [HumanMessage(str(n))]} for n in range(50)]
    answers = await asyncio.gather(*(graph.ainvoke(request) for request in requests))
    assert [answer["document"]["prompt"] for answer in answers] == [str(n) for n in range(50)]
    assert len({answer["document"]["episode"] for answer in answers}) == 50
    assert len(asyncio.all_tasks()) == 1


async def test_tenants_in_one_process_have_keys_of_their_own(store: ArtifactStore) -> None:
    used: dict[str, str] = {}

    async def remember(call: ToolCall, context: ToolContext) -> ToolResult:
        await asyncio.sleep(0.01)
        used[call.params.model_dump()["query"]] = context.secrets["KEY"]
        return _picture(1)

    def tenant(name: str) -> Any:
        return build_graph(
            model=ScriptedModel(script=["# T\n\n" + slot("search", query=name)]),
            tools=registry_of(FakeTool("s", "search", [remember], needs=("KEY",))),
            store=store,
            secrets={"KEY": f"key-of-{name}"},
        )

    request = {"messages": [HumanMessage("Write.")]}
    await asyncio.gather(*(tenant(name).ainvoke(request) for name in ("ada", "bob", "eve")))
    assert used == {name: f"key-of-{name}" for name in ("ada", "bob", "eve")}


async def test_no_checkpoint_holds_picture_bytes(
    store: ArtifactStore, caplog: pytest.LogCaptureFixture
) -> None:
    big = [random_png(1600, 1250, seed=n) for n in range(10)]

    def paint(call: ToolCall, context: ToolContext) -> ToolResult:
        return Produced((Image(big[call.slot], Provenance("s")),))

    saver = InMemorySaver()
    draft = "# T\n\n" + "\n\n".join(slot("search", query=str(n)) for n in range(10))
    graph = build(store, FakeTool("s", "search", [paint]), draft=draft, checkpointer=saver)
    config: Any = {"configurable": {"thread_id": "t"}}
    with caplog.at_level(logging.WARNING):
        answer = await graph.ainvoke({"messages": [HumanMessage("Write.")]}, config)
        await graph.aget_state(config)
    assert len(Document.model_validate(answer["document"]).figures) == 10
    checkpoint = await saver.aget_tuple(config)
    assert checkpoint is not None
    assert len(saver.serde.dumps_typed(checkpoint.checkpoint)[1]) < 200_000
    assert len(repr(saver.storage)) + len(repr(saver.blobs)) + len(repr(saver.writes)) < 1_000_000
    assert "unregistered" not in caplog.text


async def test_a_siblings_exception_cancels_the_calls_and_leaves_nothing_behind(
    store: ArtifactStore,
) -> None:
    cancelled: list[int] = []

    async def hang(call: ToolCall, context: ToolContext) -> ToolResult:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(call.slot)
            raise
        return _picture(1)

    async def broken(state: Shared) -> dict[str, Any]:
        await asyncio.sleep(0.2)
        raise ValueError("a sibling fails")

    parent = StateGraph(Shared)
    parent.add_node("write", build(store, FakeTool("s", "search", [hang])))
    parent.add_node("broken", broken)
    parent.add_edge(START, "write")
    parent.add_edge(START, "broken")
    request: Any = {"messages": [HumanMessage("Write.")]}
    with pytest.raises(ValueError, match="a sibling fails"):
        await parent.compile().ainvoke(request)
    await asyncio.sleep(0.05)
    assert cancelled == [0]
    assert len(asyncio.all_tasks()) == 1


def _picture(seed: int) -> Produced:
    return Produced((Image(random_png(seed=seed), Provenance("a fake")),))


def test_everything_is_an_argument(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "from the environment")
    tools: Sequence[FakeTool] = [FakeTool("s", "search", needs=("KEY",))]
    graph = build_graph(
        model=ScriptedModel(script=[DRAFT]),
        tools=registry_of(*tools),
        options=Options(repairs=0, fallbacks=False),
        store=store,
        secrets={},
    )
    answer = graph.invoke({"messages": [HumanMessage("Write.")]})
    assert tools[0].calls == []
    assert answer["document"]["bindings"] == {}
