"""A model's key, account and address, out of the secrets of a run, as arguments of a call.

LiteLLM looks for what a call does not name in the process: its environment, the home folder, the machine's cloud
account. That is right for a person at a terminal, and wrong where one process works for many: one tenant's run would
be paid for by another, or by the host. So, unless the process's own credentials are meant, a provider is used only if
all that it needs can be named, and nothing of the process would go before it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import litellm

from llmi_agent.contract import PolicyFailed, PolicyRequest
from llmi_litellm.providers import ACCOUNTS, BY_KEY, KEYS, LOCAL

_ELSEWHERE = ("os.environ/", "oidc/")
"""LiteLLM reads a value that begins so from the process."""


def credentials(request: PolicyRequest) -> dict[str, Any]:
    """The arguments. Raises PolicyFailed for an unknown provider, or if something is missing."""
    name, secrets = request.name, request.secrets
    provider = _provider(name)
    address = request.api_base or _address(provider, secrets)
    names = _key_names(provider)
    key = next((secrets[each] for each in names if secrets.get(each)), None)
    if provider == "hosted_vllm" and not address:
        # litellm would send the prompt to OpenAI instead.
        raise PolicyFailed(
            f"the model {name} needs HOSTED_VLLM_API_BASE or --api-base, the server's address"
        )
    given: dict[str, Any] = {"api_key": key, "api_base": address}
    given |= _account(provider, secrets)
    if not key and (request.api_base or (provider in LOCAL and not request.environment)):
        given["api_key"] = (
            "none"  # a server of one's own may want no key, but its client wants to send one
        )
    given = {argument: value for argument, value in given.items() if value}
    if request.environment:
        _check_key(name, names, given)
    else:
        _check_own(name, provider, names, given, secrets)
    return {**given, **_openai(provider, request)}


def _provider(name: str) -> str:
    """By the name's own beginning, since LiteLLM logs in to some providers to look them up."""
    written = name.partition("/")[0]
    if "/" in name and written in {
        str(getattr(each, "value", each)) for each in litellm.provider_list
    }:
        return written
    try:
        return str(litellm.get_llm_provider(name)[1])
    except litellm.exceptions.BadRequestError:
        raise PolicyFailed(
            f"litellm knows no provider for the model {name!r}; write provider/model, such as "
            "openai/gpt-5 or ollama_chat/qwen3 (https://docs.litellm.ai/docs/providers)",
            "setting",
        ) from None


def _stem(provider: str) -> str:
    return provider.upper().replace("-", "_")


def _key_names(provider: str) -> tuple[str, ...]:
    return KEYS.get(provider, (f"{_stem(provider)}_API_KEY",))


def _address(provider: str, secrets: Mapping[str, str]) -> str | None:
    stem = _stem(provider.removesuffix("_text").removesuffix("_chat"))
    return secrets.get(f"{stem}_API_BASE") or secrets.get(f"{stem}_BASE_URL")


def _account(provider: str, secrets: Mapping[str, str]) -> dict[str, str]:
    """What the provider wants beside a key, as far as it is there."""
    account = ACCOUNTS.get(provider)
    found = {
        argument: secrets[name]
        for argument, names in (account.arguments if account else {}).items()
        for name in reversed(names)
        if secrets.get(name)
    }
    if "vertex_credentials" in found and "vertex_project" not in found:
        project = _service_account(found["vertex_credentials"]).get("project_id")
        return {**found, **({"vertex_project": str(project)} if project else {})}
    return found


def _check_key(name: str, names: tuple[str, ...], given: Mapping[str, Any]) -> None:
    """The process's own credentials are meant: whether the key is there that litellm will look for."""
    missing = [
        each
        for each in litellm.validate_environment(name)["missing_keys"]
        if each.endswith("_API_KEY")
    ]
    if missing and "api_key" not in given:
        raise PolicyFailed(f"the model {name} needs {names[0]}; set it and run again")


def _check_own(
    name: str,
    provider: str,
    names: tuple[str, ...],
    given: Mapping[str, Any],
    secrets: Mapping[str, str],
) -> None:
    """Whether the call will use what is given, and nothing else."""
    for value in given.values():
        if str(value).startswith(_ELSEWHERE):
            raise PolicyFailed(
                f"the model {name}: a secret refers to the process ({value[:11]}...)"
            )
    if provider in BY_KEY:
        if "api_key" not in given:
            raise PolicyFailed(f"the model {name} needs {names[0]}; set it and run again")
        return
    account = ACCOUNTS.get(provider)
    if account is None:
        raise PolicyFailed(
            f"the model {name}: litellm takes the credentials of {provider} from the process, and they are perhaps not "
            "this run's; pass environment=True, or the environment as secrets, if they are meant"
        )
    if not any(set(needs) <= given.keys() for needs in account.needs):
        wanted = " or ".join(", ".join(_variables(provider, needs)) for needs in account.needs)
        raise PolicyFailed(f"the model {name} needs {wanted}; set it and run again")
    before = () if _by_bearer(provider, given) else account.preferred
    foreign = [each for each in before if os.environ.get(each) not in (None, "", secrets.get(each))]
    if foreign:
        raise PolicyFailed(
            f"the model {name}: litellm would use {foreign[0]} of the process instead of this run's secrets; unset it "
            "there, or pass environment=True if it is meant"
        )
    if "vertex_credentials" in given:
        _service_account(str(given["vertex_credentials"]))


def _by_bearer(provider: str, given: Mapping[str, Any]) -> bool:
    """Amazon's bearer token goes before all that would be signed with."""
    return provider == "bedrock" and "api_key" in given


def _variables(provider: str, needs: tuple[str, ...]) -> list[str]:
    names = {"api_key": _key_names(provider), "api_base": (f"{_stem(provider)}_API_BASE",)}
    return [({**names, **ACCOUNTS[provider].arguments}[each])[0] for each in needs]


def _service_account(written: str) -> dict[str, Any]:
    """Google's credentials as JSON. A path, or a kind that leads to other files or commands, would be the host's."""
    try:
        read = json.loads(written)
    except ValueError:
        read = None
    if not isinstance(read, dict) or read.get("type") not in ("service_account", "authorized_user"):
        raise PolicyFailed(
            "VERTEXAI_CREDENTIALS must be the JSON of a service account or an authorized user, not a path",
            "setting",
        )
    return read


def _openai(provider: str, request: PolicyRequest) -> dict[str, Any]:
    """Else the process's own organisation and project would go out with a tenant's key."""
    if provider != "openai":
        return {}
    secrets = request.secrets
    headers = {"OpenAI-Organization": secrets.get("OPENAI_ORGANIZATION", "")}
    if os.environ.get("OPENAI_PROJECT_ID"):
        headers["OpenAI-Project"] = secrets.get("OPENAI_PROJECT_ID", "")
    return {"extra_headers": headers}
