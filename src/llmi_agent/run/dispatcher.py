"""The dispatcher: runs one call, whatever the tool does, and answers with an outcome.

It is the boundary between the framework and plugins. Before a call it looks into the cache and asks the hooks;
during it, it holds the kind's permit and the time limit; after it, untrusted pictures pass the intake and errors are
classified.
A failed tool is data: the only exception that leaves is the cancellation of the dispatcher's own task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from llmi_agent.base.errors import ResourceError
from llmi_agent.base.resources import exhausted
from llmi_agent.contract.spec import ToolSpec
from llmi_agent.contract.tool import (
    Attachment,
    Failed,
    Image,
    Tool,
    ToolCall,
    ToolContext,
    ToolFailed,
    ToolResult,
)
from llmi_agent.host.registry import Registered
from llmi_agent.records.cache import Cache, identity
from llmi_agent.records.episode import EpisodeJournal
from llmi_agent.records.outcome import Candidate, Finished, Outcome
from llmi_agent.run.ledger import Ledger
from llmi_agent.run.previews import copies_of
from llmi_agent.run.seeds import call_seed
from llmi_agent.run.stray_tasks import disowned
from llmi_agent.run.tasks import finish, stop
from llmi_agent.run.tool_answers import ToolAnswers
from llmi_agent.store import decoder
from llmi_agent.store.intake import IntakeError

if TYPE_CHECKING:
    from llmi_agent.run.toolkit import Toolkit

MOST_CANDIDATES = 8


class Dispatcher:
    """Runs the calls of one episode."""

    def __init__(
        self,
        toolkit: Toolkit,
        attachments: tuple[Attachment, ...],
        scope: AsyncExitStack,
        log: Any,
        started: Callable[[ToolCall], None],
        cached: Callable[[ToolCall], None],
        progress: Callable[[ToolCall, str], None],
        journal: EpisodeJournal,
        ledger: Ledger,
        seed: int,
    ) -> None:
        self._toolkit = toolkit
        self._attachments = attachments
        self._scope = scope
        self._log = log
        self._started = started
        self._cached = cached
        self._progress = progress
        self._journal = journal
        self._ledger = ledger
        self._seed = seed
        self._cache = Cache(toolkit.journal, toolkit.store)
        self._redactor = toolkit.redactor
        self._answers = ToolAnswers(toolkit.redactor)
        self._download = toolkit.download
        self._tools: dict[str, Tool] = {}
        self._permits: dict[str, asyncio.Semaphore] = {}

    async def run(self, call: ToolCall) -> Outcome:
        """Do the call, or find it done; never raises but for the cancellation of the task it runs in.

        Its outcome is in the journal then.
        """
        registered = self._toolkit.registry.tools[call.tool]
        context = self._context(call, registered.spec)
        reuse = identity(call, registered, context)
        if known := await self._known(call, registered.spec, reuse):
            outcome = await self._reused(call, registered.spec, context, known)
        else:
            limit = self._toolkit.limits.of(call.tool, call.kind)
            async with self._permit(call.kind), limit.held(call.episode):
                self._started(call)
                outcome = await self._outcome(call, registered, context, reuse)
        await self._journal.committed()  # without a permit, which others wait for
        self._log.info("call.finished", tool=call.tool, slot=call.slot, outcome=_brief(outcome))
        return outcome

    async def _outcome(
        self, call: ToolCall, registered: Registered, context: ToolContext, reuse: str | None
    ) -> Outcome:
        spec = registered.spec
        answer = await self._hooks_answer(call, spec, context)
        if answer is not None:
            reuse = None  # what a hook says is not what the tool would say the next time
        elif refusal := self._ledger.reserve_call(call, spec):
            return refusal  # it never began, and there may be money for it later
        else:
            await self._ledger.committed()
            answer = await self._timed(call, registered, context)
        outcome = await self._ended(call, spec, context, answer)
        self._journal.finished(call, outcome, reuse)
        return outcome

    async def _known(self, call: ToolCall, spec: ToolSpec, reuse: str | None) -> Finished | None:
        """An earlier call's result, unless this very call has a vendor's job to pick up."""
        wanted = spec.deterministic or self._toolkit.options.cache
        if reuse is None or not wanted or call.key in self._journal.jobs:
            return None
        return await asyncio.to_thread(self._cache.find, reuse)

    async def _reused(
        self, call: ToolCall, spec: ToolSpec, context: ToolContext, known: Finished
    ) -> Outcome:
        """The result that was found, unless a hook says something else: it may be a veto."""
        answer = await self._hooks_answer(call, spec, context)
        outcome: Outcome = known
        if answer is None:
            self._cached(call)
            result = await asyncio.to_thread(self._cache.produced, known)
            await self._tell(call, spec, context, result)
        else:
            outcome = await self._ended(call, spec, context, answer)
        self._journal.finished(call, outcome)
        return outcome

    async def _ended(
        self, call: ToolCall, spec: ToolSpec, context: ToolContext, answer: object
    ) -> Outcome:
        result = self._answers.checked(answer, spec)
        outcome = await self._admitted(result)
        self._ledger.settle_call(call, spec, outcome)
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
        self._journal.job(call, job)
        await self._journal.committed()

    def _permit(self, kind: str) -> asyncio.Semaphore:
        permits = self._toolkit.options.permits(kind)
        return self._permits.setdefault(kind, asyncio.Semaphore(permits))

    def _timeout(self, spec: ToolSpec) -> float:
        return self._toolkit.options.call_timeout or spec.timeout

    def _context(self, call: ToolCall, spec: ToolSpec) -> ToolContext:
        toolkit = self._toolkit
        return ToolContext(
            artifacts=toolkit.store,
            scope=self._scope,
            log=self._log.bind(tool=spec.name, slot=call.slot),
            attachments=(*self._attachments, *copies_of(self._journal.asked)),
            folders=toolkit.options.folders,
            settings=toolkit.settings.get(spec.name, {}),
            secrets={n: toolkit.secrets[n] for n in spec.needs if n in toolkit.secrets},
            seed=call_seed(self._seed, call.slot, call.attempt) if spec.uses_seed else 0,
            progress=lambda message: self._progress(call, self._redactor.text(message)),
            job=self._journal.jobs.get(call.key),
            download=self._download,
            record_job=partial(self._record_job, call),
        )

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

    async def _admitted(self, result: ToolResult) -> Outcome:
        if isinstance(result, Failed):
            return result
        first, *others = (_or_error(self._taken(each)) for each in result.images[:MOST_CANDIDATES])
        candidates: list[Candidate] = []
        refusal = ""
        for taken in await asyncio.gather(first, *others) if others else [await first]:
            if isinstance(taken, Candidate):
                candidates.append(taken)
            elif isinstance(taken, IntakeError | TypeError):
                refusal = refusal or str(taken)
            elif isinstance(taken, OSError | MemoryError):
                place, why = self._toolkit.store.root, exhausted(taken) or taken
                return Failed("unavailable", f"the picture cannot be kept in {place}: {why}")
            else:
                raise taken
        if not candidates:
            return Failed("bad_output", refusal)
        return Finished(candidates=tuple(candidates), note=result.note, usd=result.usd)

    async def _taken(self, image: Image) -> Candidate:
        take = partial(self._toolkit.store.put_image, image.data)
        artifact, picture = await decoder.shared.off_the_loop(take)
        return Candidate(artifact=artifact, provenance=image.provenance, blank=picture.blank)


async def _or_error(work: Awaitable[Candidate]) -> Candidate | Exception:
    try:
        return await work
    except Exception as error:  # noqa: BLE001 - told apart by who asked
        return error


def _cancelled_from_outside() -> bool:
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _brief(outcome: Outcome) -> str:
    if isinstance(outcome, Failed):
        return f"{outcome.reason}: {outcome.message[:200]}"
    return f"{len(outcome.candidates)} picture(s)"
