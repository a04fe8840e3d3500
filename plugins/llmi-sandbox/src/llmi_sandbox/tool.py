"""The `llmi_sandbox` tool: the policy's plotting code in, its figure out."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib.metadata
import math
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from llmi_agent.kinds import CodeParams
from llmi_agent.tool import (
    BaseTool,
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
from llmi_sandbox import folder, fonts, process
from llmi_sandbox.confine import Layer, library_roots, missing
from llmi_sandbox.figures import MOST
from llmi_sandbox.job import Job, Places
from llmi_sandbox.plugin import SPEC

_REMEDY = (
    "Use a hosted sandbox such as llmi-e2b, or, if you trust the code that the model writes, set "
    "allow_unsandboxed = true in [tools.llmi_sandbox]."
)
_UNSANDBOXED = "drawn without a sandbox"
_MARGIN = 2.0
"""Seconds before the deadline at which the code is stopped, so that the tool can still say so."""


class Settings(BaseModel):
    """The section `[tools.llmi_sandbox]`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    allow_unsandboxed: bool = False
    """Run the code even where the network or the files cannot be closed off."""
    memory_mb: int = Field(default=4096, ge=512)
    """Address space of the code."""
    seconds: float = Field(default=SPEC.timeout - _MARGIN, gt=0)
    """The longest a run may take."""


class Sandbox(BaseTool):
    """Runs every call in a fresh, confined process."""

    async def run(self, call: ToolCall, context: ToolContext) -> ToolResult:
        """Draw what the code draws. Raises ToolRetry for what the code did wrong."""
        assert isinstance(call.params, CodeParams)
        settings = _settings(context)
        libraries = _libraries()
        seconds = _time_left(settings, context)
        job = Job(
            code=call.params.code,
            seed=context.seed % 2**32,
            memory=settings.memory_mb * 1024 * 1024,
            cpu=math.ceil(seconds) + 1,
            unconfined=settings.allow_unsandboxed,
        )
        cache = await fonts.folder(sys.executable, libraries)
        async with _places(job, context) as places:
            ended = await _execute(places, libraries, cache, seconds, _size(context))
            return await asyncio.to_thread(_result, places, ended, context, job.code or "", seconds)

    async def check(self, context: ToolContext) -> Health:
        """Whether code can be confined here."""
        settings = _settings(context)
        found = await layers()
        lacking = missing(found)
        if not lacking:
            inside = "; ".join(f"{layer.name} ({layer.how})" for layer in found if layer.on)
            return Health(ok=True, message=f"in force: {inside}")
        if settings.allow_unsandboxed:
            return Health(ok=True, message=f"UNSANDBOXED by your setting ({'; '.join(lacking)})")
        return Health(
            ok=False, message=f"cannot confine code here ({'; '.join(lacking)}). {_REMEDY}"
        )


async def layers() -> tuple[Layer, ...]:
    """The layers that can be put on here, found out by putting them on in a child process.

    Raises ToolFailed if that process cannot be run.
    """
    libraries = _libraries()
    places = await asyncio.to_thread(folder.make, Job(code=None), (), _NoArtifacts())
    try:
        ended = await _execute(places, libraries, places.work, 20.0, 0)
        state = folder.read_note(places.state)
    finally:
        await _remove(places)
    if not isinstance(state, dict):
        raise _not_started(ended)
    return tuple(Layer(**layer) for layer in state["layers"])


class _NoArtifacts:
    def read(self, digest: str) -> bytes:
        raise KeyError(digest)

    def path(self, digest: str) -> Path:
        raise KeyError(digest)


async def _execute(
    places: Places, libraries: list[str], cache: Path, seconds: float, given: int
) -> process.Ended:
    try:
        return await process.run(
            process.command(libraries, places.root),
            env=process.environment(places.work, cache),
            folder=places.work,
            seconds=seconds,
            overfull=lambda: folder.is_overfull(places, given),
        )
    except OSError as error:
        raise ToolFailed(f"Python could not be started: {error}", "unavailable") from None


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


def _result(
    places: Places, ended: process.Ended, context: ToolContext, code: str, seconds: float
) -> ToolResult:
    state = folder.read_note(places.state)
    lacking = _open_doors(state)
    if lacking:
        context.log.warning("code ran unsandboxed, as allow_unsandboxed says", missing=lacking)
    if ended.stopped == "timeout":
        message = f"the code was stopped after {seconds:.0f} s; draw from less data or loop less"
        return Failed("timeout", message, retryable=True)
    if ended.stopped == "overfull":
        raise ToolRetry(
            f"the code was stopped: it wrote more than {folder.MOST_BYTES >> 20} MB or "
            f"{folder.MOST_FILES} files; draw one figure and save nothing"
        )
    if not isinstance(state, dict):
        raise _not_started(ended)
    if state["missing"]:
        message = f"code cannot be confined here ({'; '.join(state['missing'])}). {_REMEDY}"
        return Failed("unavailable", message)
    produced = _figures(places, ended, context, code)
    if not lacking:
        return produced
    note = "; ".join(part for part in (produced.note, _UNSANDBOXED) if part)
    return dataclasses.replace(produced, note=note)


def _figures(places: Places, ended: process.Ended, context: ToolContext, code: str) -> Produced:
    report = folder.read_note(places.report)
    if not isinstance(report, dict):
        raise ToolRetry(_cut_short(places))
    if error := report.get("error"):
        raise ToolRetry(f"{str(error)[:2000]}{_printed(ended)}")
    names = [name for name in report.get("figures") or () if isinstance(name, str)][:MOST]
    pictures = folder.read_figures(places, names)
    pictures = pictures or folder.read_saved(places, context.attachments, MOST)
    if not pictures:
        raise ToolRetry(
            "the code ran but drew no figure; draw one with plt, sns or a pandas plot, and leave it "
            f"open (no plt.close()){_printed(ended)}"
        )
    version = importlib.metadata.version("matplotlib")
    provenance = Provenance("llmi-sandbox", model=f"matplotlib {version}", code=code)
    note = f"the code drew {len(pictures)} figures" if len(pictures) > 1 else ""
    return Produced(tuple(Image(data, provenance) for data in pictures), note, usd=0.0)


def _cut_short(places: Places) -> str:
    """In words, why a process that had started the code left no report."""
    match folder.read_note(places.ended):
        case -9:
            cause = "it was killed; it probably used too much memory or processor time"
        case -11 | -6 | -7 | -4:
            cause = "it crashed the interpreter"
        case int(status) if status not in (0, 70):
            cause = f"it ended its process itself, with status {status}"
        case _:
            cause = "it broke the process that runs it"
    return f"the code ended before its figure could be saved: {cause}"


def _printed(ended: process.Ended) -> str:
    text = ended.output.strip()
    return f"\nit printed: {text[-400:]}" if text else ""


def _not_started(ended: process.Ended) -> ToolFailed:
    last = ended.output.strip().splitlines()[-1:] or ["no output"]
    return ToolFailed(f"the sandbox's process could not start: {last[0][:300]}", "crashed")


def _open_doors(state: object) -> list[str]:
    """The needed layers that the code was run without; empty if it was not run."""
    if not isinstance(state, dict) or state["missing"]:
        return []
    return missing(Layer(**row) for row in state["layers"])


def _settings(context: ToolContext) -> Settings:
    try:
        return Settings.model_validate(dict(context.settings))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ToolFailed(f"[tools.llmi_sandbox] {where}: {first['msg']}", "unavailable") from None


def _libraries() -> list[str]:
    if not hasattr(os, "fork") or not sys.executable:
        raise ToolFailed(f"llmi-sandbox does not run on {sys.platform}. {_REMEDY}", "unavailable")
    return library_roots()


def _time_left(settings: Settings, context: ToolContext) -> float:
    left = context.deadline - asyncio.get_running_loop().time() - _MARGIN
    if left <= 0:
        raise ToolFailed("no time is left to run the code", "timeout")
    return min(settings.seconds, left)


def _size(context: ToolContext) -> int:
    return sum(attachment.size for attachment in context.attachments)
