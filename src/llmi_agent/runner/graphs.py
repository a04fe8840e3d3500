"""Graphs by name. The framework imports none: they are entry points, so `--graph` runs anyone's."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any, Protocol, cast

from llmi_agent.base.errors import ConfigError, LlmiError
from llmi_agent.config.layers import suggestion

GROUP = "llmi_agent.graphs.v1"
FORMER_GROUP = "llmi_agent.graphs"
"""From before the group had a version; it still counts."""


class Graph(Protocol):
    """What a builder gives: a compiled LangGraph graph."""

    def astream(self, input: Any, *, stream_mode: Any) -> Any:  # noqa: A002 - LangGraph's name
        """Pairs of mode and event."""


class Builder(Protocol):
    """An entry point of the group: the keyword arguments of `llmi_graphs.build_graph`."""

    def __call__(self, **arguments: Any) -> Graph: ...


def find_graph(name: str) -> Builder:
    """The builder that goes by `name`. Raises ConfigError if there is none, LlmiError if it cannot be imported."""
    groups = (FORMER_GROUP, GROUP)
    found = {entry.name: entry for group in groups for entry in entry_points(group=group)}
    if name not in found:
        raise ConfigError(f"there is no graph {name!r}; {suggestion(name, sorted(found))}")
    entry = found[name]
    try:
        return cast("Builder", entry.load())
    except (Exception, SystemExit) as error:  # anybody's code is imported here
        cause = f"{type(error).__name__}: {error}"
        raise LlmiError(f"graph {name} ({entry.value}) cannot be loaded: {cause}") from error
