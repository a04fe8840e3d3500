"""From names to models: keys, addresses, prices, and what a model can see."""

from __future__ import annotations

from typing import Any

import pytest

from llmi_agent.base.errors import ConfigError, UnavailableError
from llmi_agent.config.options import ModelPrice, Options
from llmi_agent.host.registry import discover
from llmi_agent.models.resolve import Model, resolve_models
from llmi_agent.models.tokens import tokens
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import OpenAIServer, ScriptedModel

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore:.*:UserWarning"
)

KEYS = {"OPENAI_API_KEY": "sk-a", "ANTHROPIC_API_KEY": "sk-b", "GEMINI_API_KEY": "sk-c"}


def resolve(store: ArtifactStore, *names: Any, **given: Any) -> tuple[Model, ...]:
    given.setdefault("secrets", KEYS)
    return resolve_models(
        names[0], names[1:], policies=discover().policies, store=store, kinds={}, **given
    )


def test_the_order_is_kept_and_each_goes_by_its_name(store: ArtifactStore) -> None:
    scripted = ScriptedModel(script=["x"])
    models = resolve(store, "openai/gpt-4o", "anthropic/claude-sonnet-4-5", scripted, "offline")
    names = [model.name for model in models]
    assert names == ["openai/gpt-4o", "anthropic/claude-sonnet-4-5", "ScriptedModel", "offline"]
    assert models[2].chat is scripted


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("openai/gpt-5", UnavailableError, "OPENAI_API_KEY"),
        ("anthropic/claude-sonnet-4-5", UnavailableError, "ANTHROPIC_API_KEY"),
        ("gemini/gemini-2.5-pro", UnavailableError, "GEMINI_API_KEY"),
        ("hosted_vllm/any", UnavailableError, "HOSTED_VLLM_API_BASE or --api-base"),
        ("nonsense", ConfigError, "provider/model"),
        ("no-such-provider/x", ConfigError, "provider/model"),
    ],
)
def test_what_a_model_lacks_is_said_before_a_run(
    store: ArtifactStore, name: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        resolve(store, name, secrets={})


def test_a_fallback_that_lacks_its_key_is_said_before_a_run_too(store: ArtifactStore) -> None:
    with pytest.raises(UnavailableError, match="ANTHROPIC_API_KEY"):
        resolve(
            store, "openai/gpt-4o", "anthropic/claude-sonnet-4-5", secrets={"OPENAI_API_KEY": "k"}
        )


def arguments(model: Model) -> dict[str, Any]:
    given: dict[str, Any] = model.chat.model_kwargs  # type: ignore[attr-defined]
    return {name: value for name, value in given.items() if name in ("api_key", "api_base")}


def test_a_server_of_ones_own_needs_no_key_and_takes_bare_names(store: ArtifactStore) -> None:
    first, same, other = resolve(
        store,
        "qwen3",
        "openai/small",
        "gemini/gemini-2.5-pro",
        secrets={"GEMINI_API_KEY": "sk-c"},
        api_base="http://localhost:8000/v1",
    )
    assert first.name == "openai/qwen3"
    assert arguments(first) == {"api_key": "none", "api_base": "http://localhost:8000/v1"}
    assert arguments(same) == arguments(first)
    assert arguments(other) == {"api_key": "sk-c"}


def test_prices_of_the_settings_then_of_the_list_else_unknown(store: ArtifactStore) -> None:
    prices: Any = {"openai/gpt-4o": {"input": 1, "output": 2}}
    (named,) = resolve(store, "openai/gpt-4o", options=Options(prices=prices))
    (listed,) = resolve(store, "openai/gpt-4o")
    (elsewhere,) = resolve(store, "openai/gpt-4o", api_base="http://localhost:8000/v1")
    (unlisted,) = resolve(store, "openai/some-model-of-mine")
    (offline,) = resolve(store, "offline")
    usage = tokens(1_000_000, 1_000_000)
    assert (named.usd(usage), named.basis) == (3.0, "known")
    assert (listed.usd(usage), listed.basis) == (12.5, "known")
    assert (elsewhere.usd(usage), elsewhere.basis) == (12.5, "estimated")
    assert unlisted.usd(usage) is None
    assert offline.usd(usage) == 0


def test_cached_tokens_cost_what_the_list_says(store: ArtifactStore) -> None:
    (model,) = resolve(store, "openai/gpt-4o")
    usage = tokens(1_000_000, 0)
    cached = {**usage, "input_token_details": {"cache_read": 1_000_000}}
    assert model.usd(cached) == pytest.approx(1.25)  # type: ignore[arg-type]


def test_a_price_from_the_environment_reads_as_two_numbers() -> None:
    assert ModelPrice.model_validate("0.15/0.6") == ModelPrice(input=0.15, output=0.6)
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        ModelPrice.model_validate("-1/2")


def test_the_processs_organisation_is_not_a_tenants(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_ORGANIZATION", "org-of-somebody-else")
    with OpenAIServer() as server:
        (model,) = resolve(store, "openai/a", api_base=f"{server.url}/v1")
        model.chat.invoke("hello")
        assert server.seen[0].headers.get("openai-organization", "") == ""


@pytest.mark.parametrize("address", ["notaurl", "localhost:8000/v1", "http://", "ftp://x/v1"])
def test_an_address_that_is_none_is_said_at_once(store: ArtifactStore, address: str) -> None:
    with pytest.raises(ConfigError, match="http://host:port/v1"):
        resolve(store, "openai/a", api_base=address)


def test_an_address_holds_no_password(store: ArtifactStore) -> None:
    with pytest.raises(ConfigError, match="password") as caught:
        resolve(store, "openai/a", api_base="http://me:secret-word@host/v1")
    assert "secret-word" not in str(caught.value)


def test_who_sees_pictures(store: ArtifactStore) -> None:
    seeing, blind = resolve(store, "openai/gpt-4o", "openai/gpt-3.5-turbo")
    assert (seeing.sees, blind.sees) == (True, False)
    (told,) = resolve(store, "openai/some-model", options=Options(vision=True))
    assert told.sees
    profiled = ScriptedModel(script=["x"], profile={"image_inputs": True})
    assert resolve(store, profiled)[0].sees
    assert not resolve(store, profiled, options=Options(vision=False))[0].sees


def test_how_long_an_answer_may_be_is_known_of_listed_models_only(store: ArtifactStore) -> None:
    listed, unlisted = resolve(store, "openai/gpt-4o", "openai/some-model-of-mine")
    assert listed.most_output == 16384
    assert unlisted.most_output is None
