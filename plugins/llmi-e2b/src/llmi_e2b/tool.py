"""The `e2b_code` tool: the policy's plotting code in, its figures out, drawn in a sandbox at E2B."""

from __future__ import annotations

import asyncio
import base64
import binascii
from contextlib import AsyncExitStack
from importlib import resources
from typing import Any
from weakref import WeakKeyDictionary

from e2b_code_interpreter import AsyncSandbox

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
    read_settings,
    secret_of,
)
from llmi_e2b.errors import SandboxLost, asking_api, asking_sandbox
from llmi_e2b.inside import FIGURE, MOST, REPORT
from llmi_e2b.plugin import SPEC
from llmi_e2b.sandbox import FOLDER, SharedSandbox
from llmi_e2b.settings import KEY, Settings

_MARGIN = 1.0
"""Seconds before the deadline at which the code is stopped, so that the tool can still say so."""
_VERIFY = 15.0
_OUTPUT = 64 * 1024 * 1024
"""Characters that a run may send back."""
_BROKEN = ("WebSocketError", "UnexpectedEndOfExecution")
"""E2B's names for an execution that it lost sight of itself."""
_RESTARTED = "ContextRestarting"
"""E2B's name for the end of the process that ran the code."""


class E2BCode(BaseTool):
    """Runs the calls of an episode in one sandbox, each in a fresh Python process."""

    def __init__(self) -> None:
        # By scope rather than as one field: a tool handed over in code may serve several episodes.
        self._sandboxes: WeakKeyDictionary[AsyncExitStack, SharedSandbox] = WeakKeyDictionary()

    async def run(self, call: ToolCall, context: ToolContext) -> ToolResult:
        """Draw what the code draws. Raises ToolRetry for what the code did wrong, ToolFailed for the rest.

        https://e2b.dev/docs/code-interpreting
        """
        assert isinstance(call.params, CodeParams)
        settings, key = _access(context)
        shared = self._shared(settings, key, context)
        sandbox = await shared.enter(context)
        try:
            with asking_sandbox():
                execution = await _execute(shared, sandbox, call, context, settings)
            return _result(execution, call.params.code, settings)
        except TimeoutError as overdue:
            return Failed("timeout", str(overdue), retryable=True)
        except SandboxLost:
            shared.forget(sandbox)
            raise

    async def check(self, context: ToolContext) -> Health:
        """Whether there is a key, and the settings are right."""
        try:
            _access(context)
        except ToolFailed as failed:
            return Health(ok=False, message=str(failed))
        return Health(ok=True, message="the key is set")

    async def verify(self, context: ToolContext) -> Health:
        """Whether E2B accepts the key: lists the account's sandboxes, one at most, which is free."""
        try:
            settings, key = _access(context)
            connection = settings.connection(key)
            async with asyncio.timeout(_VERIFY):
                with asking_api():
                    await AsyncSandbox.list(limit=1, **connection).next_items()
        except ToolFailed as failed:
            return Health(ok=False, message=str(failed))
        except TimeoutError:
            return Health(ok=False, message=f"E2B did not answer within {_VERIFY:g} s")
        return Health(ok=True, message="E2B accepts the key")

    def _shared(self, settings: Settings, key: str, context: ToolContext) -> SharedSandbox:
        shared = self._sandboxes.get(context.scope)
        if shared is None:
            shared = self._sandboxes[context.scope] = SharedSandbox(settings, key, context.log)
            context.scope.push_async_callback(shared.close)
        return shared


def _access(context: ToolContext) -> tuple[Settings, str]:
    """The settings and the key. Raises ToolFailed if one of them is no good."""
    settings = read_settings(context.settings, Settings, SPEC.name)
    return settings, secret_of(context, KEY, "https://e2b.dev/dashboard?tab=keys")


async def _execute(
    shared: SharedSandbox,
    sandbox: AsyncSandbox,
    call: ToolCall,
    context: ToolContext,
    settings: Settings,
) -> Any:
    """The execution, in a Python process of its own. Raises TimeoutError if the code takes too long.

    Whatever happens, the connection is closed, at which E2B interrupts the code, and the process is ended.
    """
    own = await sandbox.create_code_context()
    seconds = _time_left(settings, context)
    count = _Meter().count
    try:
        async with asyncio.timeout(seconds):
            return await sandbox.run_code(
                _cell(call, context, settings),
                context=own,
                timeout=seconds
                + 60,  # the SDK's own limit cannot be relied on: it fires at twice that
                on_stdout=lambda message: count(message.line),
                on_stderr=lambda message: count(message.line),
                on_result=lambda result: count(*vars(result).values()),
            )
    except TimeoutError:
        message = f"the code was stopped after {seconds:.2g} s; draw from less data or loop less"
        raise TimeoutError(message) from None
    finally:
        shared.end_context(sandbox, own)


class _Meter:
    """Ends an execution that sends back more than would fit into memory."""

    def __init__(self) -> None:
        self._left = _OUTPUT

    def count(self, *parts: object) -> None:
        self._left -= sum(len(str(part)) for part in parts)
        if self._left < 0:
            most = f"{_OUTPUT >> 20} MB"
            raise ToolRetry(f"the code was stopped: it put out more than {most}; draw one figure")


def _cell(call: ToolCall, context: ToolContext, settings: Settings) -> str:
    """The program for the sandbox. As a text in an `exec`, IPython and E2B change nothing in it."""
    assert isinstance(call.params, CodeParams)
    source = resources.files("llmi_e2b").joinpath("inside.py").read_text("utf-8")
    job = {
        "code": call.params.code,
        "seed": context.seed % 2**32,
        "attachments": FOLDER,
        "internet": settings.internet,
    }
    return (
        "llmi = {'__name__': 'llmi'}\n"
        f"exec(compile({source!a}, '<llmi>', 'exec'), llmi)\n"
        f"llmi['perform'](**{job!a})"
    )


def _result(execution: Any, code: str, settings: Settings) -> Produced:
    report = next((each.json for each in execution.results if each.text == REPORT), None)
    if not isinstance(report, dict):
        raise _without_report(execution.error, settings)
    printed = str(report.get("printed", "")).strip()
    printed = f"\nit printed: {printed[-400:]}" if printed else ""
    if error := report.get("error"):
        raise ToolRetry(f"{str(error)[:2000]}{printed}")
    drawn = [each.png or each.jpeg for each in execution.results if each.text == FIGURE][:MOST]
    if not drawn:
        raise ToolRetry(
            "the code ran but drew no figure; draw one with plt, sns or a pandas plot, and leave it "
            f"open (no plt.close()){printed}"
        )
    provenance = Provenance("E2B", model=f"matplotlib {report.get('matplotlib')}", code=code)
    note = f"the code drew {len(drawn)} figures" if len(drawn) > 1 else ""
    return Produced(tuple(Image(_decoded(data), provenance) for data in drawn), note)


def _without_report(error: Any, settings: Settings) -> Exception:
    """What it means that the program around the code did not come to its end."""
    if error is None:
        return ToolFailed("E2B ended the execution without a word on how it went", "bad_output")
    said = " ".join(f"{error.name}: {error.value}".split())[:300]
    if error.name == _RESTARTED:
        return ToolRetry(
            "the code ended before its figure could be saved: its process died; it used too much memory, "
            "crashed the interpreter, or ended the process itself"
        )
    if error.name in _BROKEN:
        return SandboxLost(f"E2B lost the execution ({said})", "unreachable")
    return ToolFailed(
        f"the code could not be started in the sandbox ({said}); the template {settings.template!r} must be "
        "E2B's code-interpreter-v1 or derived from it, with matplotlib, pandas and seaborn",
        "unavailable",
    )


def _decoded(data: Any) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise ToolFailed(f"E2B sent a figure that cannot be read: {error}", "bad_output") from None


def _time_left(settings: Settings, context: ToolContext) -> float:
    """Seconds that the code may take."""
    left = context.deadline - asyncio.get_running_loop().time()
    left = min(left, settings.sandbox_seconds)
    if left <= 0:
        raise ToolFailed("no time is left to run the code", "timeout")
    return left - min(left / 4, _MARGIN)
