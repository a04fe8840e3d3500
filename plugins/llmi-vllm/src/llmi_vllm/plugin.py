"""The door of llmi-vllm: which names it answers, without loading the SDK."""

from __future__ import annotations

from collections.abc import Sequence

from llmi_agent.contract import PolicySpec, hookimpl

SPEC = PolicySpec(
    name="vllm/*",
    description="a model on a vLLM server (or one like it) of yours, by its name there; it gives ids and logprobs",
    load="llmi_vllm.policy:make",
    reads=("VLLM_API_KEY", "VLLM_BASE_URL", "VLLM_API_BASE", "VLLM_LOGPROBS_MODE"),
    finish_reasons=True,
    tokens=True,
)


@hookimpl
def llmi_policies() -> Sequence[PolicySpec]:
    """Every name that begins with `vllm/`."""
    return [SPEC]
