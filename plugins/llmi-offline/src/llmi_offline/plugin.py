"""The door of llmi-offline: what it writes and reads, without loading what it does it with."""

from __future__ import annotations

from collections.abc import Sequence

from llmi_agent.contract import ArtifactReader, Attachment, PolicySpec, Preview, hookimpl

SPEC = PolicySpec(
    name="offline",
    description="a data report from attached tables and pictures, by a program: no key, no network",
    load="llmi_offline.policy:make",
    price=(0.0, 0.0),
    finish_reasons=False,
    language_model=False,
    default=True,
)


@hookimpl
def llmi_policies() -> Sequence[PolicySpec]:
    """The one policy of this plugin."""
    return [SPEC]


@hookimpl(trylast=True)
async def llmi_preview(attachment: Attachment, artifacts: ArtifactReader) -> Preview | None:
    """Of tables and texts; a plugin that knows a file better is asked before."""
    from llmi_offline.preview import preview

    return await preview(attachment, artifacts)
