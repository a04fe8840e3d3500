"""What the LangGraph server serves (`langgraph.json`): graphs from the installed plugins and the configuration.

Start it with `langgraph dev --allow-blocking`: the journal and small pictures are written on the event loop, tens of
microseconds each, which the server's check for blocking calls takes for a mistake.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from langgraph.graph.state import CompiledStateGraph

from llmi_agent.config.load import load_config
from llmi_agent.host.registry import discover
from llmi_agent.models.resolve import OFFLINE
from llmi_graphs.interleave.graph import build_graph


@cache
def interleave() -> CompiledStateGraph[Any, Any, Any, Any]:
    """The interleaved document, built once, as `llmi.toml` and the environment configure it."""
    config = load_config()
    return build_graph(
        model=config.model or OFFLINE,
        tools=discover(config.plugins, strict=config.strict),
        use=config.use,
        options=config.options,
        settings=config.tools,
    )
