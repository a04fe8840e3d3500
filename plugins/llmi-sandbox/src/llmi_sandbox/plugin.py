"""The door of llmi-sandbox: what the tool is, without loading what it does."""

from __future__ import annotations

from collections.abc import Sequence

from llmi_agent.contract import ToolSpec, hookimpl

SPEC = ToolSpec(
    name="llmi_sandbox",
    kind="code",
    description="charts from Python code, run here in a confined process without network",
    load="llmi_sandbox.tool:Sandbox",
    usd=0.0,
    seconds=0.2,
    timeout=60.0,
    executes_code=True,
    deterministic=True,
    uses_seed=False,
)


@hookimpl
def llmi_tools() -> Sequence[ToolSpec]:
    """The one tool of this plugin."""
    return [SPEC]
