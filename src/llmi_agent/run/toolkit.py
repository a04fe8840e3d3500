"""The toolkit: everything a compiled graph closes over, shared by all its episodes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from llmi_agent.base.logs import get_logger
from llmi_agent.base.secrets import Redactor, secrets_in, warnings_of
from llmi_agent.config.options import Options
from llmi_agent.contract.kinds import Kind
from llmi_agent.contract.tool import Download
from llmi_agent.host.download import Downloader
from llmi_agent.host.registry import Bindings, Registry
from llmi_agent.records.journal import Journal
from llmi_agent.run.limits import Limits
from llmi_agent.run.purse import Purses
from llmi_agent.store.artifacts import ArtifactStore


@dataclass(frozen=True)
class Toolkit:
    """Tools, secrets, settings and the store: nothing here belongs to one episode."""

    registry: Registry
    bindings: Bindings
    store: ArtifactStore
    journal: Journal
    options: Options = field(default_factory=Options)
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Each tool's section of the configuration, by the tool's name."""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    @cached_property
    def redactor(self) -> Redactor:
        """Erases what tools and policies need as secrets, and whatever else goes by the name of one; warns of what it cannot erase."""
        needed = {name for tool in self.registry.tools.values() for name in tool.spec.needs}
        needed |= {name for each in self.registry.policies.own.values() for name in each.spec.needs}
        own = {name: str(v) for each in self.settings.values() for name, v in each.items()}
        named = [
            secrets_in(self.secrets),
            secrets_in(os.environ),
            secrets_in(own),
            {name: self.secrets[name] for name in needed & self.secrets.keys()},
        ]
        for sentence in (each for secrets in named for each in warnings_of(secrets)):
            get_logger().warning("secret.not_erased", message=sentence)
        return Redactor(value for secrets in named for value in secrets.values())

    @cached_property
    def download(self) -> Download:
        """The one way to fetch a picture that somebody else has named."""
        return Downloader(self.options.download_allow)

    @cached_property
    def limits(self) -> Limits:
        """How many calls of each tool run at once, over all episodes."""
        return Limits(self.options)

    @cached_property
    def purses(self) -> Purses:
        """What the episodes of a group may spend together."""
        return Purses(self.journal, self.options.group_budget)

    @property
    def kinds(self) -> Mapping[str, Kind]:
        return self.bindings.kinds
