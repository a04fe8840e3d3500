"""The open sessions of a graph: opened on first use, closed when the graph's run ends in any way.

A session is found by the episode's id in the state. LangGraph's runtime context belongs to the embedding user,
so nothing is kept there: a callback handler on the compiled graph learns which runs belong to which graph run, and
closes their sessions on its end, error or cancellation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackManager
from langchain_core.runnables import RunnableConfig

from llmi_agent.base.errors import InputError, LlmiError
from llmi_agent.run.call_ends import STOPPED
from llmi_agent.run.session import Session


class Sessions(AsyncCallbackHandler):
    """Put it into the graph's callbacks: `graph.with_config(callbacks=[sessions])`."""

    run_inline = True
    # It watches runs of graphs and nodes, and is not to be told of every token.
    ignore_llm = ignore_chat_model = ignore_retriever = ignore_agent = True
    ignore_retry = ignore_custom_event = True

    def __init__(self) -> None:
        self._parents: dict[UUID, UUID | None] = {}
        self._episodes: dict[UUID, set[str]] = {}
        """By the graph's own run: the episodes that are open in it."""
        self._open: dict[str, asyncio.Task[Session]] = {}

    async def get(
        self,
        episode: str,
        config: RunnableConfig,
        make: Callable[[], Coroutine[Any, Any, Session]],
    ) -> Session:
        """The episode's session, made if this is its first use; it ends with the run of `config`.

        Raises CancelledError if that run has ended already: a node that is still unwinding must not open
        what nobody will close. Raises InputError if the episode belongs to another run that still goes on.
        """
        root = self._root_of(config)
        if root is None:
            raise asyncio.CancelledError("the run has ended")
        if episode not in self._open:
            self._open[episode] = asyncio.create_task(make(), name=f"llmi-open-{episode}")
            self._episodes[root].add(episode)
        elif episode not in self._episodes[root]:
            raise InputError(f"the run {episode} is still going on")
        opening = self._open[episode]
        if not opening.done():
            await asyncio.wait((opening,))
        return opening.result()

    def left_out(self, config: RunnableConfig) -> RunnableConfig:
        """The same for a model's call, which opens no session: LangChain takes its time to ask each handler at each token."""
        callbacks = config.get("callbacks")
        if not isinstance(callbacks, BaseCallbackManager):
            return config
        others = callbacks.copy()
        others.remove_handler(self)
        return {**config, "callbacks": others}

    async def on_chain_start(
        self,
        serialized: dict[str, Any],
        inputs: dict[str, Any],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **kwargs: Any,
    ) -> None:
        # The handler is inherited downwards only: the first run whose parent it does not know is the graph's own.
        if parent_run_id not in self._parents:
            self._episodes[run_id] = set()
        self._parents[run_id] = parent_run_id

    async def on_chain_end(self, outputs: dict[str, Any], *, run_id: UUID, **kwargs: Any) -> None:
        await self._ended(run_id)

    async def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        await self._ended(run_id, error)

    async def _ended(self, run: UUID, why: BaseException | None = None) -> None:
        self._parents.pop(run, None)
        for episode in self._episodes.pop(run, ()):
            if opening := self._open.pop(episode, None):
                await _closed(opening, why)

    def _root_of(self, config: RunnableConfig) -> UUID | None:
        callbacks = config.get("callbacks")
        run = callbacks.parent_run_id if isinstance(callbacks, BaseCallbackManager) else None
        while run is not None and run not in self._episodes:
            run = self._parents.get(run)
        return run


async def _closed(opening: asyncio.Task[Session], why: BaseException | None) -> None:
    """Close it on the loop it lives on, which is another one if the graph was called synchronously."""
    loop = opening.get_loop()
    if loop is asyncio.get_running_loop():
        await _close(opening, why)
    else:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_close(opening, why), loop))


async def _close(opening: asyncio.Task[Session], why: BaseException | None) -> None:
    """Whoever wanted a session that could not be opened has been told why."""
    await asyncio.wait((opening,))
    if not opening.cancelled() and opening.exception() is None:
        await opening.result().aclose(_words(why) if why else "")


def _words(why: BaseException) -> str:
    if isinstance(why, asyncio.CancelledError):
        return STOPPED.message
    return str(why) if isinstance(why, LlmiError) else f"{type(why).__name__}: {why}"
