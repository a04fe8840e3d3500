"""The dispatcher: runs one call, whatever the tool does, and answers with an outcome.

It is the boundary between the framework and plugins. Before a call it looks into the cache and asks the hooks;
during it, it holds the kind's permit and the time limit; after it, untrusted pictures pass the intake and errors are
classified.
A failed tool is data: the only exception that leaves is the cancellation of the dispatcher's own task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from llmi_agent.base.errors import ResourceError
from llmi_agent.contract.spec import ToolSpec
from llmi_agent.contract.tool import (
    Attachment,
    Failed,
    Produced,
    Tool,
    ToolCall,
    ToolContext,
    ToolFailed,
    ToolResult,
)
from llmi_agent.host.registry import Registered
from llmi_agent.records.cache import Cache, identity
from llmi_agent.records.events import By, CallEnded, CallJob, CallStarted, Progressed
from llmi_agent.records.outcome import Finished, Outcome
from llmi_agent.run.admission import admitted
from llmi_agent.run.answer import Asker
from llmi_agent.run.call_ends import STOPPED, end
from llmi_agent.run.previews import copies_of
from llmi_agent.run.seeds import call_seed
from llmi_agent.run.stray_tasks import disowned
from llmi_agent.run.tasks import finish, stop
from llmi_agent.run.tool_answers import ToolAnswers

if TYPE_CHECKING:
    from llmi_agent.run.toolkit import Toolkit


class Dispatcher:
    """Runs the calls of one episode."""

    def __init__(
        self,
        toolkit: Toolkit,
        session: Asker,
        attachments: tuple[Attachment, ...],
        scope: AsyncExitStack,
        log: Any,
    ) -> None:
        self._toolkit = toolkit
        self._session = session
        self._attachments = attachments
        self._scope = scope
        self._log = log
        self._ledger = session.ledger
        self._cache = Cache(toolkit.journal, toolkit.store)
        self._redactor = toolkit.redactor
        self._answers = ToolAnswers(toolkit.redactor)
        self._download = toolkit.download
        self._tools: dict[str, Tool] = {}
        self._permits: dict[str, asyncio.Semaphore] = {}

    async def run(self, call: ToolCall) -> Outcome:
        """Do the call, or find it done; never raises but for the cancellation of the task it runs in.

        Its outcome is on disk then, if it cost something or may have.
        """
        registered = self._toolkit.registry.tools[call.tool]
        context = self._context(call, registered.spec)
        reuse = identity(call, registered, context)
        if known := await self._known(call, registered.spec, reuse):
            self._start(call, registered, context, cached=True)
            ended = await self._reused(call, registered.spec, context, known)
        else:
            ended = await self._made(call, registered, context, reuse)
        told = self._session.tell(ended)
        if self._ledger.costs_money(call.key):
            await told
        return ended.outcome

    def _start(
        self, call: ToolCall, registered: Registered, context: ToolContext, *, cached: bool = False
    ) -> None:
        self._session.tell(
            CallStarted(
                call=call.key,
                slot=call.slot,
                attempt=call.attempt,
                kind=call.kind,
                tool=call.tool,
                version=f"{registered.distribution} {registered.version}",
                description=call.description,
                params=call.params.model_dump(mode="json"),
                inputs=call.inputs,
                seed=context.seed if registered.spec.uses_seed else None,
                cached=cached,
                executes_code=registered.spec.executes_code,
            )
        )

    async def _made(
        self, call: ToolCall, registered: Registered, context: ToolContext, reuse: str | None
    ) -> CallEnded:
        """How the call ended, also if it is stopped. Its pictures are taken in without a permit, which others wait for."""
        limit = self._toolkit.limits.of(call.tool, call.kind)
        async with AsyncExitStack() as permit:
            await permit.enter_async_context(self._permit(call.kind))
            await permit.enter_async_context(limit.held(call.episode))
            self._start(call, registered, context)
            try:
                answer, by = await self._answer(call, registered, context)
                await permit.aclose()
                if by == "nobody":
                    return end(call, answer, by)  # there may be money for it later
                outcome = await self._ended(call, registered.spec, context, answer)
            except asyncio.CancelledError:
                self._session.tell(end(call, STOPPED, "nobody"))
                raise
        # What a hook says is not what the tool would say the next time.
        return end(call, outcome, by, reuse if by == "tool" else None)

    async def _answer(
        self, call: ToolCall, registered: Registered, context: ToolContext
    ) -> tuple[Any, By]:
        """What is answered, and by whom; by nobody, why the call is not made."""
        spec = registered.spec
        answer = await self._hooks_answer(call, spec, context)
        if answer is not None:
            return answer, "hook"
        await self._ledger.turn(self._ledger.price(spec) or 0.0)
        if refusal := self._ledger.reserve_call(call, spec):
            return refusal, "nobody"
        await self._ledger.committed(call.key)
        return await self._timed(call, registered, context), "tool"

    async def _known(self, call: ToolCall, spec: ToolSpec, reuse: str | None) -> Finished | None:
        """An earlier call's result, unless this very call has a vendor's job to pick up."""
        wanted = spec.deterministic or self._session.options.cache
        if reuse is None or not wanted or call.key in self._session.known.jobs:
            return None
        return await asyncio.to_thread(self._cache.find, reuse)

    async def _reused(
        self, call: ToolCall, spec: ToolSpec, context: ToolContext, known: Finished
    ) -> CallEnded:
        """The result that was found, unless a hook says something else: it may be a veto."""
        answer = await self._hooks_answer(call, spec, context)
        if answer is not None:
            return end(call, await self._ended(call, spec, context, answer), "hook")
        result = await asyncio.to_thread(self._cache.produced, known)
        await self._tell(call, spec, context, result)
        return end(call, known, "cache")

    async def _ended(
        self, call: ToolCall, spec: ToolSpec, context: ToolContext, answer: object
    ) -> Outcome:
        result = self._answers.checked(answer, spec)
        outcome = await admitted(result, self._toolkit.store)
        worked = isinstance(result, Produced)
        if isinstance(outcome, Failed) and worked:  # what was made is paid for, picture or not
            outcome = replace(outcome, usd=result.usd)
        self._ledger.settle_call(call, spec, outcome, worked=worked)
        await self._tell(call, spec, context, result)
        return outcome

    async def _tell(
        self, call: ToolCall, spec: ToolSpec, context: ToolContext, result: ToolResult
    ) -> None:
        with disowned():
            await self._toolkit.registry.host.each(
                "llmi_after_call", call=call, spec=spec, result=result, context=context
            )

    async def _hooks_answer(self, call: ToolCall, spec: ToolSpec, context: ToolContext) -> object:
        """What a hook says in the tool's place. A hook that fails is not asked past: it may be an approval."""
        host = self._toolkit.registry.host
        if not host.hears("llmi_before_call"):
            return None
        try:
            with disowned():
                async with asyncio.timeout(self._timeout(spec)):
                    return await host.first(
                        "llmi_before_call", call=call, spec=spec, context=context
                    )
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything
            words = self._answers.message(f"{type(error).__name__}: {error}")
            return Failed("unavailable", f"a llmi_before_call hook failed: {words}")

    async def _timed(self, call: ToolCall, registered: Registered, context: ToolContext) -> object:
        """The tool's answer, or why there is none; a tool that ignores its cancellation is left behind."""
        seconds = self._timeout(registered.spec)
        timed = replace(context, deadline=asyncio.get_running_loop().time() + seconds)
        task = asyncio.ensure_future(self._guarded(call, registered, timed))
        try:
            ended, _ = await asyncio.wait({task}, timeout=seconds)
        finally:
            if left := await stop({task}):
                self._log.warning("call.ignores_cancellation", tool=call.tool, tasks=len(left))
        if task.done() and not task.cancelled():
            return task.result()
        if ended:
            return Failed("crashed", f"{call.tool} cancelled itself")
        return Failed("timeout", f"{call.tool} did not finish within {seconds:g} s")

    async def _guarded(
        self, call: ToolCall, registered: Registered, context: ToolContext
    ) -> object:
        try:
            return await self._tool(registered).run(call, context)
        except asyncio.CancelledError:
            if _cancelled_from_outside():
                raise
            return Failed("crashed", f"{call.tool} cancelled itself")
        except (
            ResourceError
        ):  # the records cannot be written: the run's end, not the tool's failure
            raise
        except BaseException as error:  # noqa: BLE001 - the one boundary: tools may raise anything
            return self._answers.classified(error, registered.spec)

    async def _record_job(self, call: ToolCall, job: str) -> None:
        await self._session.tell(CallJob(call=call.key, job=job))

    def _permit(self, kind: str) -> asyncio.Semaphore:
        permits = self._session.options.permits(kind)
        return self._permits.setdefault(kind, asyncio.Semaphore(permits))

    def _timeout(self, spec: ToolSpec) -> float:
        return self._session.options.call_timeout or spec.timeout

    def _context(self, call: ToolCall, spec: ToolSpec) -> ToolContext:
        toolkit, session = self._toolkit, self._session
        return ToolContext(
            artifacts=toolkit.store,
            scope=self._scope,
            log=self._log.bind(tool=spec.name, slot=call.slot),
            attachments=(*self._attachments, *copies_of(self._session.known.last_asked)),
            folders=session.options.folders,
            settings=toolkit.settings.get(spec.name, {}),
            secrets={n: toolkit.secrets[n] for n in spec.needs if n in toolkit.secrets},
            seed=call_seed(session.seed, call.slot, call.attempt) if spec.uses_seed else 0,
            progress=lambda message: self._show_progress(call, message),
            job=session.known.jobs.get(call.key),
            download=self._download,
            record_job=partial(self._record_job, call),
        )

    def _show_progress(self, call: ToolCall, message: str) -> None:
        self._session.tell(Progressed(slot=call.slot, message=self._redactor.text(message)))

    def _tool(self, registered: Registered) -> Tool:
        name = registered.spec.name
        if name not in self._tools:
            try:
                tool = registered.make()
            except (Exception, SystemExit) as error:
                raise ToolFailed(
                    f"tool {name} of {registered.distribution} cannot be loaded: "
                    f"{type(error).__name__}: {error}; install {registered.distribution} again",
                    "unavailable",
                    usd=0.0,
                ) from error
            self._tools[name] = tool
            close = getattr(tool, "aclose", None)
            if close and not registered.shared:
                self._scope.push_async_callback(self._closed, name, close)
        return self._tools[name]

    async def _closed(self, name: str, close: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """A tool's clean-up must not undo a finished document, nor keep others from theirs."""
        if trouble := await finish(close()):
            self._log.warning("tool.close_failed", tool=name, error=self._answers.message(trouble))


def _cancelled_from_outside() -> bool:
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
