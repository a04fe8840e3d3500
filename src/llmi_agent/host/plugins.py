"""The plugin host: finds plugins, loads each on its own, and calls their hooks.

pluggy's own loader stops at the first bad plugin; this one turns whatever goes wrong into a `PluginProblem`
and goes on with the others. `LLMI_STRICT=1` (`strict=True`) raises instead.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from asyncio import CancelledError
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, TypeVar

import pluggy

from llmi_agent.base.errors import PluginError
from llmi_agent.base.logs import get_logger
from llmi_agent.contract.hooks import ENTRY_POINTS, Hooks
from llmi_agent.contract.judging import JudgeSpec, RewardSpec
from llmi_agent.contract.policy import PolicySpec
from llmi_agent.contract.spec import ToolSpec

HOOKS = tuple(name for name in vars(Hooks) if name.startswith("llmi_"))

Stage = Literal[
    "contract", "import", "hooks", "tools", "policies", "judges", "rewards", "name", "load"
]

Spec = TypeVar("Spec", ToolSpec, PolicySpec, JudgeSpec, RewardSpec)
Answer = TypeVar("Answer")

SECONDS = 300.0
"""How long a hook that reads a file may take."""


@dataclass(frozen=True)
class PluginProblem:
    """Why a plugin, or something that it brings, is not used."""

    plugin: str
    distribution: str
    version: str
    stage: Stage
    cause: str
    remedy: str

    def __str__(self) -> str:
        return (
            f"plugin {self.plugin} ({self.distribution} {self.version}): {self.stage}: "
            f"{self.cause}; {self.remedy}"
        )


@dataclass(frozen=True)
class Plugin:
    """A plugin that loaded."""

    name: str
    distribution: str
    version: str
    specs: tuple[ToolSpec, ...]
    policies: tuple[PolicySpec, ...] = ()
    judges: tuple[JudgeSpec, ...] = ()
    rewards: tuple[RewardSpec, ...] = ()


class PluginHost:
    """The loaded plugins, their tools, and the way to their hooks."""

    def __init__(self, *, strict: bool = False) -> None:
        self.plugins: list[Plugin] = []
        self.problems: list[PluginProblem] = []
        self._strict = strict
        self._manager = pluggy.PluginManager("llmi_agent")
        self._manager.add_hookspecs(Hooks)

    def add(self, plugin: object, name: str, distribution: str = "", version: str = "") -> None:
        """Register an imported plugin and ask it for all that it brings; problems are kept, not raised."""
        identity = (name, distribution or name, version or "?")
        if not self._register(plugin, identity):
            return
        stage: Stage = "tools"
        try:
            specs = tuple(self._specs_of(name, "llmi_tools", ToolSpec))
            stage = "policies"
            policies = tuple(self._specs_of(name, "llmi_policies", PolicySpec))
            stage = "judges"
            judges = tuple(self._specs_of(name, "llmi_judges", JudgeSpec))
            stage = "rewards"
            rewards = tuple(self._specs_of(name, "llmi_rewards", RewardSpec))
        except (Exception, SystemExit, CancelledError) as error:  # noqa: BLE001 - a plugin may raise anything
            self._manager.unregister(name=name)
            self._drop(identity, stage, error, f"fix what its llmi_{stage} hook returns")
            return
        self.plugins.append(Plugin(*identity, specs, policies, judges, rewards))

    def load(self, entry: EntryPoint) -> None:
        """Import a plugin from its entry point and add it."""
        distribution = entry.dist.name if entry.dist else entry.name
        version = entry.dist.version if entry.dist else "?"
        try:
            plugin = entry.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - as above
            remedy = f"reinstall or uninstall {distribution}"
            self._drop((entry.name, distribution, version), "import", error, remedy)
            return
        self.add(plugin, entry.name, distribution, version)

    def refuse(self, entry: EntryPoint) -> None:
        """Name a plugin that was written for another version of the contract; it is not imported."""
        distribution = entry.dist.name if entry.dist else entry.name
        version = entry.dist.version if entry.dist else "?"
        cause = ValueError(f"written for the contract {entry.group}; this is {ENTRY_POINTS}")
        remedy = f"install a release of {distribution} for {ENTRY_POINTS}"
        self._drop((entry.name, distribution, version), "contract", cause, remedy)

    def problem(self, problem: PluginProblem) -> None:
        """Keep a problem found elsewhere, such as two tools of one name."""
        if self._strict:
            raise PluginError(str(problem))
        self.problems.append(problem)

    async def first(self, hook: str, **arguments: Any) -> Any:
        """The first answer that is not None, asking one plugin after the other.

        The order is pluggy's: the last registered first, `tryfirst` and `trylast` honoured.
        """
        for implementation in self._implementations(hook):
            answer = _called(implementation, arguments)
            value = await answer if inspect.isawaitable(answer) else answer
            if value is not None:
                return value
        return None

    async def answer(self, hook: str, form: type[Answer], **arguments: Any) -> Answer | None:
        """The first answer of this form, as `first`, for hooks that may take long: plain functions run in a thread.

        A plugin that fails, says something else or takes over `SECONDS` is logged, and the next one is asked.
        """
        for implementation in self._implementations(hook):
            try:
                async with asyncio.timeout(SECONDS):
                    value = await asyncio.to_thread(_called, implementation, arguments)
                    value = await value if inspect.isawaitable(value) else value
                if isinstance(value, form):
                    return value
                if value is not None:
                    raise TypeError(f"it must return a {form.__name__}, not {type(value).__name__}")
            except Exception as error:  # noqa: BLE001 - a plugin may raise anything
                _log_failure(hook, implementation, error)
        return None

    def hears(self, hook: str) -> bool:
        """Whether any plugin implements it."""
        return bool(getattr(self._manager.hook, hook).get_hookimpls())

    async def each(self, hook: str, **arguments: Any) -> None:
        """Tell every plugin, one after the other; one that fails is logged."""
        for implementation in self._implementations(hook):
            try:
                answer = _called(implementation, arguments)
                if inspect.isawaitable(answer):
                    await answer
            except Exception as error:  # noqa: BLE001 - who only watches must not undo what is done
                _log_failure(hook, implementation, error)

    def _implementations(self, hook: str) -> Iterator[pluggy.HookImpl]:
        implementations: list[pluggy.HookImpl] = getattr(self._manager.hook, hook).get_hookimpls()
        return reversed(implementations)

    def _register(self, plugin: object, identity: tuple[str, str, str]) -> bool:
        name = identity[0]
        if self._manager.has_plugin(name):
            cause = ValueError(f"another distribution has a plugin named {name!r}")
            self._drop(identity, "name", cause, "uninstall one of the two")
            return False
        try:
            self._manager.register(plugin, name=name)
            self._check_hooks(plugin)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - as above
            remedy = f"the hooks are {', '.join(HOOKS)}; docs/plugins.md has their signatures"
            self._drop(identity, "hooks", error, remedy)
            self._manager.unregister(name=name)
            return False
        return True

    def _check_hooks(self, plugin: object) -> None:
        """Raises ValueError for what pluggy lets pass and we cannot call."""
        callers = self._manager.get_hookcallers(plugin) or []
        if not callers:
            raise ValueError("it implements no hook; is @hookimpl missing?")
        for caller in callers:
            if not caller.has_spec():
                raise ValueError(f"no such hook: {caller.name}")
            for each in caller.get_hookimpls():
                if each.plugin is plugin and (each.wrapper or each.hookwrapper):
                    raise ValueError(
                        f"{caller.name} is a wrapper; hooks are plain or async functions"
                    )

    def _specs_of(self, name: str, hook: str, form: type[Spec]) -> Iterator[Spec]:
        for implementation in getattr(self._manager.hook, hook).get_hookimpls():
            if implementation.plugin_name == name:
                yield from _checked(hook, implementation.function(), form)

    def _drop(
        self,
        identity: tuple[str, str, str],
        stage: Stage,
        error: BaseException,
        remedy: str,
    ) -> None:
        cause = " ".join(f"{type(error).__name__}: {error}".split())[:500]
        self.problem(PluginProblem(*identity, stage=stage, cause=cause, remedy=remedy))


USUAL = ("llmi-offline", "llmi-litellm")
"""The plugins that bring the models of the README and the reading of files. They were the core's once, and a choice of
plugins that was made then, and leaves them out, does not mean them."""


def load_plugins(names: Collection[str] | None = None, *, strict: bool = False) -> PluginHost:
    """The host with every installed plugin, or only those `names` and the `USUAL` ones (filtered before any import).

    With `strict`, the first problem raises PluginError.
    """
    host = PluginHost(strict=strict)
    for entry in _entries(names):
        if entry.group == ENTRY_POINTS:
            host.load(entry)
        else:
            host.refuse(entry)
    return host


@cache
def installed() -> PluginHost:
    """All installed plugins, loaded once in a process."""
    return load_plugins()


def _entries(names: Collection[str] | None) -> list[EntryPoint]:
    """The plugins of every version of the contract, by name."""
    versions = re.compile(re.escape(ENTRY_POINTS.rpartition(".v")[0]) + r"\.v\d+")
    groups = sorted(group for group in entry_points().groups if versions.fullmatch(group))
    found = [entry for group in groups for entry in entry_points(group=group)]
    wanted = [entry for entry in found if names is None or entry.name in (*names, *USUAL)]
    return sorted(wanted, key=lambda entry: (entry.name, entry.group))


def _log_failure(hook: str, implementation: pluggy.HookImpl, error: Exception) -> None:
    words = f"{type(error).__name__}: {error}"
    get_logger().warning("hook.failed", hook=hook, plugin=implementation.plugin_name, error=words)


def _called(implementation: pluggy.HookImpl, arguments: dict[str, Any]) -> Any:
    """Call one hook with the arguments that it asks for."""
    wanted = {name: arguments[name] for name in implementation.argnames}
    return implementation.function(**wanted)


def _checked(hook: str, specs: object, form: type[Spec]) -> Iterator[Spec]:
    if not isinstance(specs, Sequence) or isinstance(specs, str):
        raise TypeError(f"{hook} must return a list of {form.__name__}, not {type(specs).__name__}")
    for spec in specs:
        if not isinstance(spec, form):
            raise TypeError(f"{hook} must return {form.__name__}s, not {type(spec).__name__}")
        yield spec
