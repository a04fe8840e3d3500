"""The door of llmi-gallery: what the tool is, without loading what it does."""

from __future__ import annotations

from collections.abc import Sequence

from llmi_agent.contract import ToolSpec, hookimpl

SPEC = ToolSpec(
    name="llmi_gallery",
    kind="search",
    description="pictures from your own folders (--images DIR), found by name and caption",
    load="llmi_gallery.tool:Gallery",
    usd=0.0,
    seconds=0.1,
    timeout=60.0,
    uses_seed=False,
)


@hookimpl
def llmi_tools() -> Sequence[ToolSpec]:
    """The one tool of this plugin."""
    return [SPEC]
