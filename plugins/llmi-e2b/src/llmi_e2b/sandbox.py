"""The sandbox that the calls of one episode share: made when it is first needed, and killed whatever happens."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from e2b import SandboxQuery
from e2b_code_interpreter import AsyncSandbox

from llmi_agent.contract import ArtifactReader, Attachment, ToolContext, ToolFailed
from llmi_e2b.errors import SandboxLost, asking_api, asking_sandbox
from llmi_e2b.settings import Settings

HOME = "/home/user"
"""Where E2B's code interpreter starts a context."""
FOLDER = "llmi-attachments"
"""Where in it the attachments are kept, for each run to copy."""
_TAG = "llmi"
_GRACE = 2.0
"""Seconds that a cancelled call waits for a sandbox that is being made, so that it can be killed by its id."""
_CLOSE = 4.0
"""Seconds for killing all sandboxes of an episode."""


class SharedSandbox:
    """One sandbox at a time. Its E2B-side time limit ends it should this process die."""

    def __init__(self, settings: Settings, key: str, log: Any) -> None:
        self._settings = settings
        self._connection = settings.connection(key)
        self._log = log
        self._tag = uuid.uuid4().hex
        self._opening: asyncio.Task[AsyncSandbox] | None = None
        self._waiting = 0
        self._alive: set[str] = set()
        """Ids of the sandboxes that were made and not killed."""
        self._unanswered = 0
        """Sandboxes that were asked for without learning whether there is one."""
        self._ends = 0.0
        self._chores: set[asyncio.Task[None]] = set()

    async def enter(self, context: ToolContext) -> AsyncSandbox:
        """The episode's sandbox, with the attachments in it and life enough for this call.

        Calls that come at once wait for the same one. Raises ToolFailed if it cannot be made; the next call
        then tries anew.
        """
        sandbox = await self._ready(context)
        try:
            await self._prolong(sandbox, context)
        except SandboxLost:
            self.forget(sandbox)
            sandbox = await self._ready(context)
        return sandbox

    def forget(self, sandbox: AsyncSandbox) -> None:
        """It is gone or does not answer: the next call makes another. It is still killed in the end."""
        if _made(self._opening) is sandbox:
            self._opening = None

    def end_context(self, sandbox: AsyncSandbox, context: Any) -> None:
        """Stop what runs in a code context and free its memory, without anyone waiting for it."""
        self._start(self._remove_context(sandbox, context))

    async def close(self) -> None:
        """Kill every sandbox that was made, within seconds. Cancelling this does not keep it from that."""
        self._closing = asyncio.ensure_future(self._close())
        await asyncio.shield(self._closing)

    async def _ready(self, context: ToolContext) -> AsyncSandbox:
        task = self._opening
        if task is None or (task.done() and _made(task) is None):
            task = self._opening = asyncio.ensure_future(self._open(context))
        self._waiting += 1
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if self._unanswered:
                await asyncio.wait({task}, timeout=_GRACE)
            if self._waiting == 1:
                task.cancel()
            raise
        finally:
            self._waiting -= 1

    async def _open(self, context: ToolContext) -> AsyncSandbox:
        context.progress("starting a sandbox at E2B")
        sandbox = await self._create()
        try:
            for attachment in context.attachments:
                await _upload(sandbox, attachment, context.artifacts)
        except BaseException:
            self._start(self._kill(sandbox.sandbox_id))
            raise
        return sandbox

    async def _create(self) -> AsyncSandbox:
        self._ends = asyncio.get_running_loop().time() + self._settings.sandbox_seconds
        self._unanswered += 1
        try:
            with asking_api():
                sandbox = await AsyncSandbox.create(
                    template=self._settings.template,
                    timeout=self._settings.sandbox_seconds,
                    allow_internet_access=self._settings.internet,
                    metadata={_TAG: self._tag},
                    **self._connection,
                )
        except ToolFailed as failed:
            if failed.usd == 0.0:
                self._unanswered -= 1
            raise
        self._unanswered -= 1
        self._alive.add(sandbox.sandbox_id)
        return sandbox

    async def _prolong(self, sandbox: AsyncSandbox, context: ToolContext) -> None:
        now = asyncio.get_running_loop().time()
        seconds = self._settings.sandbox_seconds
        if self._ends - now < min(context.deadline - now, seconds) - 1.0:
            with asking_sandbox():
                await sandbox.set_timeout(seconds)
            self._ends = now + seconds

    def _start(self, chore: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(chore)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)

    async def _remove_context(self, sandbox: AsyncSandbox, context: Any) -> None:
        try:
            with asking_sandbox():
                await sandbox.remove_code_context(context)
        except ToolFailed as failed:
            self._log.debug("e2b.context_left", sandbox=sandbox.sandbox_id, error=str(failed))

    async def _close(self) -> None:
        running = {*self._chores, *([self._opening] if self._opening else [])}
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        try:
            async with asyncio.timeout(_CLOSE):
                await asyncio.gather(*map(self._kill, self._alive))
                if self._unanswered:
                    await asyncio.gather(*map(self._kill, await self._tagged()))
        except (TimeoutError, ToolFailed) as error:
            self._left(str(error) or "E2B did not answer in time")

    async def _kill(self, sandbox_id: str) -> None:
        try:
            with asking_api():
                await AsyncSandbox.kill(sandbox_id, **{**self._connection, "retries": 2})
            self._alive.discard(sandbox_id)
        except ToolFailed as failed:
            self._left(str(failed), sandbox=sandbox_id)

    async def _tagged(self) -> list[str]:
        """The ids of the sandboxes that the account runs for this episode."""
        query = SandboxQuery(metadata={_TAG: self._tag})
        with asking_api():
            found = await AsyncSandbox.list(query=query, **self._connection).next_items()
        return [each.sandbox_id for each in found]

    def _left(self, error: str, **which: str) -> None:
        error = error.replace(self._connection["api_key"], "...")
        ends_within = self._settings.sandbox_seconds
        self._log.warning("e2b.sandbox_not_killed", error=error, ends_within=ends_within, **which)


async def _upload(sandbox: AsyncSandbox, attachment: Attachment, artifacts: ArtifactReader) -> None:
    data = await asyncio.to_thread(artifacts.read, attachment.digest)
    place = f"{HOME}/{FOLDER}/{Path(attachment.name).name}"
    with asking_sandbox():
        # A stream of octets, as the other form, multipart, would keep the name in a header that mangles it.
        await sandbox.files.write(place, data, use_octet_stream=True, request_timeout=0)


def _made(opening: asyncio.Task[AsyncSandbox] | None) -> AsyncSandbox | None:
    """The sandbox, once there is one; None if it is still being made or could not be."""
    if opening is None or not opening.done() or opening.cancelled() or opening.exception():
        return None
    return opening.result()
