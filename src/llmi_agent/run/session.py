"""A session: the live half of an episode. It runs calls, keeps verdicts, and lets nothing outlive it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Generator, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables.config import var_child_runnable_config

from llmi_agent.base.errors import LlmiError
from llmi_agent.base.logs import get_logger
from llmi_agent.config.options import Options
from llmi_agent.contract.tool import Attachment, Failed, Provenance, ToolCall
from llmi_agent.records.episode import EpisodeJournal
from llmi_agent.records.events import Event, Halted, Input, SlotSettled
from llmi_agent.records.outcome import Dropped, Kept, Outcome
from llmi_agent.run.call_ends import STOPPED
from llmi_agent.run.cleaned import cleaned
from llmi_agent.run.dispatcher import Dispatcher
from llmi_agent.run.ledger import Ledger
from llmi_agent.run.listeners import Emit, Listener, logging, streaming
from llmi_agent.run.purse import Purse
from llmi_agent.run.scope import Scope
from llmi_agent.run.stray_tasks import Strays
from llmi_agent.run.tasks import finish, stop
from llmi_agent.run.toolkit import Toolkit

ENTRY_SECONDS = 10.0
"""How long an edit waits for the turn of an earlier slot to begin: LangGraph starts slots in order."""


@dataclass(frozen=True)
class Source:
    """A picture that an edit may start from."""

    digest: str
    provenance: Provenance
    name: str
    """What people are told it is."""


class Session:
    """One run's calls and verdicts. Close it, or use it with `async with`.

    emit: is shown the events of the stream, in the context that the session is opened in. options, seed: by default the
    toolkit's. purse: what its group shares. journal: the episode's, held; by default it is opened here, on the disk.
    """

    def __init__(
        self,
        episode: str,
        toolkit: Toolkit,
        attachments: Sequence[Attachment] = (),
        inputs: Sequence[Input] = (),
        emit: Emit = lambda event: None,
        *,
        options: Options | None = None,
        seed: int | None = None,
        purse: Purse | None = None,
        journal: EpisodeJournal | None = None,
    ) -> None:
        self.episode = episode
        self.toolkit = toolkit
        self.inputs = tuple(inputs)
        self.options = options or toolkit.options
        self.seed = self.options.seed if seed is None else seed
        self.journal = journal or EpisodeJournal.held(toolkit.journal, toolkit.store, episode)
        self.known = self.journal.known
        self.loop = asyncio.get_running_loop()
        self.log = get_logger(episode=episode)
        emit_in = copy_context()
        self._listeners: tuple[Listener, ...] = (
            self.journal.say,
            streaming(episode, lambda shown: emit_in.copy().run(emit, shown)),
            logging(self.log, self.known),
        )
        self._strays = Strays(self.loop)
        self._scope = Scope(self.loop)
        self._calls: dict[str, asyncio.Task[Outcome]] = {}
        self._ahead: dict[int, asyncio.Task[None]] = {}
        self._verdicts: dict[int, asyncio.Future[Kept | Dropped]] = {}
        self._entries: dict[int, asyncio.Event] = {}
        self._told: set[int] = set()
        self.ledger = Ledger(episode, self.options, self.known, self.tell, purse)
        self._dispatcher = Dispatcher(toolkit, self, tuple(attachments), self._scope, self.log)
        self._closed = False

    def tell(self, event: Event) -> Awaitable[None]:
        """Say what has happened, without secrets: there is no other way to. Raises LlmiError, when awaited, if it cannot be
        written; awaited, it and what was told before are on disk, if it is durable.
        """
        told = cleaned(event, self.toolkit.redactor)
        for listener in self._listeners:
            listener(told)
        return _Committed(self.journal if event.durable else None)

    async def result(self, call: ToolCall) -> Outcome:
        """The call's outcome: running, done, or started now. Asking twice starts it once.

        Cancelling the one who asks does not cancel the call; closing the session does.
        """
        if self._closed:
            return Failed("cancelled", "the run has ended")
        if known := self.journal.outcome(call):
            return known
        task = self._calls.get(call.key)
        if task is None or not _stands(task):
            task = self.loop.create_task(
                self._run(call), name=f"llmi-call-{call.key}", context=self._context()
            )
            self._calls[call.key] = task
        if not task.done():
            await asyncio.wait((task,))
        return STOPPED if task.cancelled() else task.result()

    async def source(self, index: int, *, before: int, origins: Sequence[str]) -> Source | Failed:
        """The picture that `img_index` means, once its verdict is known.

        `index` counts over the inputs, then the slots; `before` is the slot that asks, which may only point at
        earlier ones; `origins` are the digests of the draft's slots.
        """
        if index < len(self.inputs):
            chosen = self.inputs[index]
            return Source(chosen.digest, chosen.provenance, chosen.label)
        slot = index - len(self.inputs)
        if slot >= before:
            possible = len(self.inputs) + before > 0
            return Failed("bad_params", self._no_such_picture(index, before), retryable=possible)
        verdict = await self._verdict(slot, origins)
        if isinstance(verdict, Dropped):
            return Failed(
                verdict.reason if verdict.open else "unavailable",
                f"the picture it starts from (slot {slot}) is missing: {verdict.message}",
            )
        return Source(verdict.digest, verdict.provenance, verdict.caption)

    async def enter(self, slot: int, origins: Sequence[str]) -> Kept | Dropped | None:
        """A slot's turn begins. Returns what became of it in an earlier life of the run, if that holds.

        `origins` are the digests of the draft's slots.
        """
        self._entered(slot).set()
        verdict = await self._standing(slot, origins)
        if verdict is not None:
            self.settle(slot, origins[slot], verdict)
        return verdict

    def begin(self, slot: int, work: Coroutine[Any, Any, None]) -> None:
        """Start a slot's first attempt before its turn; it ends with the session, or when the draft is void."""
        self._entered(slot).set()
        task = self.loop.create_task(work, name=f"llmi-ahead-{slot}", context=self._context())
        self._ahead[slot] = task
        task.add_done_callback(self._began)

    async def begun(self, slot: int) -> None:
        """Returns when what was begun for a slot before its turn has come to its end."""
        if task := self._ahead.get(slot):
            await asyncio.wait({task})

    async def discard(self) -> None:
        """The draft is void: cancel what was started for it. A call that has ended stands, should it be asked again."""
        await stop([*self._ahead.values(), *self._calls.values()])
        self._calls = {key: each for key, each in self._calls.items() if _stands(each)}
        for future in self._verdicts.values():
            future.cancel()
        for of_slot in (self._ahead, self._verdicts, self._entries, self._told):
            of_slot.clear()

    def settle(self, slot: int, origin: str, verdict: Kept | Dropped) -> None:
        """Say what became of a slot, once; edits that wait for it go on."""
        if slot not in self._told:
            self._told.add(slot)
            self.tell(SlotSettled(slot=slot, origin=origin, verdict=verdict))
        future = self._future(slot)
        if not future.done():
            future.set_result(verdict)

    async def aclose(self, why: str = "") -> None:
        """Cancel every running call and stray, wait until they are gone, then close what tools have entered.

        why: why the run ends without a document. What will not end within the grace period (`tasks.GRACE`) is logged and left behind.
        """
        if self._closed:
            return
        self._closed = True
        try:
            left = len(await stop([*self._ahead.values(), *self._calls.values()]))
            left += await self._strays.cancel()
            if left:
                self.log.warning("session.tasks_left", tasks=left)
            self.ledger.close()
            for future in self._verdicts.values():
                future.cancel()
            if trouble := await finish(self._scope.aclose()):
                self.log.warning("session.close_failed", error=trouble)
            if left := await self._scope.cancel():
                self.log.warning("session.tasks_left", tasks=left)
            if why:
                self.tell(Halted(message=self.toolkit.redactor.text(why)))
            await self._committed()
        finally:
            self.journal.release()

    async def _committed(self) -> None:
        """What cannot be written is said, and must not undo a document that is there."""
        try:
            await self.journal.committed()
        except LlmiError as error:
            self.log.warning("session.not_recorded", error=str(error))

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _began(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            self.log.warning("slot.ahead_failed", error=f"{type(error).__name__}: {error}")

    def _context(self) -> Context:
        """Where a call runs: what a tool does with a model of its own is not the plan's output."""
        context = copy_context()
        context.run(var_child_runnable_config.set, None)
        context.run(self._strays.own)
        return context

    async def _run(self, call: ToolCall) -> Outcome:
        try:
            return await self._dispatcher.run(call)
        except asyncio.CancelledError:
            return STOPPED

    async def _standing(self, slot: int, origins: Sequence[str]) -> Kept | Dropped | None:
        """The verdict on record, unless it is on an edit of another picture than is there now."""
        verdict = self.journal.verdict(slot, origins[slot])
        index = verdict.params.get("img_index") if isinstance(verdict, Kept) else None
        if not isinstance(verdict, Kept) or not isinstance(index, int):
            return verdict
        source = await self.source(index, before=slot, origins=origins)
        same = isinstance(source, Source) and self.journal.made_from(source.digest, slot, verdict)
        return verdict if same else None

    async def _verdict(self, slot: int, origins: Sequence[str]) -> Kept | Dropped:
        """A slot's verdict. A slot that is not part of this life of the run has it on record, or none."""
        if slot not in self._told and (known := await self._standing(slot, origins)):
            return known
        try:
            async with asyncio.timeout(ENTRY_SECONDS):
                await self._entered(slot).wait()
        except TimeoutError:
            return Dropped(reason="unavailable", message="nothing is on record of it")
        future = self._future(slot)
        await asyncio.wait((future,))
        if future.cancelled():
            return Dropped(reason="cancelled", message=STOPPED.message)
        return future.result()

    def _future(self, slot: int) -> asyncio.Future[Kept | Dropped]:
        return self._verdicts.setdefault(slot, self.loop.create_future())

    def _entered(self, slot: int) -> asyncio.Event:
        return self._entries.setdefault(slot, asyncio.Event())

    def _no_such_picture(self, index: int, before: int) -> str:
        count = len(self.inputs) + before
        if count == 0:
            return f"img_index {index}: there is no earlier picture to edit"
        return (
            f"img_index {index} is not an earlier picture; here it may be 0 to {count - 1} "
            f"({len(self.inputs)} input images, then the slots before this one)"
        )


class _Committed:
    """Awaited, it returns once all that was said so far is on disk."""

    __slots__ = ("_journal",)

    def __init__(self, journal: EpisodeJournal | None) -> None:
        self._journal = journal

    def __await__(self) -> Generator[Any, Any, None]:
        if self._journal is not None:
            yield from self._journal.committed().__await__()


def _stands(task: asyncio.Task[Outcome]) -> bool:
    """Whether a call's task is what whoever asks again should get: what never began may be begun again."""
    if not task.done():
        return True
    if task.cancelled():  # before it began; else `_run` has the word
        return False
    if task.exception():
        return True
    outcome = task.result()
    return not (isinstance(outcome, Failed) and outcome.reason in ("cancelled", "budget"))
