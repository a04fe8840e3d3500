"""The door of llmi-e2b: what the tool is, without loading what it does."""

from __future__ import annotations

from collections.abc import Sequence

from llmi_agent.contract import ToolSpec, hookimpl

SPEC = ToolSpec(
    name="e2b_code",
    kind="code",
    description="charts from Python code, run in a sandbox at E2B",
    load="llmi_e2b.tool:E2BCode",
    needs=("E2B_API_KEY",),
    usd=0.0022,  # a minute of the default template: 60 s x (2 vCPU x $0.000014 + 2 GiB x $0.0000045)
    seconds=8.0,
    timeout=120.0,
    executes_code=True,
    uses_seed=False,
)


@hookimpl
def llmi_tools() -> Sequence[ToolSpec]:
    """The one tool of this plugin."""
    return [SPEC]
