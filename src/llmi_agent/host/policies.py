"""The policies of the installed plugins: which of them answers a model's name."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING

from llmi_agent.base.errors import ConfigError, InputError, LlmiError, UnavailableError
from llmi_agent.contract.policy import ANY, PolicyFailed, PolicySpec
from llmi_agent.host.plugins import USUAL, PluginHost, installed
from llmi_agent.host.unique import unique

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from llmi_agent.contract.policy import PolicyModel, PolicyRequest


@dataclass(frozen=True)
class RegisteredPolicy:
    """A policy, and the plugin that it comes from."""

    spec: PolicySpec
    plugin: str
    distribution: str
    version: str

    def make(self, request: PolicyRequest) -> BaseChatModel | PolicyModel:
        """The chat model, whichever error its factory raises."""
        module, _, attribute = self.spec.load.partition(":")
        made: BaseChatModel | PolicyModel = getattr(import_module(module), attribute)(request)
        return made


class Policies:
    """All policies by name.

    installed: those of the installed plugins answer a name that nobody else does, for a registry made in code.
    """

    def __init__(self, host: PluginHost, *, installed: bool = False) -> None:
        found = [
            RegisteredPolicy(spec, plugin.name, plugin.distribution, plugin.version)
            for plugin in host.plugins
            for spec in plugin.policies
        ]
        self.own = unique("policy", found, host)
        self._installed = installed

    @cached_property
    def by_name(self) -> Mapping[str, RegisteredPolicy]:
        """Every policy there is."""
        if not self._installed:
            return self.own
        return {**Policies(installed()).own, **self.own}

    def also(self, policy: RegisteredPolicy) -> Policies:
        """These, and one more; it goes before another one of its name."""
        more = copy(self)
        more.__dict__.pop("by_name", None)
        more.own = {**self.own, policy.spec.name: policy}
        return more

    def knows(self, name: str) -> bool:
        """Whether a policy answers this name, other than one that takes any."""
        own = (each.spec for each in self.by_name.values() if each.spec.name != ANY)
        return any(spec.answers(name) for spec in own)

    def find(self, name: str) -> RegisteredPolicy:
        """The policy that answers a name: the exact one, else the longest prefix, else who takes any.

        Raises ConfigError if there is none.
        """
        answering = [each for each in self.by_name.values() if each.spec.answers(name)]
        if answering:
            return max(answering, key=lambda each: _nearness(each.spec))
        raise ConfigError(f"no policy answers the model {name!r}; {self._next_step()}")

    @property
    def default(self) -> str:
        """The name of the policy that writes where nobody has chosen a model.

        Raises UnavailableError if there is none, ConfigError if several plugins would.
        """
        names = _defaults(self.own) or _defaults(self.by_name)
        if not names:
            raise UnavailableError(f"no model is chosen; {self._next_step()}")
        if len(names) > 1:
            raise ConfigError(
                f"no model is chosen, and {', '.join(names)} would each write; choose with --model"
            )
        return names[0]

    def _next_step(self) -> str:
        names = ", ".join(sorted(self.by_name))
        choose = f"the installed ones are {names}; choose one with --model" if names else ""
        if ANY in self.by_name:
            return choose
        more = f"pip install {' '.join(USUAL)} (LLMI_PLUGINS, where it is set, must name them)"
        return f"{choose}, or {more}" if choose else more


def error_of(failed: PolicyFailed) -> LlmiError:
    """What a policy's failure is to the user."""
    kinds = {"input": InputError, "setting": ConfigError, "unavailable": UnavailableError}
    return kinds[failed.reason](str(failed))


def _defaults(policies: Mapping[str, RegisteredPolicy]) -> list[str]:
    return sorted(name for name, each in policies.items() if each.spec.default)


def _nearness(spec: PolicySpec) -> tuple[bool, int]:
    return spec.prefix is None, len(spec.name)
