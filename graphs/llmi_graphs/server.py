"""What the LangGraph server serves (`langgraph.json`): graphs from the installed plugins and the configuration."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any

from langgraph.graph.state import CompiledStateGraph

from llmi_agent.config.load import load_config
from llmi_agent.host.registry import discover
from llmi_agent.records.cache import read_sources
from llmi_graphs.interleave.graph import build_graph

PICTURES = "/llmi/pictures"
"""Where `llmi_graphs.pictures` serves them."""

Graph = CompiledStateGraph[Any, Any, Any, Any]


async def interleave() -> Graph:
    """The interleaved document, as `llmi.toml` and the environment configure it.

    It is built once, and not on the server's event loop: files are read and plugins are imported for it.
    """
    return await asyncio.to_thread(_built)


@cache
def _built() -> Graph:
    config = load_config()
    tools = discover(config.plugins, strict=config.strict)
    read_sources(tools.tools.values())
    return build_graph(
        model=config.model,
        fallback=config.fallback,
        api_base=config.api_base,
        tools=tools,
        use=config.use,
        options=config.options,
        settings=config.tools,
        images="inline",
        pictures_at=PICTURES,
        paths=False,
    )
