"""The registry of tools, and the bindings: which tool serves which kind in a run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from types import MappingProxyType
from typing import Any, Literal, Protocol, cast

from pydantic import BaseModel

from llmi_agent.base.errors import ConfigError, PluginError, UnavailableError
from llmi_agent.contract.kinds import WELL_KNOWN, Kind
from llmi_agent.contract.preview import Preview
from llmi_agent.contract.spec import ToolSpec
from llmi_agent.contract.tool import ArtifactReader, Attachment, Tool
from llmi_agent.host.plugins import PluginHost, installed, load_plugins
from llmi_agent.host.policies import Policies, RegisteredPolicy
from llmi_agent.host.unique import unique

EMBEDDED = frozenset({"llmi-edit", "llmi-gallery", "llmi-sandbox", "llmi-sketch"})
"""The distributions of the tools that the extra `llmi-agent[tools]` brings: the defaults that need no key."""

Standing = Literal["ready", "embedded", "installed", "needs key", "opt-in"]
_ORDER: tuple[Standing, ...] = ("ready", "embedded", "installed", "needs key", "opt-in")


class LiveTool(Protocol):
    """A tool object with its spec, handed over in code rather than by a plugin."""

    spec: ToolSpec
    run: Callable[..., Any]


@dataclass(frozen=True)
class Registered:
    """A tool in the registry."""

    spec: ToolSpec
    plugin: str
    distribution: str
    version: str
    make: Callable[[], Tool]
    shared: bool = False
    """`make` gives the same object each time, whose end is its owner's business."""

    def missing(self, secrets: Mapping[str, str]) -> tuple[str, ...]:
        """The secrets that it needs and that are not there."""
        return tuple(name for name in self.spec.needs if not secrets.get(name))

    def standing(self, secrets: Mapping[str, str]) -> Standing:
        """Its place in the order of `Registry.of_kind`, in a word."""
        if self.spec.opt_in:
            return "opt-in"
        if self.missing(secrets):
            return "needs key"
        if self.spec.needs:
            return "ready"
        return "embedded" if self.distribution in EMBEDDED else "installed"


@dataclass(frozen=True)
class Bindings:
    """One tool for each kind, decided before a run starts."""

    tools: Mapping[str, Registered]

    @cached_property
    def kinds(self) -> Mapping[str, Kind]:
        return {name: tool.spec.as_kind() for name, tool in self.tools.items()}

    @cached_property
    def params(self) -> Mapping[str, type[BaseModel]]:
        """The models that validate each kind's parameters, for the draft's readers."""
        return {name: kind.params for name, kind in self.kinds.items()}

    @property
    def names(self) -> dict[str, str]:
        return {kind: tool.spec.name for kind, tool in self.tools.items()}

    def __str__(self) -> str:
        return ", ".join(f"{kind}={name}" for kind, name in self.names.items())


class Registry:
    """All tools by name, the policies, and the host whose hooks go with them."""

    def __init__(
        self,
        tools: Iterable[Registered],
        host: PluginHost,
        policies: Policies | None = None,
        *,
        in_code: bool = False,
    ) -> None:
        self.host = host
        self._in_code = in_code
        self.tools = unique("tool", tools, host)
        self.policies = policies or Policies(host)

    def also(self, policy: RegisteredPolicy) -> Registry:
        """It, and one more policy, such as one that lives in this process."""
        more = copy(self)
        more.policies = self.policies.also(policy)
        return more

    async def preview(self, attachment: Attachment, artifacts: ArtifactReader) -> Preview | None:
        """What the first plugin that reads the file tells of it; the installed ones too where tools came in code."""
        asked = {"attachment": attachment, "artifacts": artifacts}
        found = await self.host.answer("llmi_preview", Preview, **asked)
        if found is None and self._in_code:
            return await installed().answer("llmi_preview", Preview, **asked)
        return found

    def of_kind(self, kind: str, secrets: Mapping[str, str]) -> list[Registered]:
        """The tools of a kind in the order of preference that `llmi tools` prints.

        Hosted ones whose key is set, then the embedded defaults, then others without a key; after
        these, never bound on their own: tools whose key is missing, and tools that are opt-in.
        """
        tools = [tool for tool in self.tools.values() if tool.spec.kind == kind]
        return sorted(tools, key=lambda t: (_ORDER.index(t.standing(secrets)), t.spec.name))

    @property
    def kinds(self) -> list[str]:
        """Every kind that some tool serves: the well-known ones first, then by name."""
        found = {tool.spec.kind for tool in self.tools.values()}
        return [k for k in WELL_KNOWN if k in found] + sorted(found - set(WELL_KNOWN))

    def bind(self, use: Mapping[str, str], secrets: Mapping[str, str]) -> Bindings:
        """Decide which tool serves each kind; `use` maps a kind to a tool's name.

        Raises ConfigError for an unknown kind or tool, UnavailableError for a named tool whose key
        is missing.
        """
        named = {kind: self._named(kind, name, secrets) for kind, name in use.items()}
        bound: dict[str, Registered] = {}
        for kind in self.kinds:
            best = named.get(kind) or self._best(kind, secrets)
            if best:
                bound[kind] = best
        return Bindings(MappingProxyType(bound))

    def _best(self, kind: str, secrets: Mapping[str, str]) -> Registered | None:
        usable = ("ready", "embedded", "installed")
        candidates = self.of_kind(kind, secrets)
        return next((tool for tool in candidates if tool.standing(secrets) in usable), None)

    def _named(self, kind: str, name: str, secrets: Mapping[str, str]) -> Registered:
        if kind not in self.kinds:
            raise ConfigError(f"no tool serves the kind {kind!r}; kinds are {_list(self.kinds)}")
        tool = self.tools.get(name)
        if tool is None or tool.spec.kind != kind:
            names = [each.spec.name for each in self.of_kind(kind, secrets)]
            raise ConfigError(f"no tool {name!r} serves {kind}; tools that do: {_list(names)}")
        if missing := tool.missing(secrets):
            raise UnavailableError(f"tool {name} needs {_list(missing)}; set it and run again")
        return tool


def discover(names: Collection[str] | None = None, *, strict: bool = False) -> Registry:
    """The registry of all installed plugins, or only of those `names`."""
    host = load_plugins(names, strict=strict)
    return Registry(_registered(host), host)


def registry_of(*tools: ToolSpec | LiveTool, hooks: Sequence[object] = ()) -> Registry:
    """A registry made in code: specs, or live tools that carry a `spec`; `hooks` are plugin objects.

    A model is still known by the name that an installed plugin's policy answers. Raises PluginError if two tools or two
    policies have one name.
    """
    host = PluginHost(strict=True)
    for number, plugin in enumerate(hooks):
        host.add(plugin, f"hooks-{number}")
    all_ = [*map(_live, tools), *_registered(host)]
    _check_names("tools", [(each.spec.name, _what(each)) for each in all_])
    policies = [spec for plugin in host.plugins for spec in plugin.policies]
    _check_names("policies", [(each.name, each.load) for each in policies])
    return Registry(all_, host, Policies(host, installed=True), in_code=True)


def _check_names(word: str, named: Sequence[tuple[str, str]]) -> None:
    """Raises PluginError if two have one name. named: names, and what goes by them."""
    for name in dict(named):
        same = [what for each, what in named if each == name]
        if len(same) > 1:
            raise PluginError(
                f"{len(same)} {word} made in code are named {name!r}: {', '.join(same)}; "
                "give each a name of its own, or leave out all but one"
            )


def _what(tool: Registered) -> str:
    """What a person knows it by: the class of a live tool, else where it is loaded from."""
    if not tool.shared:
        return tool.spec.load
    made = type(tool.make())
    return f"{made.__module__}.{made.__qualname__}"


def _live(tool: ToolSpec | LiveTool) -> Registered:
    if isinstance(tool, ToolSpec):
        return Registered(tool, "code", "code", "?", _maker(tool))
    return Registered(tool.spec, "code", "code", "?", lambda: cast("Tool", tool), shared=True)


def _registered(host: PluginHost) -> list[Registered]:
    return [
        Registered(spec, plugin.name, plugin.distribution, plugin.version, _maker(spec))
        for plugin in host.plugins
        for spec in plugin.specs
    ]


def _maker(spec: ToolSpec) -> Callable[[], Tool]:
    def make() -> Tool:
        module, _, attribute = spec.load.partition(":")
        return cast("Tool", getattr(import_module(module), attribute)())

    return make


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
