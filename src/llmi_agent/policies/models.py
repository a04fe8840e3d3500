"""From what the user says (`--model`, `build_graph(model=)`) to a chat model."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

from langchain_core.language_models import BaseChatModel

from llmi_agent.artifacts import ArtifactStore
from llmi_agent.draft import Dialect
from llmi_agent.errors import ConfigError, UnavailableError

OFFLINE = "offline"


def resolve_model(
    model: str | BaseChatModel,
    *,
    store: ArtifactStore,
    kinds: Collection[str],
    dialect: Dialect = "json",
    secrets: Mapping[str, str] | None = None,
) -> tuple[BaseChatModel, str]:
    """The chat model and the name it goes by.

    `model` is a chat model, "offline", or a litellm name such as "openai/gpt-5" or
    "ollama_chat/qwen3" (https://docs.litellm.ai/docs/providers).
    """
    if isinstance(model, BaseChatModel):
        return model, _name_of(model)
    if model == OFFLINE:
        from llmi_agent.policies.writer import OfflineWriter

        return OfflineWriter(store=store, kinds=tuple(kinds), dialect=dialect), OFFLINE
    return _litellm(model, os.environ if secrets is None else secrets), model


def _litellm(name: str, secrets: Mapping[str, str]) -> BaseChatModel:
    # Without this litellm fetches a price list from the network while it is imported.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    from langchain_litellm import ChatLiteLLM

    model: BaseChatModel = ChatLiteLLM(
        model=name,
        streaming=True,
        stream_options={"include_usage": True},
        max_retries=0,
        model_kwargs=_credentials(name, secrets),
    )
    return model


def _credentials(name: str, secrets: Mapping[str, str]) -> dict[str, str]:
    """The provider's key and address out of `secrets`, as arguments of a call.

    Raises ConfigError for an unknown provider, UnavailableError if its key or address is missing.
    """
    import litellm

    litellm.suppress_debug_info = True  # it would print advice on stdout
    try:
        provider = litellm.get_llm_provider(name)[1].upper()
    except litellm.exceptions.BadRequestError:
        raise ConfigError(
            f"litellm knows no provider for the model {name!r}; write provider/model, such as "
            "openai/gpt-5 or ollama_chat/qwen3 (https://docs.litellm.ai/docs/providers)"
        ) from None
    needed = litellm.validate_environment(name)["missing_keys"]
    missing = [key for key in needed if key.endswith("_API_KEY") and not secrets.get(key)]
    if missing:
        raise UnavailableError(
            f"the model {name} needs {' or '.join(missing)}; set it and run again"
        )
    if provider == "HOSTED_VLLM" and not secrets.get("HOSTED_VLLM_API_BASE"):
        # litellm would send the prompt to OpenAI instead.
        raise UnavailableError(f"the model {name} needs HOSTED_VLLM_API_BASE, the server's address")
    found = {
        "api_key": secrets.get(f"{provider}_API_KEY"),
        "api_base": secrets.get(f"{provider}_API_BASE") or secrets.get(f"{provider}_BASE_URL"),
    }
    return {argument: value for argument, value in found.items() if value}


def _name_of(model: BaseChatModel) -> str:
    name = getattr(model, "model_name", None) or getattr(model, "model", None)
    return str(name or type(model).__name__)
