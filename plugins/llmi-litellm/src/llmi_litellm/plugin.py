"""The door of llmi-litellm: which names it answers, without loading LiteLLM, which takes seconds."""

from __future__ import annotations

from collections.abc import Sequence

from llmi_agent.contract import PolicySpec, hookimpl

SPEC = PolicySpec(
    name="*",
    description="any model by its LiteLLM name, provider/model (https://docs.litellm.ai/docs/providers)",
    load="llmi_litellm.policy:make",
    reads=(
        "*_API_KEY",
        "*_APIKEY",
        "*_API_BASE",
        "*_API_VERSION",
        "*_BASE_URL",
        "AWS_*",
        "AZURE_*",
        "COMETAPI_KEY",
        "HF_TOKEN",
        "OPENAI_*",
        "REPLICATE_API_TOKEN",
        "VERTEX*",
        "WATSONX_*",
    ),
    finish_reasons=True,
)


@hookimpl
def llmi_policies() -> Sequence[PolicySpec]:
    """Every name that no other policy answers."""
    return [SPEC]
