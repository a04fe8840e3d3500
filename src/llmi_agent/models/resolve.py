"""From what the user says (`--model`, `build_graph(model=)`) to a chat model, and what is known of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal
from urllib.parse import urlsplit

from langchain_core.language_models import BaseChatModel
from langchain_core.messages.ai import UsageMetadata

from llmi_agent.base.errors import ConfigError, UnavailableError
from llmi_agent.config.options import ModelPrice, Options
from llmi_agent.draft import Dialect
from llmi_agent.records.costs import Basis
from llmi_agent.store.artifacts import ArtifactStore

OFFLINE = "offline"
FREE = ModelPrice(input=0.0, output=0.0)

_KEYS = {"GEMINI": ("GEMINI_API_KEY", "GOOGLE_API_KEY")}
"""The variables of a provider's key, where they are not simply called after it."""

Listing = Literal["here", "elsewhere", "unlisted"]
"""Whether litellm's price list holds for a model: it is at its vendor's, it is on a server of one's own, it is not listed."""


@dataclass(frozen=True)
class Model:
    """A chat model, the name it goes by, and what is known of it."""

    chat: BaseChatModel
    name: str
    price: ModelPrice | None = None
    """What the settings say it costs."""
    listing: Listing = "unlisted"
    sees: bool = False
    """It takes pictures."""

    @cached_property
    def most_output(self) -> int | None:
        """The most tokens that it writes in one answer, if that is known."""
        if self.listing == "unlisted" or _listed(self.name, tokens(1, 1)) is None:
            return None
        import litellm

        most: int | None = litellm.get_model_info(self.name).get("max_output_tokens")
        return most

    @property
    def basis(self) -> Basis:
        """How well `usd` knows, given the tokens that the model reports.

        Elsewhere than at its vendor's a model may have another price, and report no tokens, for which litellm then
        puts its own count.
        """
        return "estimated" if self.listing == "elsewhere" else "known"

    def usd(self, usage: UsageMetadata) -> float | None:
        """What these tokens cost in US dollars; None if no price is known."""
        read, written = usage["input_tokens"], usage["output_tokens"]
        if self.price is not None:
            return (read * self.price.input + written * self.price.output) / 1_000_000
        return None if self.listing == "unlisted" else _listed(self.name, usage)


def resolve_models(
    model: str | BaseChatModel,
    fallback: Collection[str | BaseChatModel] = (),
    *,
    store: ArtifactStore,
    kinds: Collection[str],
    options: Options | None = None,
    secrets: Mapping[str, str] | None = None,
    api_base: str | None = None,
) -> tuple[Model, ...]:
    """The model and those that stand in for it when it fails, in this order.

    Each is a chat model, "offline", or a litellm name such as "openai/gpt-5" or "ollama_chat/qwen3"
    (https://docs.litellm.ai/docs/providers). `api_base` is the address of an OpenAI-compatible server that serves
    `model`, and those stand-ins whose name begins with the same provider.

    Raises ConfigError for a name that litellm does not know, UnavailableError for a missing key or address.
    """
    options = options or Options()
    keys = os.environ if secrets is None else secrets
    if api_base:
        _check_address(api_base)
    first = _named(model, api_base)
    at_base = first.partition("/")[0] if isinstance(first, str) else None
    found = []
    for each in (first, *(_named(other, api_base) for other in fallback)):
        if isinstance(each, BaseChatModel):
            found.append(_given(each, options))
        elif each == OFFLINE:
            found.append(_offline(store, kinds, options.dialect))
        else:
            served = api_base if each.partition("/")[0] == at_base else None
            found.append(_hosted(each, keys, options, served))
    return tuple(found)


def _check_address(api_base: str) -> None:
    parts = urlsplit(api_base)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"api_base {api_base!r} is no address of a server; write http://host:port/v1"
        )
    if parts.password:
        raise ConfigError("api_base holds a password; set the provider's key variable instead")


def _named(model: str | BaseChatModel, api_base: str | None) -> str | BaseChatModel:
    """With a server's address alone, a bare name is that of a model which speaks OpenAI's protocol."""
    bare = isinstance(model, str) and "/" not in model and model != OFFLINE
    return f"openai/{model}" if api_base and bare else model


def _given(model: BaseChatModel, options: Options) -> Model:
    name = getattr(model, "model_name", None) or getattr(model, "model", None)
    known = str(name or type(model).__name__)
    profile = getattr(model, "profile", None) or {}
    sees = bool(profile.get("image_inputs"))
    return Model(model, known, _price(known, options), sees=_sees(sees, options))


def _offline(store: ArtifactStore, kinds: Collection[str], dialect: Dialect) -> Model:
    from llmi_agent.contract.kinds import WELL_KNOWN
    from llmi_agent.contract.policy import PolicyRequest
    from llmi_agent.draft import Slot, format_slot
    from llmi_offline.policy import make

    def write(kind: str, description: str, params: Mapping[str, Any]) -> str:
        return format_slot(Slot(0, kind, description, params), dialect=dialect)

    known = {kind: WELL_KNOWN[kind] for kind in kinds if kind in WELL_KNOWN}
    writer = make(PolicyRequest(OFFLINE, OFFLINE, store, write, known))
    return Model(writer, OFFLINE, FREE)


def _hosted(name: str, secrets: Mapping[str, str], options: Options, api_base: str | None) -> Model:
    # Without this litellm fetches a price list from the network while it is imported.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm
    from langchain_litellm import ChatLiteLLM

    arguments = _credentials(name, secrets, api_base)
    chat = ChatLiteLLM(
        model=name,
        streaming=True,
        stream_options={"include_usage": True},
        max_retries=0,
        # For the vendor's own client, which would try again unasked.
        model_kwargs={**arguments, "max_retries": 0},
    )
    place: Listing = "elsewhere" if "api_base" in arguments else "here"
    return Model(
        chat,
        name,
        _price(name, options),
        place if place == "elsewhere" or _listed(name, tokens(1, 1)) is not None else "unlisted",
        _sees(litellm.supports_vision(name), options),
    )


def _credentials(
    name: str, secrets: Mapping[str, str], api_base: str | None = None
) -> dict[str, Any]:
    """The provider's key and address out of `secrets`, as arguments of a call.

    Raises ConfigError for an unknown provider, UnavailableError if its key or address is missing.
    """
    import litellm

    litellm.suppress_debug_info = True  # it would print advice on stdout
    # Its guard takes a long line of dashes for a model that has lost its way.
    setattr(litellm, "REPEATED_STREAMING_CHUNK_LIMIT", sys.maxsize)  # noqa: B010
    try:
        provider = litellm.get_llm_provider(name)[1].upper()
    except litellm.exceptions.BadRequestError:
        raise ConfigError(
            f"litellm knows no provider for the model {name!r}; write provider/model, such as "
            "openai/gpt-5 or ollama_chat/qwen3 (https://docs.litellm.ai/docs/providers)"
        ) from None
    address = api_base or secrets.get(f"{provider}_API_BASE") or secrets.get(f"{provider}_BASE_URL")
    names = _KEYS.get(provider, (f"{provider}_API_KEY",))
    key = next((secrets[each] for each in names if secrets.get(each)), None)
    if provider == "HOSTED_VLLM" and not address:
        # litellm would send the prompt to OpenAI instead.
        raise UnavailableError(
            f"the model {name} needs HOSTED_VLLM_API_BASE or --api-base, the server's address"
        )
    missing = [
        each
        for each in litellm.validate_environment(name)["missing_keys"]
        if each.endswith("_API_KEY") and not secrets.get(each)
    ]
    # A key that only the process has is not this run's: another tenant's, perhaps.
    missing += [each for each in names if os.environ.get(each)]
    if missing and not key and not api_base:
        raise UnavailableError(f"the model {name} needs {names[0]}; set it and run again")
    # A server of one's own may want no key, but its client wants to send one.
    found = {"api_key": key or ("none" if api_base else None), "api_base": address}
    given: dict[str, Any] = {argument: value for argument, value in found.items() if value}
    if provider == "OPENAI":
        # Else the process's own organisation would go out with a tenant's key.
        given["extra_headers"] = {"OpenAI-Organization": secrets.get("OPENAI_ORGANIZATION", "")}
    return given


def _price(name: str, options: Options) -> ModelPrice | None:
    price = options.prices.get(name)
    return price if isinstance(price, ModelPrice) else None


def _sees(known: bool, options: Options) -> bool:
    return known if options.vision is None else options.vision


def tokens(read: int, written: int) -> UsageMetadata:
    """So many tokens read and written, in LangChain's form."""
    return UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=read + written)


def _listed(name: str, usage: UsageMetadata) -> float | None:
    """By litellm's price list, which knows tiers and what cached tokens cost."""
    import litellm

    details: Any = usage.get("input_token_details") or {}
    try:
        read, written = litellm.cost_per_token(
            model=name,
            prompt_tokens=usage["input_tokens"],
            completion_tokens=usage["output_tokens"],
            cache_read_input_tokens=details.get("cache_read") or 0,
            cache_creation_input_tokens=details.get("cache_creation") or 0,
        )
    except Exception:  # noqa: BLE001 - what it raises for a model that is not listed depends on its version
        return None
    return float(read + written)
