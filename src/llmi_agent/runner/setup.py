"""What every run starts from: the configuration, the registry of tools, and the bindings."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import entry_points
from typing import Any

from llmi_agent.base.errors import ConfigError
from llmi_agent.base.secrets import secrets_in, warnings_of
from llmi_agent.config.layers import suggestion
from llmi_agent.config.load import Config, load_config
from llmi_agent.contract.hooks import ENTRY_POINTS
from llmi_agent.host import registry as registries
from llmi_agent.host.registry import Bindings, Registry


@dataclass(frozen=True)
class Problem:
    """What does not stop a run, but should be known."""

    event: str
    """What it is called in logs."""
    sentence: str


@dataclass(frozen=True)
class Setup:
    """Read once, when a program starts."""

    config: Config
    registry: Registry
    secrets: Mapping[str, str]

    @cached_property
    def bindings(self) -> Bindings:
        """Raises ConfigError or UnavailableError if a tool that was named cannot be used."""
        return self.registry.bind(self.config.use, self.secrets)

    @property
    def model(self) -> str:
        """The model's name. Raises UnavailableError if none is chosen and no policy writes without."""
        return self.config.model or self.registry.policies.default

    @property
    def problems(self) -> Iterator[Problem]:
        """Each plugin's, each setting that reaches no tool, and each secret that is not erased."""
        for problem in self.registry.host.problems:
            yield Problem("plugin.problem", str(problem))
        for name in self.config.tools:
            if name not in self.registry.tools:
                known = suggestion(name, self.registry.tools)
                sentence = f"[tools.{name}] configures a tool that is not installed; {known}"
                yield Problem("notice", sentence)
        for sentence in warnings_of(secrets_in(self.secrets)):
            yield Problem("secret.not_erased", sentence)


def prepare(flags: Mapping[str, Any]) -> Setup:
    """Configure and discover. Raises ConfigError, and PluginError if problems are to be errors."""
    config = load_config(flags)
    if config.plugins is not None:
        _check_plugins(config)
    registry = registries.discover(config.plugins, strict=config.strict)
    return Setup(config, registry, os.environ)


def _check_plugins(config: Config) -> None:
    installed = sorted(entry_points(group=ENTRY_POINTS).names)
    for name in config.plugins or ():
        if name not in installed:
            known = suggestion(name, installed)
            origin = config.origins["plugins"]
            raise ConfigError(f"{origin}: no plugin {name!r} is installed; {known}")
