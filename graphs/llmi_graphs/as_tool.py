"""The graph as a tool of another agent."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import HumanMessage
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel, Field

from llmi_agent.base.errors import LlmiError

DESCRIPTION = (
    "Write an illustrated document: prose with charts, photographs and drawings that are made or found for it. "
    "Use it when the answer should be a report or an article with pictures."
)


class Order(BaseModel):
    """What the calling agent fills in."""

    prompt: str = Field(description="What the document is about, for whom, and how long.")


def as_tool(
    graph: Runnable[Any, Any],
    *,
    name: str = "write_illustrated_document",
    description: str = DESCRIPTION,
) -> BaseTool:
    """A LangChain tool around a graph from `build_graph`.

    Its content, which the calling model reads, is the document's text with a line for each figure; its artifact is
    the document as a dict (`Document.model_validate`). What goes wrong is told to the calling model.
    """

    def hand_over(answer: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        return str(answer["messages"][-1].text), answer["document"]

    def write(prompt: str) -> tuple[str, dict[str, Any]]:
        try:
            return hand_over(graph.invoke({"messages": [HumanMessage(prompt)]}))
        except LlmiError as error:
            raise ToolException(str(error)) from error

    async def awrite(prompt: str) -> tuple[str, dict[str, Any]]:
        try:
            return hand_over(await graph.ainvoke({"messages": [HumanMessage(prompt)]}))
        except LlmiError as error:
            raise ToolException(str(error)) from error

    return StructuredTool.from_function(
        func=write,
        coroutine=awrite,
        name=name,
        description=description,
        args_schema=Order,
        response_format="content_and_artifact",
        handle_tool_error=True,
    )
