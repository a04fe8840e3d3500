"""One process group: started with a clean environment, watched, and killed whole."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_POLL = 0.2
_BURIAL = 5.0
_KEPT = 16 * 1024
_LAUNCH = (
    "import sys; sys.path += [p for p in sys.argv[1].split(':') if p not in sys.path]; "
    "from llmi_sandbox.runner import main; main()"
)


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    stopped: Literal["", "timeout", "overfull"]
    """Why it was killed; empty if it ended by itself."""
    output: str
    """The last 16 kB of what it printed."""


def command(libraries: list[str], root: Path) -> list[str]:
    """The child's command line: isolated Python that imports from `libraries` too.

    It is `-I` spelled out, because `-I` would also ignore the PYTHONHASHSEED that makes runs repeat.
    """
    launch = ("-c", _LAUNCH, ":".join(libraries), str(root))
    return [sys.executable, "-s", "-P", "-X", "utf8", *launch]


def environment(home: Path, fonts: Path) -> dict[str, str]:
    """All the variables that the child gets: none is inherited."""
    threads = ("OPENBLAS", "OMP", "MKL", "NUMEXPR")
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "HOME": str(home),
        "TMPDIR": str(home),
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": str(fonts),
        "PYTHONHASHSEED": "0",
        **{f"{library}_NUM_THREADS": "1" for library in threads},
    }


async def run(
    argv: list[str],
    *,
    env: dict[str, str],
    folder: Path,
    seconds: float,
    overfull: Callable[[], bool],
) -> Ended:
    """Run `argv` until it ends, `seconds` have passed, or `overfull()` says it wrote too much.

    Whatever happens, cancellation too, its process group is dead when this returns. Raises OSError if
    it cannot be started.
    """
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=env,
        cwd=folder,
        start_new_session=True,
    )
    assert process.stdout is not None
    output = asyncio.ensure_future(_tail(process.stdout))
    ended = asyncio.ensure_future(process.wait())
    try:
        stopped = await _watch(ended, seconds, overfull)
    finally:
        if process.returncode is None:
            _kill_group(process.pid)
        await asyncio.wait({ended, output}, timeout=_BURIAL)
        output.cancel()
    text = output.result() if output.done() and not output.cancelled() else ""
    return Ended(stopped, text)


async def _watch(
    ended: asyncio.Future[int], seconds: float, overfull: Callable[[], bool]
) -> Literal["", "timeout", "overfull"]:
    clock = asyncio.get_running_loop().time
    deadline = clock() + seconds
    while not ended.done():
        left = deadline - clock()
        if left <= 0:
            return "timeout"
        await asyncio.wait({ended}, timeout=min(left, _POLL))
        if await asyncio.to_thread(overfull):
            return "overfull"
    return ""


async def _tail(stream: asyncio.StreamReader) -> str:
    """Read to the end, keeping the last part only: a flood of output takes no memory."""
    kept = b""
    while chunk := await stream.read(65536):
        kept = (kept + chunk)[-_KEPT:]
    return kept.decode("utf-8", "replace")


def _kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
