"""The door of llmi-tavily: what the tool is, without loading what it does."""

from __future__ import annotations

from collections.abc import Sequence

from llmi_agent.contract import ToolSpec, hookimpl

SPEC = ToolSpec(
    name="tavily_images",
    kind="search",
    description="pictures from the web, found with Tavily; their licences are not known",
    load="llmi_tavily.tool:TavilyImages",
    needs=("TAVILY_API_KEY",),
    usd=0.008,
    seconds=4.0,
    timeout=60.0,
    uses_seed=False,
)


@hookimpl
def llmi_tools() -> Sequence[ToolSpec]:
    """The one tool of this plugin."""
    return [SPEC]
