"""Whose key is used: never another's than the caller's, unless the process's own is meant."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.base.errors import ConfigError, LlmiError, UnavailableError
from llmi_agent.host.registry import discover
from llmi_agent.models.resolve import Model, resolve_models
from llmi_agent.models.tokens import tokens
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import OpenAIServer
from llmi_litellm.providers import ACCOUNTS, BY_KEY

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore:.*:UserWarning"
)

KEYS = {"OPENAI_API_KEY": "sk-a", "ANTHROPIC_API_KEY": "sk-b", "GEMINI_API_KEY": "sk-c"}
AWS = {
    "AWS_ACCESS_KEY_ID": "AKIA",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_REGION": "eu-central-1",
}
ACCOUNT = json.dumps({"type": "service_account", "project_id": "p", "private_key": "k"})
CLAUDE = "bedrock/anthropic.claude-3-5-sonnet-20240620-v1:0"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("AWS_", "AZURE_", "GOOGLE_", "OPENAI_", "VERTEX", "WATSONX_")):
            monkeypatch.delenv(name)


def resolve(store: ArtifactStore, *names: Any, **given: Any) -> tuple[Model, ...]:
    given.setdefault("secrets", KEYS)
    policies = discover(["llmi-litellm"]).policies
    return resolve_models(names[0], names[1:], policies=policies, store=store, kinds={}, **given)


def arguments(model: Model) -> dict[str, Any]:
    given: dict[str, Any] = model.chat.model_kwargs  # type: ignore[attr-defined]
    return {k: v for k, v in given.items() if k not in ("max_retries", "extra_headers")}


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


@pytest.mark.parametrize(
    "name",
    [
        CLAUDE,
        "bedrock_mantle/m",
        "sagemaker/m",
        "sagemaker_chat/m",
        "vertex_ai/gemini-2.5-pro",
        "vertex_ai_beta/gemini-2.5-pro",
        "watsonx/ibm/granite",
        "watsonx_text/ibm/granite",
        "azure/gpt-4o",
        "databricks/m",
        "oci/xai.grok-4",
        "sap/gpt-4o",
        "gigachat/GigaChat",
        "github_copilot/gpt-4o",
        "chatgpt/gpt-5",
        "predibase/m",
        "snowflake/m",
    ],
)
def test_a_tenant_without_credentials_never_uses_the_hosts(
    store: ArtifactStore, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = {**AWS, "VERTEXAI_CREDENTIALS": ACCOUNT, "VERTEXAI_PROJECT": "p", "AZURE_API_KEY": "k"}
    host |= {"VERTEXAI_LOCATION": "l", "AZURE_API_BASE": "https://h", "WATSONX_APIKEY": "k"}
    for variable, value in host.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(LlmiError, match=r"needs|from the process"):
        resolve(store, name, secrets={})


@pytest.mark.parametrize(
    ("name", "secrets", "given"),
    [
        (CLAUDE, AWS, {"aws_access_key_id": "AKIA", "aws_region_name": "eu-central-1"}),
        (CLAUDE, {"AWS_BEARER_TOKEN_BEDROCK": "b", "AWS_REGION_NAME": "r"}, {"api_key": "b"}),
        ("sagemaker_chat/m", AWS, {"aws_secret_access_key": "secret"}),
        (
            "vertex_ai/gemini-2.5-pro",
            {"VERTEXAI_CREDENTIALS": ACCOUNT, "VERTEXAI_LOCATION": "l"},
            {"vertex_credentials": ACCOUNT, "vertex_project": "p", "vertex_location": "l"},
        ),
        (
            "watsonx/ibm/granite",
            {"WATSONX_APIKEY": "k", "WATSONX_URL": "https://w", "WATSONX_PROJECT_ID": "p"},
            {"api_key": "k", "api_base": "https://w", "project_id": "p"},
        ),
        (
            "azure/gpt-4o",
            {"AZURE_API_KEY": "k", "AZURE_API_BASE": "https://a", "AZURE_API_VERSION": "v"},
            {"api_key": "k", "api_base": "https://a", "api_version": "v"},
        ),
        ("ollama_chat/qwen3", {}, {"api_key": "none"}),
    ],
)
def test_what_can_be_given_goes_along_as_arguments(
    store: ArtifactStore, name: str, secrets: dict[str, str], given: dict[str, str]
) -> None:
    (model,) = resolve(store, name, secrets=secrets)
    assert given.items() <= arguments(model).items()


@pytest.mark.parametrize(
    ("name", "secrets", "variable"),
    [
        (CLAUDE, AWS, "AWS_BEARER_TOKEN_BEDROCK"),
        ("sagemaker_chat/m", AWS, "AWS_PROFILE_NAME"),
        ("ollama_chat/qwen3", {}, "OLLAMA_API_KEY"),
        ("azure/m", {"AZURE_API_KEY": "k", "AZURE_API_BASE": "https://a"}, "AZURE_AD_TOKEN"),
        (
            "watsonx/m",
            {"WATSONX_APIKEY": "k", "WATSONX_URL": "https://w", "WATSONX_PROJECT_ID": "p"},
            "WATSONX_TOKEN",
        ),
    ],
)
def test_a_variable_that_litellm_would_follow_instead_is_named(
    store: ArtifactStore,
    name: str,
    secrets: dict[str, str],
    variable: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, "the-hosts")
    with pytest.raises(UnavailableError, match=f"would use {variable} of the process"):
        resolve(store, name, secrets=secrets)


@pytest.mark.parametrize(
    ("name", "secrets"),
    [
        ("openai/gpt-5", {"OPENAI_API_KEY": "os.environ/OTHER_KEY"}),
        ("azure/m", {"AZURE_API_KEY": "oidc/file/etc/passwd", "AZURE_API_BASE": "https://a"}),
        ("vertex_ai/m", {"VERTEXAI_CREDENTIALS": "/etc/key.json", "VERTEXAI_LOCATION": "l"}),
        (
            "vertex_ai/m",
            {
                "VERTEXAI_CREDENTIALS": json.dumps({"type": "external_account"}),
                "VERTEXAI_LOCATION": "l",
            },
        ),
    ],
)
def test_a_secret_that_leads_into_the_process_is_refused(
    store: ArtifactStore, name: str, secrets: dict[str, str]
) -> None:
    with pytest.raises(LlmiError, match=r"refers to the process|must be the JSON"):
        resolve(store, name, secrets=secrets)


@pytest.mark.parametrize("name", [CLAUDE, "vertex_ai/gemini-2.5-pro", "oci/xai.grok-4"])
def test_the_process_is_used_where_it_is_meant(store: ArtifactStore, name: str) -> None:
    assert resolve(store, name, secrets={}, environment=True)[0].name == name
    assert resolve(store, name, secrets=None)[0].name == name
    assert resolve(store, name, secrets=dict(os.environ))[0].name == name


def test_the_processs_organisation_and_project_are_not_a_tenants(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_ORGANIZATION", "org-of-somebody-else")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-of-somebody-else")
    with OpenAIServer() as server:
        (model,) = resolve(store, "openai/a", api_base=f"{server.url}/v1")
        model.chat.invoke("hello")
        assert "somebody-else" not in repr(server.seen[0].headers)


def test_nothing_of_the_process_is_on_the_wire() -> None:
    """A sample of the providers that go by a key; `python wire.py` asks them all."""
    sample = [*random.Random(8).sample(sorted(BY_KEY), 16), "openai", "anthropic", "gemini"]
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("wire.py")), *sample],
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(lines) == len(sample)
    assert [each for each in lines if not each["mine"] or each["canaries"]] == []


def test_no_provider_goes_by_a_key_and_by_an_account() -> None:
    assert not BY_KEY & ACCOUNTS.keys()


def test_prices_of_the_list_are_estimates_elsewhere(store: ArtifactStore) -> None:
    (listed,) = resolve(store, "openai/gpt-4o")
    (elsewhere,) = resolve(store, "openai/gpt-4o", api_base="http://localhost:8000/v1")
    (unlisted,) = resolve(store, "openai/some-model-of-mine")
    usage = tokens(1_000_000, 1_000_000)
    assert (listed.usd(usage), listed.basis) == (12.5, "known")
    assert (elsewhere.usd(usage), elsewhere.basis) == (12.5, "estimated")
    assert unlisted.usd(usage) is None
    assert (listed.most_output, unlisted.most_output) == (16384, None)


def test_cached_tokens_cost_what_the_list_says(store: ArtifactStore) -> None:
    (model,) = resolve(store, "openai/gpt-4o")
    cached: Any = {**tokens(1_000_000, 0), "input_token_details": {"cache_read": 1_000_000}}
    assert model.usd(cached) == pytest.approx(1.25)


def test_who_sees_pictures(store: ArtifactStore) -> None:
    seeing, blind = resolve(store, "openai/gpt-4o", "openai/gpt-3.5-turbo")
    assert (seeing.sees, blind.sees) == (True, False)
