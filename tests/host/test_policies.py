"""Policies by name: who answers which, and what is said if nobody does."""

from __future__ import annotations

from typing import Any

import pytest

from llmi_agent.base.errors import ConfigError, UnavailableError
from llmi_agent.contract import PolicySpec, hookimpl
from llmi_agent.host.plugins import PluginHost
from llmi_agent.host.policies import Policies


class Door:
    def __init__(self, answer: Any) -> None:
        self._answer = answer

    @hookimpl
    def llmi_policies(self) -> Any:
        return self._answer


def spec(name: str = "echo", **fields: Any) -> PolicySpec:
    return PolicySpec(name, "d", load="module:make", **fields)


def host(*answers: Any) -> PluginHost:
    made = PluginHost()
    for number, answer in enumerate(answers):
        made.add(Door(answer), f"door-{number}", f"dist-{number}", "1.0")
    return made


def policies(*specs: PolicySpec) -> Policies:
    return Policies(host(*([each] for each in specs)))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "Echo"}, "lower case"),
        ({"name": ""}, "lower case"),
        ({"name": "a/b"}, "lower case"),
        ({"name": "a*"}, "lower case"),
        ({"load": "module"}, "module:attr"),
        ({"needs": ("*_KEY",)}, "no name of a variable"),
        ({"reads": ("A KEY",)}, "no name of a variable"),
        ({"price": (1.0, -1.0)}, "from 0 up"),
        ({"price": (1.0,)}, "two numbers"),
        ({"default": True, "needs": ("KEY",)}, "needs nothing"),
        ({"default": True, "name": "echo/*"}, "one name"),
    ],
)
def test_a_wrong_spec_says_what_is_wrong(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        PolicySpec(**{"name": "echo", "description": "d", "load": "module:make"} | fields)


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("openai/gpt-5", "*"),
        ("gpt-5", "*"),
        ("echo", "echo"),
        ("echoes", "*"),
        ("vllm/qwen3", "vllm/*"),
        ("vllm", "*"),
        ("vllm/", "*"),
    ],
)
def test_the_exact_name_goes_first_then_a_prefix_then_who_takes_any(
    name: str, answers: str
) -> None:
    found = policies(spec("*"), spec("vllm/*"), spec("echo"))
    assert found.find(name).spec.name == answers


def test_nobody_answers_names_what_there_is_and_the_next_step() -> None:
    with pytest.raises(
        ConfigError, match=r"'gpt-5'; the installed ones are echo, vllm/\*; .*llmi-litellm"
    ):
        policies(spec("vllm/*"), spec("echo")).find("gpt-5")
    with pytest.raises(ConfigError, match=r"'gpt-5'; pip install llmi-offline"):
        policies().find("gpt-5")


def test_the_default_is_the_one_that_says_so() -> None:
    assert policies(spec("*"), spec("echo", default=True)).default == "echo"
    with pytest.raises(UnavailableError, match="no model is chosen"):
        policies(spec("*"), spec("echo")).default  # noqa: B018
    with pytest.raises(ConfigError, match="echo, other would each write"):
        policies(spec("other", default=True), spec("echo", default=True)).default  # noqa: B018


def test_two_policies_of_one_name_are_both_refused() -> None:
    made = host([spec("echo")], [spec("echo"), spec("other")])
    assert list(Policies(made).by_name) == ["other"]
    (problem,) = made.problems
    assert "the policy name 'echo' is claimed by dist-0 1.0, dist-1 1.0" in str(problem)


@pytest.mark.parametrize("answer", ["echo", [1], None])
def test_a_plugin_that_answers_something_else_takes_only_itself_out(answer: Any) -> None:
    made = host(answer, [spec("echo")])
    assert [each.name for each in made.plugins] == ["door-1"]
    assert [each.stage for each in made.problems] == ["policies"]


def test_a_policy_gets_exactly_the_secrets_that_it_names() -> None:
    own = spec(needs=("A_KEY",), reads=("*_API_BASE",))
    secrets = {"A_KEY": "1", "B_KEY": "2", "X_API_BASE": "3", "API_BASE_X": "4"}
    assert own.own(secrets) == {"A_KEY": "1", "X_API_BASE": "3"}
    assert own.missing({"A_KEY": ""}) == ("A_KEY",)
