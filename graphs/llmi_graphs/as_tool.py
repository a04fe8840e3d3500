"""The graph as a tool of another agent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from langchain_core.messages import HumanMessage
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from llmi_agent.base.errors import LlmiError
from llmi_graphs.allowed_files import Allowed, AllowedFiles

DESCRIPTION = (
    "Write an illustrated document: prose with charts, photographs and drawings that are made or found for it. "
    "Use it when the answer should be a report or an article with pictures. The answer ends with the document's id: "
    "to change a document, call again with its id and say what should be different."
)


class NewFile(BaseModel):
    """A file that the calling model writes itself, such as a small table."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="Its name with its ending, such as sales.csv.", max_length=200)
    text: str = Field(default="", description="Its content, if it is text.", max_length=1_000_000)
    base64: str = Field(
        default="", description="Its content in base64, if it is not.", max_length=20_000_000
    )

    def block(self) -> dict[str, Any]:
        """As a content block of a message."""
        if self.base64:
            return {"type": "file", "base64": self.base64, "filename": self.name}
        return {"type": "text-plain", "text": self.text, "title": self.name}


class DocumentOrder(BaseModel):
    """What the calling agent fills in."""

    prompt: str = Field(description="What the document is about, for whom, and how long.")
    document: str = Field(
        default="",
        description="The id of a document that this tool wrote, to change or go on with it.",
    )
    data: list[NewFile] = Field(
        default=[], description="Tables, pictures or texts to write from.", max_length=16
    )


class DocumentOrderWithFiles(DocumentOrder):
    """The same where files may be named."""

    files: list[str] = Field(default=[], description="Files to write from, by name.", max_length=64)


def as_tool(
    graph: Runnable[Any, Any],
    *,
    files: Allowed | Iterable[Allowed] = (),
    name: str = "write_illustrated_document",
    description: str = DESCRIPTION,
) -> BaseTool:
    """A LangChain tool around a graph from `build_graph`.

    files: what the calling model may name: paths of files, `Attachment`s, folders with all that is in them. Nothing else of this
        machine can be read by it; small files of its own making come as `data`.

    Its content, which the calling model reads, is the document's text with a line for each figure, and the id by which a next
    call goes on with it; its artifact is the document as a dict (`Document.model_validate`). What goes wrong is told to the
    calling model. Raises ConfigError if `files` cannot be used.
    """
    allowed = AllowedFiles.of(files)

    def request(
        prompt: str, document: str = "", data: Iterable[Any] = (), files: Iterable[str] = ()
    ) -> dict[str, Any]:
        blocks = [NewFile.model_validate(each, from_attributes=True).block() for each in data]
        content: list[str | dict[Any, Any]] = [{"type": "text", "text": prompt}, *blocks]
        return {
            "messages": [HumanMessage(content if blocks else prompt)],
            "attachments": [allowed.find(each) for each in dict.fromkeys(files)],
            "continues": document.strip(),
        }

    def write(**order: Any) -> tuple[str, dict[str, Any]]:
        try:
            return _handed_over(graph.invoke(request(**order)))
        except LlmiError as error:
            raise ToolException(str(error)) from error

    async def awrite(**order: Any) -> tuple[str, dict[str, Any]]:
        try:
            asked = await asyncio.to_thread(request, **order)
            return _handed_over(await graph.ainvoke(asked))
        except LlmiError as error:
            raise ToolException(str(error)) from error

    return StructuredTool.from_function(
        func=write,
        coroutine=awrite,
        name=name,
        description=f"{description}{allowed.listing}",
        args_schema=DocumentOrderWithFiles if allowed else DocumentOrder,
        response_format="content_and_artifact",
        handle_tool_error=True,
        handle_validation_error=_not_understood,
    )


def _not_understood(error: Any) -> str:
    """What is wrong with the calling model's arguments, told to it."""
    if not isinstance(error, ValidationError):
        return str(error)
    wrong = [
        f"{'.'.join(map(str, each['loc']))}: {each['msg']}"
        for each in error.errors(include_url=False)
    ]
    return f"the arguments cannot be read: {'; '.join(wrong[:5])}"


def _handed_over(answer: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    text = str(answer["messages"][-1].text).rstrip()
    return f"{text}\n\n(document id: {answer['document']['episode']})", answer["document"]
