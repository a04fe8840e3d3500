"""From a verb to a node that async and sync callers of a graph can run."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig

from llmi_agent.base import background

MOST_STEPS = 10_000

Verb = Callable[[Any, RunnableConfig], Coroutine[Any, Any, Any]]


class Node(Runnable[Any, Any]):
    """The async function `verb(state, config)`; sync callers run it on the background loop.

    A Runnable of its own rather than a RunnableLambda: LangGraph has already opened the node's run, and a second one around
    each verb would cost every document time for nothing.
    """

    name: str | None = None
    """Runnable promises the attribute, and does not set it."""

    def __init__(self, verb: Verb) -> None:
        self._verb = verb

    def invoke(
        self,
        input: Any,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Any:
        return background.run(self._verb(input, config or {}))

    async def ainvoke(
        self,
        input: Any,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Any:
        return await self._verb(input, config or {})


class Unlimited(Runnable[Any, Any]):
    """A subgraph that the caller's `recursion_limit` does not cut: its own rounds are bounded by the options."""

    def __init__(self, graph: Runnable[Any, Any]) -> None:
        self._graph = graph

    def invoke(
        self,
        input: Any,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Any:
        return self._graph.invoke(input, _unlimited(config))

    async def ainvoke(
        self,
        input: Any,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Any:
        return await self._graph.ainvoke(input, _unlimited(config))


def _unlimited(config: RunnableConfig | None) -> RunnableConfig:
    return {**(config or {}), "recursion_limit": MOST_STEPS}
