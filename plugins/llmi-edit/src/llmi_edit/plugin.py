"""The door: what the plugin host imports. The work is in `tool`."""

from __future__ import annotations

from llmi_agent.contract import ToolSpec, hookimpl


@hookimpl
def llmi_tools() -> list[ToolSpec]:
    """The one tool of this plugin."""
    return [
        ToolSpec(
            name="llmi_edit",
            kind="edit",
            description="crops, turns, resizes, tones and labels a picture, on this machine",
            load="llmi_edit.tool:Edit",
            usd=0.0,
            seconds=0.3,
            deterministic=True,
            uses_seed=False,
        )
    ]
