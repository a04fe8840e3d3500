"""LLMI inside an agent of your own: as a tool that a model may call, and as a node that shares only messages.

Runs without a key: a scripted model plays the parts of both language models. In your program, pass real ones.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode

from llmi_agent import Document
from llmi_agent.testing import ScriptedModel
from llmi_graphs import as_tool, build_graph

DRAFT = """# The harbour at night

The lights come on one after the other.

<imgen>{"source": "diffusion", "description": "The harbour at night", "params": {"prompt": "a harbour at night, lights on the water"}}</imgen>

In black and white one sees the shapes.

<imgen>{"source": "edit", "description": "The same in black and white", "params": {"img_index": 0, "prompt": "make it black and white"}}</imgen>
"""


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


async def think(state: State) -> dict[str, Any]:
    """Your agent's model. This one orders a document, then speaks of it."""
    last = state["messages"][-1]
    if isinstance(last, ToolMessage):
        document = Document.model_validate(last.artifact)
        return {
            "messages": [AIMessage(f"I wrote “{document.title}”, {len(document.figures)} figures.")]
        }
    order = {"name": "write_illustrated_document", "args": {"prompt": last.text}, "id": "1"}
    return {"messages": [AIMessage("", tool_calls=[{**order, "type": "tool_call"}])]}


def calls_a_tool(state: State) -> str:
    last = state["messages"][-1]
    return "act" if isinstance(last, AIMessage) and last.tool_calls else END


async def main() -> None:
    writer = build_graph(model=ScriptedModel(script=[DRAFT]))

    agent = StateGraph(State)
    agent.add_node("think", think)
    agent.add_node("act", ToolNode([as_tool(writer)]))
    agent.add_edge(START, "think")
    agent.add_conditional_edges("think", calls_a_tool, ["act", END])
    agent.add_edge("act", "think")
    request: Any = {"messages": [HumanMessage("A page on the harbour at night, please.")]}
    answer = await agent.compile().ainvoke(request)
    print("as a tool:", answer["messages"][-1].text)

    parent = StateGraph(State)
    parent.add_node("write", writer)
    parent.add_edge(START, "write")
    parent.add_edge("write", END)
    answer = await parent.compile().ainvoke(request)
    print("as a node:", answer["messages"][-1].text.splitlines()[0])


if __name__ == "__main__":
    asyncio.run(main())
