"""The door of llmi-transformers: which names it answers, without loading torch."""

from __future__ import annotations

from collections.abc import Sequence

from llmi_agent.contract import PolicySpec, hookimpl

SPEC = PolicySpec(
    name="transformers/*",
    description="a checkpoint in a folder of yours, by its path; it gives ids and logprobs",
    load="llmi_transformers.policy:make",
    reads=(
        "LLMI_TRANSFORMERS_DEVICE",
        "LLMI_TRANSFORMERS_DTYPE",
        "LLMI_TRANSFORMERS_BATCH",
        "LLMI_TRANSFORMERS_TEMPLATE",
    ),
    price=(0.0, 0.0),
    finish_reasons=True,
    tokens=True,
)


@hookimpl
def llmi_policies() -> Sequence[PolicySpec]:
    """Every name that begins with `transformers/`."""
    return [SPEC]
