"""One name, one owner: what two plugins call alike is nobody's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from llmi_agent.host.plugins import PluginHost, PluginProblem


class _Named(Protocol):
    @property
    def name(self) -> str: ...


class Owned(Protocol):
    """A tool or a policy, and the plugin that it comes from."""

    @property
    def spec(self) -> _Named: ...
    @property
    def plugin(self) -> str: ...
    @property
    def distribution(self) -> str: ...
    @property
    def version(self) -> str: ...


Each = TypeVar("Each", bound=Owned)


def unique(word: str, all_: Iterable[Each], host: PluginHost) -> dict[str, Each]:
    """By name; those that share a name are all refused, and the problem names every owner.

    word: what they are, "tool" or "policy".
    """
    by_name: dict[str, list[Each]] = defaultdict(list)
    for each in all_:
        by_name[each.spec.name].append(each)
    for name, same in by_name.items():
        if len(same) > 1:
            host.problem(_clash(word, name, same))
    return {name: same[0] for name, same in by_name.items() if len(same) == 1}


def _clash(word: str, name: str, same: Sequence[Owned]) -> PluginProblem:
    owners = ", ".join(f"{each.distribution} {each.version}" for each in same)
    first = same[0]
    return PluginProblem(
        first.plugin,
        first.distribution,
        first.version,
        stage="name",
        cause=f"the {word} name {name!r} is claimed by {owners}; none of them is used",
        remedy="uninstall one, or name the plugins to load in LLMI_PLUGINS",
    )
