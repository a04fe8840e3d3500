"""What every run starts from: the configuration, the registry of tools, the bindings, and the graph."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import entry_points
from typing import Any

from llmi_agent.base.errors import ConfigError, UnavailableError
from llmi_agent.base.secrets import secrets_in, warnings_of
from llmi_agent.config.layers import suggestion
from llmi_agent.config.load import Config, load_config
from llmi_agent.config.options import ASIDE
from llmi_agent.contract.hooks import ENTRY_POINTS
from llmi_agent.host import registry as registries
from llmi_agent.host.registry import Bindings, Registry
from llmi_agent.runner.graphs import Builder, Graph, find_graph
from llmi_agent.store.artifacts import ArtifactStore


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
    graph: str = "interleave"
    """The graph to run, by its entry point."""

    @cached_property
    def bindings(self) -> Bindings:
        """Raises ConfigError or UnavailableError if a tool that was named cannot be used."""
        return self.registry.bind(self.config.use, self.secrets)

    def with_options(self, **update: Any) -> Setup:
        """The same with other values of options; the graph and the bindings, which do not follow from any, are not looked for again."""
        options = self.config.options.model_copy(update=update)
        other = replace(self, config=replace(self.config, options=options))
        known = {name: each for name, each in vars(self).items() if name in ("bindings", "builder")}
        vars(other).update(known)
        return other

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

    @cached_property
    def builder(self) -> Builder:
        """Raises ConfigError if there is no such graph, LlmiError if it cannot be imported."""
        return find_graph(self.graph)

    @property
    def digest(self) -> str:
        """Of all that decides what a prompt becomes, but for secrets, the model's address, money, pace,
        and how much is kept.

        An option that is left at its default is not in it, so that one which a later version adds changes nothing.
        """
        config = self.config
        told = {
            "graph": self.graph,
            "models": [self.model, *config.fallback],
            "bindings": self.bindings.names,
            "options": config.options.model_dump(
                mode="json", exclude=set(ASIDE), exclude_defaults=True
            ),
            "tools": config.tools,
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()

    def check(self) -> None:
        """Raises what would stop every run: UnavailableError if no picture can be made, and what `builder` raises."""
        if not self.bindings.tools:
            raise UnavailableError(
                "no tool is there to make pictures: pip install 'llmi-agent[tools]', "
                "and see `llmi tools`"
            )
        _ = self.builder

    def build(self, store: ArtifactStore) -> Graph:
        """The graph, which keeps what it makes in `store`. Raises what its builder raises."""
        config = self.config
        return self.builder(
            model=self.model,
            fallback=config.fallback,
            api_base=config.api_base,
            tools=self.registry,
            use=config.use,
            secrets=self.secrets,
            options=config.options,
            settings=config.tools,
            store=store,
        )


def prepare(flags: Mapping[str, Any], graph: str = Setup.graph) -> Setup:
    """Configure and discover. Raises ConfigError, and PluginError if problems are to be errors."""
    config = load_config(flags)
    if config.plugins is not None:
        _check_plugins(config)
    registry = registries.discover(config.plugins, strict=config.strict)
    return Setup(config, registry, os.environ, graph)


def _check_plugins(config: Config) -> None:
    installed = sorted(entry_points(group=ENTRY_POINTS).names)
    for name in config.plugins or ():
        if name not in installed:
            known = suggestion(name, installed)
            origin = config.origins["plugins"]
            raise ConfigError(f"{origin}: no plugin {name!r} is installed; {known}")
