"""The policies of the installed plugins: which of them answers a model's name."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from llmi_agent.base.errors import ConfigError, UnavailableError
from llmi_agent.contract.policy import ANY, PolicySpec
from llmi_agent.host.plugins import PluginHost
from llmi_agent.host.unique import unique

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from llmi_agent.contract.policy import PolicyModel, PolicyRequest

USUAL = "llmi-offline and llmi-litellm"
"""The distributions that bring the policies of the README, for who has none of them."""


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
    """All policies by name."""

    def __init__(self, host: PluginHost) -> None:
        found = [
            RegisteredPolicy(spec, plugin.name, plugin.distribution, plugin.version)
            for plugin in host.plugins
            for spec in plugin.policies
        ]
        self.by_name = unique("policy", found, host)

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
        names = sorted(name for name, each in self.by_name.items() if each.spec.default)
        if not names:
            raise UnavailableError(f"no model is chosen; {self._next_step()}")
        if len(names) > 1:
            raise ConfigError(
                f"no model is chosen, and {', '.join(names)} would each write; choose with --model"
            )
        return names[0]

    def _next_step(self) -> str:
        there = f"there are {', '.join(sorted(self.by_name))}" if self.by_name else "there is none"
        if ANY in self.by_name:
            return f"{there}: choose one with --model"
        return f"{there}: choose one with --model, or pip install {USUAL.replace(' and', '')}"


def _nearness(spec: PolicySpec) -> tuple[bool, int]:
    return spec.prefix is None, len(spec.name)
