"""The graph: START -> open -> plan -> (a slot subgraph per slot) -> compose -> END."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer, Command

from llmi_agent.config.options import Options, Recording
from llmi_agent.contract.spec import ToolSpec
from llmi_agent.document.messages import Images
from llmi_agent.host.registry import LiveTool, Registry
from llmi_agent.store.artifacts import ArtifactStore
from llmi_graphs.interleave.compose import compose
from llmi_graphs.interleave.observe import observe
from llmi_graphs.interleave.open import open_
from llmi_graphs.interleave.plan import plan, slots_of
from llmi_graphs.interleave.repair import repair
from llmi_graphs.interleave.state import Answer, Request, SlotAnswer, SlotState, State
from llmi_graphs.interleave.tool import tool
from llmi_graphs.machine import Machine, assemble
from llmi_graphs.node import Node, Unlimited, Verb

NAME = "llmi-interleave"


def build_graph(
    *,
    model: str | BaseChatModel | None = None,
    fallback: Sequence[str | BaseChatModel] = (),
    api_base: str | None = None,
    tools: Registry | Sequence[ToolSpec | LiveTool] | None = None,
    use: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    environment: bool | None = None,
    options: Options | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    store: ArtifactStore | None = None,
    record: Recording | None = None,
    images: Images = "text",
    pictures_at: str = "",
    paths: bool = True,
    checkpointer: Checkpointer = None,
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """The compiled graph. Everything is an argument, so one process can serve many tenants.

    The arguments are those of `assemble`, which says what each is, and
    checkpointer: any LangGraph checkpointer; with one, a thread's next turn knows the last document.

    Run it with `{"messages": [HumanMessage(...)], "attachments": [...]}`; it answers with `document`
    (`llmi_agent.Document` as a dict) and a final AI message. Raises ConfigError or UnavailableError if a
    tool or a model that is named does not exist or lacks its key.
    """
    machine = assemble(
        model=model,
        fallback=fallback,
        api_base=api_base,
        tools=tools,
        use=use,
        secrets=secrets,
        environment=environment,
        options=options,
        settings=settings,
        store=store,
        record=record,
        images=images,
        pictures_at=pictures_at,
        paths=paths,
    )
    return interleave(machine, checkpointer)


def interleave(
    machine: Machine, checkpointer: Checkpointer = None
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """The graph of interleaved documents on this machine."""
    graph = StateGraph(State, input_schema=Request, output_schema=Answer)
    graph.add_node("open", Node(partial(open_, machine)))
    graph.add_node("plan", Node(partial(plan, machine)))
    graph.add_node("slot", Unlimited(_slot_graph(machine)))
    graph.add_node("compose", Node(partial(compose, machine)))
    graph.add_edge(START, "open")
    graph.add_edge("open", "plan")
    graph.add_conditional_edges("plan", Node(partial(slots_of, machine)), ["slot", "compose"])
    graph.add_edge("slot", "compose")
    graph.add_edge("compose", END)
    compiled = graph.compile(checkpointer=checkpointer, name=NAME)
    return compiled.with_config(callbacks=[machine.sessions])


def _slot_graph(machine: Machine) -> CompiledStateGraph[Any, Any, Any, Any]:
    """tool -> observe -> (repair -> tool). A graph of its own, since LangGraph's supersteps are barriers:

    one slot's repair must not wait for the others.
    """
    graph = StateGraph(SlotState, output_schema=SlotAnswer)
    for name, (verb, ways) in _TURN.items():
        node = Node(partial(_take_turn, partial(verb, machine)))
        graph.add_node(name, node, destinations=ways)
    graph.add_edge(START, "tool")
    return graph.compile(name="llmi-slot")


_TURN: Mapping[str, tuple[Any, tuple[str, ...]]] = {
    "tool": (tool, ("observe", END)),
    "observe": (observe, ("tool", "repair", END)),
    "repair": (repair, ("tool", "observe")),
}
"""The verbs of a slot, and where each may lead."""


async def _take_turn(verb: Verb, state: SlotState, config: RunnableConfig) -> Command[str]:
    """What the verb changes, merged into the turn; `results` is the document's.

    A command rather than conditional edges, which LangGraph runs as tasks of their own.
    """
    update = await verb(state["turn"], config)
    turn = {**state["turn"], **update}
    results = turn.pop("results", {})
    return Command(
        update={"turn": turn, **({"results": results} if results else {})}, goto=turn["next"]
    )
