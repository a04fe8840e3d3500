"""The door of llmi-openverse: what the tool is, without loading what it does."""

from __future__ import annotations

from collections.abc import Sequence

from llmi_agent.contract import ToolSpec, hookimpl

SPEC = ToolSpec(
    name="openverse_images",
    kind="search",
    description="openly licensed pictures from Openverse and Wikimedia Commons, with licence and credit; no key",
    load="llmi_openverse.tool:OpenverseImages",
    usd=0.0,
    seconds=5.0,
    timeout=60.0,
    uses_seed=False,
    opt_in=True,  # it needs no key, so no key can say that the network is wanted
)


@hookimpl
def llmi_tools() -> Sequence[ToolSpec]:
    """The one tool of this plugin."""
    return [SPEC]
