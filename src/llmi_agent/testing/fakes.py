"""Tools and models that do as they are told, and checks that hold a tool to the contract."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import io
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field

from llmi_agent.base.logs import get_logger
from llmi_agent.contract.kinds import WELL_KNOWN
from llmi_agent.contract.spec import ToolSpec
from llmi_agent.contract.tool import (
    Attachment,
    Image,
    Produced,
    Provenance,
    ToolCall,
    ToolContext,
    ToolResult,
)
from llmi_agent.draft import Slot, format_slot
from llmi_agent.host.registry import Bindings, LiveTool, registry_of
from llmi_agent.records.journal import journal_beside
from llmi_agent.run.listeners import Emit
from llmi_agent.run.session import Session
from llmi_agent.run.toolkit import Toolkit
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.intake import admit


def slot(kind: str, title: str = "a title", /, **params: Any) -> str:
    """A slot as a policy writes it, for the script of a `ScriptedModel`; `params` need not be valid."""
    return format_slot(Slot(0, kind, title, params))


def make_call(
    spec: ToolSpec, *, slot: int = 0, inputs: tuple[str, ...] = (), **params: Any
) -> ToolCall:
    """A call of `spec` with validated `params`. Raises pydantic.ValidationError if they are wrong."""
    model = spec.params or WELL_KNOWN[spec.kind].params
    return ToolCall(
        episode="test",
        slot=slot,
        attempt=0,
        kind=spec.kind,
        tool=spec.name,
        description="a test",
        params=model.model_validate(params),
        inputs=inputs,
    )


def make_context(store: ArtifactStore, scope: AsyncExitStack, **fields: Any) -> ToolContext:
    """A context to run a tool with by hand; `fields` are those of `ToolContext`."""
    return ToolContext(artifacts=store, scope=scope, log=get_logger(), **fields)


def make_session(
    *tools: ToolSpec | LiveTool,
    store: ArtifactStore,
    attachments: Sequence[Attachment] = (),
    emit: Emit = lambda event: None,
    **fields: Any,
) -> Session:
    """A live episode, to run calls in as a graph does: `async with make_session(SPEC, store=store) as session:
    outcome = await session.result(make_call(SPEC, query="cats"))`.

    `fields` are those of `Toolkit`: `secrets`, `settings` (by the tool's name), `options`. Time limits, hooks, the intake
    and the classification of errors are the real ones; closing the session cancels what runs and closes the scope.
    """
    registry = registry_of(*tools)
    bindings = Bindings({tool.spec.kind: tool for tool in registry.tools.values()})
    toolkit = Toolkit(registry, bindings, store, journal_beside(store), **fields)
    return Session("test", toolkit, attachments, emit=emit)


def attach(store: ArtifactStore, path: Path, media_type: str) -> Attachment:
    """Keep a file's bytes in `store` and describe it as the user's attachment."""
    data = path.read_bytes()
    return Attachment(path.name, media_type, store.put(data), len(data))


def random_png(width: int = 64, height: int = 48, seed: int = 0) -> bytes:
    """A small picture that is not blank; another seed, another picture."""
    from PIL import Image as Pillow

    noise = random.Random(seed).randbytes(width * height * 3)
    out = io.BytesIO()
    Pillow.frombytes("RGB", (width, height), noise).save(out, "PNG")
    return out.getvalue()


Scripted = ToolResult | BaseException | Callable[[ToolCall, ToolContext], Any]


class FakeTool:
    """A tool that answers by a script, and remembers its calls.

    answers: what it does on its first, second, ... call, the last one for ever: a `ToolResult` to return, an
    exception to raise, or a function of (call, context), sync or async. By default it makes a small picture, a
    different one for each slot.
    seconds: how long each call takes.
    """

    def __init__(
        self,
        name: str,
        kind: str,
        answers: Sequence[Scripted] = (),
        *,
        seconds: float = 0.0,
        **spec: Any,
    ) -> None:
        self.spec = ToolSpec(
            name=name, kind=kind, description="a fake", load="llmi_agent.testing:FakeTool", **spec
        )
        self.calls: list[ToolCall] = []
        self._answers = list(answers)
        self._seconds = seconds

    async def run(self, call: ToolCall, context: ToolContext) -> ToolResult:
        """The next answer of the script."""
        self.calls.append(call)
        number = min(len(self.calls), len(self._answers)) - 1
        answer: Scripted = self._answers[number] if self._answers else self.picture
        if self._seconds:
            await asyncio.sleep(self._seconds)
        if isinstance(answer, BaseException):
            raise answer
        if callable(answer):
            made = answer(call, context)
            result: ToolResult = await made if inspect.isawaitable(made) else made
            return result
        return answer

    def picture(self, call: ToolCall, context: ToolContext) -> Produced:
        """What it makes when the script says nothing else."""
        made_of = f"{self.spec.name} {call.slot} {call.params!r} {call.inputs}"
        data = random_png(seed=int(hashlib.sha256(made_of.encode()).hexdigest()[:8], 16))
        return Produced((Image(data, Provenance(self.spec.name)),), usd=0.0)


class ScriptedModel(BaseChatModel):
    """A chat model that says what it is told to, streaming in pieces of `chunk` characters.

    script: the answers in order (the last one for ever), or a function from the messages to the answer.
    asked: the messages of every call, for assertions.
    pause: seconds between two pieces.
    """

    script: Sequence[str] | Callable[[list[BaseMessage]], str]
    chunk: int = 7
    pause: float = 0.0
    asked: list[list[BaseMessage]] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _answer(self, messages: list[BaseMessage]) -> str:
        self.asked.append(messages)
        if callable(self.script):
            return self.script(messages)
        return self.script[min(len(self.asked), len(self.script)) - 1]

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        answer = AIMessage(self._answer(messages))
        return ChatResult(generations=[ChatGeneration(message=answer)])

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        answer = self._answer(messages)
        for start in range(0, len(answer), self.chunk):
            await asyncio.sleep(self.pause)
            piece = answer[start : start + self.chunk]
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=piece))
            if run_manager:
                await run_manager.on_llm_new_token(piece, chunk=chunk)
            yield chunk


async def check_tool(spec: ToolSpec, call: ToolCall, context: ToolContext) -> Produced:
    """Run a tool as the framework does, and hold it to the contract; returns what it produced.

    Raises AssertionError, saying what is wrong, if the spec does not load, the call fails, a picture does not pass the
    intake, or provenance lacks its provider.
    """
    tool = registry_of(spec).tools[spec.name].make()
    try:
        result = await tool.run(call, context)
    finally:
        if close := getattr(tool, "aclose", None):
            await close()
    assert isinstance(result, Produced), f"{spec.name}: {result}"
    assert isinstance(result.images, tuple), f"{spec.name}: images must be a tuple"
    assert result.images, f"{spec.name} produced no picture"
    for image in result.images:
        picture = admit(image.data)
        assert not picture.blank, f"{spec.name} produced a blank picture"
        assert image.provenance.provider, f"{spec.name}: provenance lacks its provider"
    return result


def check_light_import(module: str) -> None:
    """Import a plugin's door in a fresh interpreter, and see that it brings nothing but the contract.

    Raises AssertionError naming what it imported besides: an SDK belongs into the module that `load` names.
    """
    script = (
        "import sys, llmi_agent.contract.hooks, llmi_agent.contract.tool\n"
        "before = set(sys.modules)\n"
        f"import {module}\n"
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    own = {module.partition(".")[0], "llmi_agent"}
    heavy = set(done.stdout.split()) - own - set(sys.stdlib_module_names)
    assert not heavy, f"importing {module} also imports {', '.join(sorted(heavy))}"
