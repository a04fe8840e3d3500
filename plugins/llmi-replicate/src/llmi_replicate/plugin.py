"""The door of llmi-replicate: what the tools are, without loading what they do."""

from __future__ import annotations

from collections.abc import Sequence

from llmi_agent.contract import ToolSpec, hookimpl
from llmi_replicate.models import DEFAULTS, MODELS, OWN, Model

KEY = "REPLICATE_API_TOKEN"
_DOES = {"diffusion": "pictures drawn", "edit": "pictures changed"}


def _of_the_table(name: str, model: Model) -> ToolSpec:
    return ToolSpec(
        name=name,
        kind=model.kind,
        description=f"{_DOES[model.kind]} by {model.title}, at Replicate",
        load=f"llmi_replicate.tool:{name}",
        needs=(KEY,),
        usd=model.usd,
        seconds=model.seconds,
        timeout=180.0,
        opt_in=name not in DEFAULTS,
    )


def _of_the_users(name: str, kind: str) -> ToolSpec:
    return ToolSpec(
        name=name,
        kind=kind,
        description=f"{_DOES[kind]} by any model at Replicate that [tools.{name}] names",
        load=f"llmi_replicate.tool:{name}",
        needs=(KEY,),
        timeout=600.0,  # a model that nobody has used for a while takes minutes to start
        opt_in=True,
    )


SPECS = {
    **{name: _of_the_table(name, model) for name, model in MODELS.items()},
    **{name: _of_the_users(name, kind) for name, kind in OWN.items()},
}
"""By name."""


@hookimpl
def llmi_tools() -> Sequence[ToolSpec]:
    """A tool for each model of the table, and two for any other model."""
    return list(SPECS.values())
