"""The `llmi_sandbox` tool: the policy's plotting code in, its figure out."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib.metadata
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from llmi_agent.contract import (
    BaseTool,
    CodeParams,
    Failed,
    Health,
    Image,
    Produced,
    Provenance,
    ToolCall,
    ToolContext,
    ToolFailed,
    ToolResult,
    ToolRetry,
)
from llmi_sandbox import folder, pool
from llmi_sandbox.confine import Layer, missing
from llmi_sandbox.job import Ended, Job, Places, Standing
from llmi_sandbox.plugin import SPEC
from llmi_sandbox.usage import MOST_BYTES, MOST_FILES, MOST_THREADS

_REMEDY = (
    "Use a hosted sandbox such as llmi-e2b, or, if you trust the code that the model writes, set "
    "allow_unsandboxed = true in [tools.llmi_sandbox]."
)
_EXCEEDED = {
    "files": (
        f"it wrote more than {MOST_BYTES >> 20} MB or {MOST_FILES} files; draw one figure and save nothing"
    ),
    "memory": "it took more memory than it may; sample or aggregate the data",
    "threads": f"it started more than {MOST_THREADS} threads",
    "cut": "LLMI let go of it",
}
MOST = 8
"""Pictures of one run that are kept."""
_UNSANDBOXED = "drawn without a sandbox"
_MARGIN = 2.0
"""Seconds before the deadline at which the code is stopped, so that the tool can still say so."""


class Settings(BaseModel):
    """The section `[tools.llmi_sandbox]`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    allow_unsandboxed: bool = False
    """Run the code even where the network or the files cannot be closed off."""
    memory_mb: int = Field(default=2048, ge=256)
    """What the code may take beyond what the libraries take."""
    seconds: float = Field(default=SPEC.timeout - _MARGIN, gt=0)
    """The longest a run may take."""


class Sandbox(BaseTool):
    """Runs every call in a confined fork of a warm process."""

    async def run(self, call: ToolCall, context: ToolContext) -> ToolResult:
        """Draw what the code draws. Raises ToolRetry for what the code did wrong."""
        assert isinstance(call.params, CodeParams)
        settings = _settings(context)
        _assert_platform()
        _time_left(settings, context)
        async with pool.shared().turn():
            job = Job(
                code=call.params.code,
                seed=context.seed % 2**32,
                memory=settings.memory_mb * 1024 * 1024,
                seconds=_time_left(settings, context),
                given=sum(attachment.size for attachment in context.attachments),
                unconfined=settings.allow_unsandboxed,
            )
            try:
                return await _run(job, context)
            except pool.Lost:  # the zygote was killed: only the run is lost
                return await _last_try(job, context)

    async def check(self, context: ToolContext) -> Health:
        """Whether code can be confined here."""
        settings = _settings(context)
        found = await layers()
        lacking = missing(found)
        if not lacking:
            inside = "; ".join(f"{layer.name} ({layer.how})" for layer in found if layer.on)
            outside = "; ".join(f"{layer.name} ({layer.how})" for layer in found if not layer.on)
            return Health(ok=True, message=f"in force: {inside}{outside and f'; not: {outside}'}")
        if settings.allow_unsandboxed:
            return Health(ok=True, message=f"UNSANDBOXED by your setting ({'; '.join(lacking)})")
        return Health(
            ok=False, message=f"cannot confine code here ({'; '.join(lacking)}). {_REMEDY}"
        )


async def layers() -> tuple[Layer, ...]:
    """The layers that can be put on here, found out by putting them on.

    Raises ToolFailed if the sandbox's process cannot be run.
    """
    _assert_platform()
    try:
        try:
            return await _layers_now()
        except pool.Lost:  # as of a run: the zygote was killed
            return await _layers_now()
    except (pool.Lost, OSError) as error:
        raise _not_started(str(error)) from None


async def _layers_now() -> tuple[Layer, ...]:
    places = await asyncio.to_thread(folder.make, Job(code=None), (), _NoArtifacts())
    try:
        ended = await pool.shared().run(places.root)
    finally:
        await _remove(places)
    return tuple(Layer(**layer) for layer in _standing(ended).layers)


class _NoArtifacts:
    def read(self, digest: str) -> bytes:
        raise KeyError(digest)

    def path(self, digest: str) -> Path:
        raise KeyError(digest)


async def _last_try(job: Job, context: ToolContext) -> ToolResult:
    try:
        return await _run(job, context)
    except pool.Lost as lost:
        raise _not_started(str(lost)) from None


async def _run(job: Job, context: ToolContext) -> ToolResult:
    async with _places(job, context) as places:
        try:
            ended = await pool.shared().run(places.root)
        except OSError as error:
            raise _not_started(str(error)) from None
        return await asyncio.to_thread(_result, places, ended, context, job)


@asynccontextmanager
async def _places(job: Job, context: ToolContext) -> AsyncIterator[Places]:
    """A folder for the run, removed in the end, even if the call is cancelled while it is made."""
    making = asyncio.ensure_future(
        asyncio.to_thread(folder.make, job, context.attachments, context.artifacts)
    )
    try:
        yield await asyncio.shield(making)
    finally:
        await asyncio.wait({making})
        if making.exception() is None:
            await _remove(making.result())


async def _remove(places: Places) -> None:
    """Shielded: the folder goes away even if the call is cancelled once more."""
    await asyncio.shield(asyncio.to_thread(folder.remove, places))


def _result(places: Places, ended: Ended, context: ToolContext, job: Job) -> ToolResult:
    standing = _standing(ended)
    if standing.missing:
        message = f"code cannot be confined here ({'; '.join(standing.missing)}). {_REMEDY}"
        return Failed("unavailable", message)
    lacking = missing(Layer(**row) for row in standing.layers)
    if lacking:
        context.log.warning("code ran unsandboxed, as allow_unsandboxed says", missing=lacking)
    if ended.stopped == "time":
        message = (
            f"the code was stopped after {job.seconds:.0f} s; draw from less data or loop less"
        )
        return Failed("timeout", message, retryable=True)
    if ended.stopped:
        raise ToolRetry(f"the code was stopped: {_EXCEEDED[ended.stopped]}{_printed(ended)}")
    produced = _figures(places, ended, context, job.code or "")
    if not lacking:
        return produced
    note = "; ".join(part for part in (produced.note, _UNSANDBOXED) if part)
    return dataclasses.replace(produced, note=note)


def _figures(places: Places, ended: Ended, context: ToolContext, code: str) -> Produced:
    report = folder.read_note(places.report)
    if not isinstance(report, dict):
        raise ToolRetry(f"{_cut_short(ended)}{_printed(ended)}")
    if error := report.get("error"):
        raise ToolRetry(f"{str(error)[:2000]}{_printed(ended)}")
    told = report.get("figures")  # the code may have written the report itself
    names = [name for name in told if isinstance(name, str)] if isinstance(told, list) else []
    pictures = folder.read_figures(places, names[:MOST])
    pictures = pictures or folder.read_saved(places, context.attachments, MOST)
    if not pictures:
        raise ToolRetry(f"the code ran but {_nothing_drawn(report)}{_printed(ended)}")
    version = importlib.metadata.version("matplotlib")
    provenance = Provenance("llmi-sandbox", model=f"matplotlib {version}", code=code)
    return Produced(
        tuple(Image(data, provenance) for data in pictures), _note(pictures, report), usd=0.0
    )


def _nothing_drawn(report: dict[str, object]) -> str:
    if report.get("empty"):
        return "its figure is empty: plot something into its axes, a title alone is no chart"
    return "drew no figure; draw one with plt, sns or a pandas plot, and leave it open (no plt.close())"


def _note(pictures: list[bytes], report: dict[str, object]) -> str:
    several = f"the code drew {len(pictures)} figures" if len(pictures) > 1 else ""
    unshown = "".join(str(report.get("unshown") or "").split())[:20]
    boxes = f"no installed font has {unshown}: drawn as boxes" if unshown else ""
    return "; ".join(part for part in (several, boxes) if part)


def _cut_short(ended: Ended) -> str:
    """In words, why a process that had started the code left no report."""
    match ended.status:
        case -9 | -24:
            cause = "it was killed; it probably used too much memory or processor time"
        case -11 | -6 | -7 | -4:
            cause = "it crashed the interpreter"
        case status if status not in (0, 70):
            cause = f"it ended its process itself, with status {status}"
        case _:
            cause = "it broke the process that runs it"
    return f"the code ended before its figure could be saved: {cause}"


def _printed(ended: Ended) -> str:
    text = ended.output.strip()
    return f"\nit printed: {text[-400:]}" if text else ""


def _standing(ended: Ended) -> Standing:
    """The layers of a run. Raises ToolFailed if it did not come as far."""
    if ended.standing is None:
        raise _not_started((ended.output.strip().splitlines() or [""])[-1])
    return ended.standing


def _not_started(said: str) -> ToolFailed:
    return ToolFailed(
        f"the sandbox's process could not start: {said[:300] or 'no output'}", "crashed"
    )


def _settings(context: ToolContext) -> Settings:
    try:
        return Settings.model_validate(dict(context.settings))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ToolFailed(f"[tools.llmi_sandbox] {where}: {first['msg']}", "unavailable") from None


def _assert_platform() -> None:
    if not hasattr(os, "fork") or not sys.executable:
        raise ToolFailed(f"llmi-sandbox does not run on {sys.platform}. {_REMEDY}", "unavailable")


def _time_left(settings: Settings, context: ToolContext) -> float:
    left = context.deadline - asyncio.get_running_loop().time() - _MARGIN
    if left <= 0:
        raise ToolFailed("no time is left to run the code", "timeout")
    return min(settings.seconds, left)
