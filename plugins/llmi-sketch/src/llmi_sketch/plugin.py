"""The door: what the plugin host imports. The work is in `tool`."""

from __future__ import annotations

from llmi_agent.contract import ToolSpec, hookimpl


@hookimpl
def llmi_tools() -> list[ToolSpec]:
    """The one tool of this plugin."""
    return [
        ToolSpec(
            name="llmi_sketch",
            kind="diffusion",
            description="draws a labelled placeholder from the prompt's words; not a diffusion model",
            load="llmi_sketch.tool:Sketch",
            usd=0.0,
            seconds=1.0,
            deterministic=True,
        )
    ]
