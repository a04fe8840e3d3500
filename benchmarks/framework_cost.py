"""What LLMI adds to a document: our graph against a bare LangGraph graph of the same topology.

Workload: a draft of five slots whose tools answer at once with a 16 x 16 picture, an in-memory checkpointer, one
document after the other. The baseline has the same nodes (open, plan, a subgraph of tool and observe per slot,
compose), streams the same model and reads the draft with `re` and `json`; it keeps the pictures' bytes in a dict and
has no sessions, no time limits, no picture intake, no artifact files, no journal, no provenance, no document model.

Bar: <= 1.8x the baseline. Prints medians of interleaved runs, in one process.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import operator
import re
import statistics
import sys
import tempfile
import time
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Send

from llmi_agent.contract.tool import Image, Produced, Provenance
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel, random_png
from llmi_graphs import build_graph

BAR = 1.8
ROUNDS = 60
PICTURE = random_png(16, 16)


def slot(number: int) -> str:
    params = {"query": f"picture {number}"}
    payload = {"source": "search", "description": f"Picture {number}", "params": params}
    return f"<imgen>{json.dumps(payload)}</imgen>"


DRAFT = "# A title\n\n" + "\n\n".join(f"Paragraph {n}.\n\n{slot(n)}" for n in range(5))


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    draft: str
    results: Annotated[dict[str, Any], operator.or_]
    document: dict[str, Any]


class SlotState(TypedDict, total=False):
    number: int
    payload: dict[str, Any]
    digest: str
    results: Annotated[dict[str, Any], operator.or_]


class SlotAnswer(TypedDict):
    results: Annotated[dict[str, Any], operator.or_]


def bare_graph(model: ScriptedModel, *, saved: bool = True) -> Any:
    """The same topology, with nothing in it that a document does not need."""
    pictures: dict[str, bytes] = {}

    async def open_(state: State) -> dict[str, Any]:
        return {"draft": ""}

    async def plan(state: State) -> dict[str, Any]:
        pieces = [str(chunk.text) async for chunk in model.astream(state["messages"])]
        return {"draft": "".join(pieces)}

    def slots(state: State) -> list[Send]:
        payloads = re.findall(r"<imgen>(.*?)</imgen>", state["draft"], re.DOTALL)
        return [
            Send("slot", {"number": n, "payload": json.loads(payload)})
            for n, payload in enumerate(payloads)
        ]

    async def tool(state: SlotState) -> dict[str, Any]:
        digest = hashlib.sha256(PICTURE).hexdigest()
        pictures[digest] = PICTURE
        return {"digest": digest}

    async def observe(state: SlotState) -> dict[str, Any]:
        return {"results": {str(state["number"]): state["digest"]}}

    async def compose(state: State) -> dict[str, Any]:
        parts = re.split(r"<imgen>.*?</imgen>", state["draft"], flags=re.DOTALL)
        message = AIMessage("".join(parts))
        return {
            "document": {"parts": parts, "figures": state["results"]},
            "messages": [message],
        }

    inner = StateGraph(SlotState, output_schema=SlotAnswer)
    inner.add_node("tool", tool)
    inner.add_node("observe", observe)
    inner.add_edge(START, "tool")
    inner.add_edge("tool", "observe")
    inner.add_edge("observe", END)
    graph = StateGraph(State)
    graph.add_node("open", open_)
    graph.add_node("plan", plan)
    graph.add_node("slot", inner.compile())
    graph.add_node("compose", compose)
    graph.add_edge(START, "open")
    graph.add_edge("open", "plan")
    graph.add_conditional_edges("plan", slots, ["slot"])
    graph.add_edge("slot", "compose")
    graph.add_edge("compose", END)
    return graph.compile(checkpointer=InMemorySaver() if saved else None)


def our_graph(model: ScriptedModel, store: ArtifactStore) -> Any:
    produced = Produced((Image(PICTURE, Provenance("instant")),), usd=0.0)
    tool = FakeTool("instant", "search", [produced])
    return build_graph(
        model=model, tools=[tool], store=store, secrets={}, checkpointer=InMemorySaver()
    )


async def seconds(graph: Any, thread: str) -> float:
    config = {"configurable": {"thread_id": thread}}
    began = time.perf_counter()
    answer = await graph.ainvoke({"messages": [HumanMessage("Write.")]}, config)
    assert answer["document"]
    return time.perf_counter() - began


async def measure(folder: str) -> float:
    model = ScriptedModel(script=[DRAFT], chunk=20)
    graphs = {"bare": bare_graph(model), "ours": our_graph(model, ArtifactStore(folder))}
    times: dict[str, list[float]] = {name: [] for name in graphs}
    for number in range(ROUNDS + 5):
        for name, graph in graphs.items():
            took = await seconds(graph, f"{name}-{number}")
            if number >= 5:
                times[name].append(took)
    medians = {name: statistics.median(each) for name, each in times.items()}
    for name, each in medians.items():
        print(f"{name:>5}: {each * 1000:6.1f} ms a document (median of {ROUNDS})")
    return medians["ours"] / medians["bare"]


def main() -> int:
    print("framework cost of a document with five instant tools")
    with tempfile.TemporaryDirectory() as folder:
        ratio = asyncio.run(measure(folder))
    print(f"ratio: {ratio:.2f} (bar: <= {BAR})")
    return 0 if ratio <= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
