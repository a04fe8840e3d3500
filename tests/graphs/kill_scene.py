"""A run with all that can happen in one, for `kill_runs.py`: what is asked and called leaves a line in a log.

The vendors remember nothing from life to life of the run but what is in the log, as real ones do.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from pydantic import Field

from llmi_agent.config.options import ModelPrice, Options
from llmi_agent.contract.hooks import hookimpl
from llmi_agent.contract.tool import Failed, Image, Produced, ToolCall, ToolContext, ToolRetry
from llmi_agent.host.plugins import PluginHost
from llmi_agent.host.registry import Registered, Registry
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel, slot
from llmi_graphs import build_graph

PRICES = {"a_search": 0.01, "a_diffusion": 0.04, "a_code": 0.003, "an_edit": 0.0}
FREE = "an_edit"
"""What it costs is not waited for: it may be called and not be on record."""
KNOWN = "# Before\n\n" + slot("search", "Known", query="known")
"""A document that is written before, and has one result that is found again."""
DRAFT = "# T\n\n" + "\n\nSome words between.\n\n".join(
    [
        slot("search", "Plain", query="plain"),
        slot("edit", "Cropped", img_index=0, prompt="crop"),
        slot("code", "Chart", code="mistaken"),
        slot("search", "Again", query="away"),
        '<imgen>{"source": "search", "description": </imgen>',
        slot("search", "Known", query="known"),
        slot("diffusion", "Painted", prompt="a job"),
        slot("edit", "Twice", img_index=1, prompt="sepia"),
        slot("search", "Found nowhere", query="nothing"),
        slot("search", "Hooked", query="hooked"),
    ]
)
VOID = DRAFT.replace('"plain"', '"void"')[:420]
"""A beginning that breaks off: its first picture is another one, the edit of it is asked for in the same words."""
REPAIRS = {"2": slot("code", "Chart", code="right"), "4": slot("search", "Read", query="read")}
FIGURES = 10


class Turned(Exception):  # noqa: N818 - as a vendor's client names it
    """The vendor turns the request away."""

    status_code = 400


class Log:
    """Lines that survive the process that writes them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._path.touch()

    def note(self, line: str) -> None:
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        os.write(handle, line.encode() + b"\n")
        os.close(handle)

    @property
    def lines(self) -> list[str]:
        return self._path.read_text().splitlines()


class Steady(ScriptedModel):
    """Writes the draft and the repairs."""

    log: Any = Field(exclude=True)
    first: str = DRAFT

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        about = re.match(r"Slot (\d+) .*could not be filled", messages[-1].text)
        what = f"{type(self).__name__} {about[1] if about else 'draft'}"
        self.log.note(f"asked {what}")
        async for piece in self._said(about[1] if about else None):
            await asyncio.sleep(0.001)
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=piece))
            if run_manager:
                await run_manager.on_llm_new_token(piece, chunk=chunk)
            yield chunk
        self.log.note(f"answered {what}")
        usage: Any = {"input_tokens": 100, "output_tokens": 50, "total_tokens": 150}
        yield ChatGenerationChunk(message=AIMessageChunk(content="", usage_metadata=usage))

    async def _said(self, about: str | None) -> AsyncIterator[str]:
        text = REPAIRS[about] if about else self.first
        for start in range(0, len(text), 60):
            yield text[start : start + 60]


class Unsteady(Steady):
    """Of its drafts every other one breaks off, and the others are turned away; so is every other repair."""

    async def _said(self, about: str | None) -> AsyncIterator[str]:
        what = f"asked Unsteady {about or 'draft'}"
        if sum(line == what for line in self.log.lines) % 2 == 0:
            self.log.note(f"turned {what}")
            raise Turned("not today")
        if about:
            yield REPAIRS[about]
            return
        for start in range(0, len(VOID), 60):
            yield VOID[start : start + 60]
            await asyncio.sleep(0.002)
        raise ConnectionError("the line is dead")


class Hook:
    """Answers for one call."""

    @hookimpl
    async def llmi_before_call(self, call: ToolCall, context: ToolContext) -> Produced | None:
        if "hooked" not in str(call.params):
            return None
        return FakeTool("hook", "search").picture(call, context)


class Vendors:
    """The tools, each installed by a plugin."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def registry(self) -> Registry:
        tools = [self._tool(name, name.partition("_")[2]) for name in PRICES]
        host = PluginHost(strict=True)
        host.add(Hook(), "hook")
        return Registry(tools, host)

    def _tool(self, name: str, kind: str) -> Registered:
        work = self._job if kind == "diffusion" else self._work
        usd = PRICES[name]
        tool = FakeTool(name, kind, [work], executes_code=kind == "code", usd=usd, uses_seed=False)
        return Registered(tool.spec, "p", distribution="p", version="1", make=lambda: tool)

    async def _work(self, call: ToolCall, context: ToolContext) -> Produced | Failed:
        self._log.note(f"started {call.key} {call.tool} {call.slot} {call.attempt}")
        await asyncio.sleep(0.004)
        said = str(call.params)
        if "away" in said and call.attempt == 0:
            return Failed("unreachable", "the line is dead")
        if "nothing" in said and call.tool == "a_search":
            return Failed("bad_output", "nothing was found", usd=PRICES["a_search"])
        if "mistaken" in said:
            raise ToolRetry("NameError: mistaken")
        self._log.note(f"ended {call.key}")
        return self._made(call, context)

    async def _job(self, call: ToolCall, context: ToolContext) -> Produced:
        if context.job is None:
            self._log.note(f"started {call.key} {call.tool} {call.slot} {call.attempt}")
            await asyncio.sleep(0.002)
            await context.record_job(f"job-{call.key}")
            self._log.note(f"recorded {call.key}")
        else:
            self._log.note(f"picked {call.key} {context.job}")
        await asyncio.sleep(0.008)
        self._log.note(f"ended {call.key}")
        return self._made(call, context)

    def _made(self, call: ToolCall, context: ToolContext) -> Produced:
        made: tuple[Image, ...] = FakeTool(call.tool, call.kind).picture(call, context).images
        return Produced(made, usd=PRICES[call.tool])


def graph(store: ArtifactStore, log: Log, *, troubled: bool = True, first: str = DRAFT) -> Any:
    """troubled: the model that is asked first fails in various ways."""
    steady = Steady(script=[""], log=log, first=first)
    price = ModelPrice(input=100.0, output=1000.0)
    return build_graph(
        model=Unsteady(script=[""], log=log) if troubled else steady,
        fallback=[steady] if troubled else [],
        tools=Vendors(log).registry(),
        options=Options(
            retry_wait=0.0, cache=True, model_retries=1, prices={"Steady": price, "Unsteady": price}
        ),
        store=store,
        secrets={},
    )
