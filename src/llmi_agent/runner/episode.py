"""An episode as it is run: what must be there, what it starts with, and what it ends with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage

from llmi_agent.base.errors import LlmiError, UnavailableError
from llmi_agent.contract.tool import Attachment
from llmi_agent.document.model import Document
from llmi_agent.runner.graphs import Graph
from llmi_agent.runner.setup import Setup
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.attachments import attach_files


def check_tools(setup: Setup) -> None:
    """Raises UnavailableError if no kind of picture can be made."""
    if not setup.bindings.tools:
        raise UnavailableError(
            "no tool is there to make pictures: pip install 'llmi-agent[tools]', "
            "and see `llmi tools`"
        )


def attach(store: ArtifactStore, paths: Sequence[Path | str]) -> tuple[Attachment, ...]:
    """Keep the files in the store. Raises LlmiError, naming the file or the store."""
    try:
        store.root.mkdir(parents=True, exist_ok=True)
        return attach_files(store, paths)
    except OSError as error:
        raise LlmiError(
            f"cannot keep files in {store.root}: {error.strerror or error}; "
            "set LLMI_HOME to a folder of yours"
        ) from None


def arguments(setup: Setup, store: ArtifactStore) -> dict[str, Any]:
    """What a graph's builder is told."""
    config = setup.config
    return {
        "model": setup.model,
        "fallback": config.fallback,
        "api_base": config.api_base,
        "tools": setup.registry,
        "use": config.use,
        "secrets": setup.secrets,
        "options": config.options,
        "settings": config.tools,
        "store": store,
    }


def request_of(prompt: str, attachments: Sequence[Attachment]) -> dict[str, Any]:
    """What a fresh episode starts with."""
    return {
        "messages": [HumanMessage(prompt)],
        "attachments": [asdict(each) for each in attachments],
    }


async def follow(
    graph: Graph, request: Mapping[str, Any], tell: Callable[[Mapping[str, Any]], None]
) -> Mapping[str, Any]:
    """Run the graph to its end, telling of its events; the last state."""
    state: Mapping[str, Any] = {}
    async with aclosing(graph.astream(request, stream_mode=["custom", "values"])) as events:
        async for mode, event in events:
            if mode == "custom":
                tell(event)
            else:
                state = event
    return state


def document_of(state: Mapping[str, Any]) -> Document:
    """The document of a graph's last state. Raises LlmiError if there is none."""
    if not state.get("document"):
        raise LlmiError("the graph ended without a document; does it write `document`?")
    return Document.model_validate(state["document"])
