"""The graph: START -> open -> plan -> (a slot subgraph per slot) -> compose -> END."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, get_args

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer, Command

from llmi_agent.base.errors import ConfigError
from llmi_agent.config.options import Options
from llmi_agent.contract.spec import ToolSpec
from llmi_agent.document.messages import Images
from llmi_agent.host.registry import LiveTool, Registry, discover, registry_of
from llmi_agent.models.resolve import resolve_models
from llmi_agent.records.journal import journal_beside
from llmi_agent.run.ask import Policy
from llmi_agent.run.sessions import Sessions
from llmi_agent.run.toolkit import Toolkit
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.home import default_store
from llmi_graphs.interleave.compose import compose
from llmi_graphs.interleave.observe import observe
from llmi_graphs.interleave.open import open_
from llmi_graphs.interleave.plan import plan, slots_of
from llmi_graphs.interleave.repair import repair
from llmi_graphs.interleave.state import Answer, Request, SlotAnswer, SlotState, State
from llmi_graphs.interleave.tool import tool
from llmi_graphs.machine import Machine
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
    images: Images = "text",
    pictures_at: str = "",
    paths: bool = True,
    checkpointer: Checkpointer = None,
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """The compiled graph. Everything is an argument, so one process can serve many tenants.

    model: a chat model, or the name of one that an installed policy answers ("offline", "openai/gpt-5"); by default
        the policy that needs no key.
    fallback: models that write in its place when it fails, in this order.
    api_base: the address of an OpenAI-compatible server that serves the model.
    tools: a registry, or specs and live tools; by default every installed plugin.
    use: which tool serves a kind, by name, where the default order is not wanted.
    secrets: keys by name; by default the environment.
    environment: whether models may use the process's own credentials (a cloud account, a login); by default only where
        `secrets` is left out or is the environment, since they are perhaps not this tenant's.
    options: `llmi_agent.config.options.Options`.
    settings: each tool's own settings, by the tool's name.
    store: where pictures, attachments and the journal are kept; by default the user's.
    images: the final message is plain text with a line for each figure ("text"), or standard content blocks that hold the pictures
        ("inline") or their addresses ("url").
    pictures_at: the address below which you serve the store's pictures by their digest; events name it, too.
    paths: whether a request may name files by their paths as text; False if requests come from clients of yours. Under a
        LangGraph server it never may. `pathlib.Path` objects, which no client can send, are always taken.
    checkpointer: any LangGraph checkpointer; with one, a thread's next turn knows the last document.

    Run it with `{"messages": [HumanMessage(...)], "attachments": [...]}`; it answers with `document`
    (`llmi_agent.Document` as a dict) and a final AI message. Raises ConfigError or UnavailableError if a
    tool named in `use` does not exist or lacks its key.
    """
    _check_images(images, pictures_at)
    toolkit = _toolkit(tools, use, secrets, options, settings, store)
    own = True if environment is None and secrets is None else environment
    policy = _policy(toolkit, model, fallback, own, api_base)
    machine = Machine(toolkit, policy, Sessions(), images, pictures_at, paths)
    graph = StateGraph(State, input_schema=Request, output_schema=Answer)
    graph.add_node("open", Node(partial(open_, machine)))
    graph.add_node("plan", Node(partial(plan, machine)))
    graph.add_node("slot", Unlimited(_slot_graph(machine)))
    graph.add_node("compose", Node(partial(compose, machine)))
    graph.add_edge(START, "open")
    graph.add_edge("open", "plan")
    graph.add_conditional_edges("plan", partial(slots_of, machine), ["slot", "compose"])
    graph.add_edge("slot", "compose")
    graph.add_edge("compose", END)
    compiled = graph.compile(checkpointer=checkpointer, name=NAME)
    return compiled.with_config(callbacks=[machine.sessions])


def _check_images(images: str, pictures_at: str) -> None:
    if images not in get_args(Images):
        known = ", ".join(map(repr, get_args(Images)))
        raise ConfigError(f"images cannot be {images!r}; known: {known}")
    if images == "url" and not pictures_at:
        raise ConfigError(
            'images="url" needs pictures_at, the address below which you serve the pictures'
        )


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


def _toolkit(
    tools: Registry | Sequence[ToolSpec | LiveTool] | None,
    use: Mapping[str, str] | None,
    secrets: Mapping[str, str] | None,
    options: Options | None,
    settings: Mapping[str, Mapping[str, Any]] | None,
    store: ArtifactStore | None,
) -> Toolkit:
    registry = _registry(tools)
    secrets = dict(os.environ) if secrets is None else dict(secrets)
    store = store or default_store()
    return Toolkit(
        registry=registry,
        bindings=registry.bind(use or {}, secrets),
        store=store,
        journal=journal_beside(store),
        options=options or Options(),
        settings=settings or {},
        secrets=secrets,
    )


def _policy(
    toolkit: Toolkit,
    model: str | BaseChatModel | None,
    fallback: Sequence[str | BaseChatModel],
    environment: bool | None,
    api_base: str | None,
) -> Policy:
    models = resolve_models(
        model,
        fallback,
        policies=toolkit.registry.policies,
        store=toolkit.store,
        kinds=toolkit.kinds,
        options=toolkit.options,
        secrets=toolkit.secrets,
        environment=environment,
        api_base=api_base,
    )
    return Policy(
        models,
        toolkit.registry.host,
        toolkit.store,
        toolkit.options,
        toolkit.limits,
        toolkit.redactor,
    )


def _registry(tools: Registry | Sequence[ToolSpec | LiveTool] | None) -> Registry:
    if tools is None:
        return discover()
    return tools if isinstance(tools, Registry) else registry_of(*tools)
