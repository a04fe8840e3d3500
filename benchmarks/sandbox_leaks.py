"""A thousand charts in a row by the local sandbox: what they leave behind, and what a killed zygote costs.

    python benchmarks/sandbox_leaks.py [--quick]

Workload: 1,000 bar charts with a title by the tool `llmi_sandbox`, as many at once as there are cores; the zygote is killed
by hand in the middle, and four are replaced because they have served 200 calls. Counted after a first hundred
and at the end: processes, open handles, files in the temporary folder, LLMI's memory.

Bar: every chart is drawn, no process, handle or file more than before, and less than 8 MB more memory.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import signal
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from llmi_agent.contract.tool import Produced, ToolContext
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import make_call, make_context
from llmi_sandbox import pool
from llmi_sandbox.plugin import SPEC
from llmi_sandbox.tool import Sandbox

MOST = 8 * 1024 * 1024
CODE = "plt.bar(['a', 'b', 'c'], np.random.rand(3)); plt.title('chart {}')"


@dataclass(frozen=True)
class Usage:
    """What is in use at one moment."""

    processes: int
    """Children of LLMI's: the zygote, and another while it is being replaced."""
    handles: int
    files: int
    memory: int
    """Bytes resident in LLMI."""


def usage(temporary: Path) -> Usage:
    gc.collect()
    zygote = pool.shared().zygote
    assert zygote is not None
    while _children(zygote.pid):  # a keeper that has told its end may need a moment more to go
        time.sleep(0.01)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Usage(
        processes=len(_children(os.getpid())),
        handles=len(os.listdir("/proc/self/fd")),  # noqa: PTH208
        files=sum(1 for _ in temporary.rglob("*")),
        memory=pages * os.sysconf("SC_PAGE_SIZE"),
    )


def _children(pid: int) -> list[str]:
    each = Path(f"/proc/{pid}/task").glob("*/children")  # of each thread
    return [child for path in each for child in path.read_text().split()]


async def draw(context: ToolContext, numbers: range, kill_at: int = -1) -> int:
    """Draw charts; returns how many. The zygote is killed when chart `kill_at` is asked for."""
    drawn = 0
    waiting = iter(numbers)

    async def some() -> None:
        nonlocal drawn
        for number in waiting:
            if number == kill_at and (zygote := pool.shared().zygote):
                os.kill(zygote.pid, signal.SIGKILL)
            call = make_call(SPEC, slot=number, code=CODE.format(number))
            result = await Sandbox().run(call, context)
            drawn += isinstance(result, Produced)

    await asyncio.gather(*(some() for _ in range(len(os.sched_getaffinity(0)))))
    return drawn


async def measure(charts: int, temporary: Path, store: Path) -> bool:
    """Print what was in use before and after; whether the bar is held."""
    warm = charts // 10
    async with AsyncExitStack() as scope:
        context = make_context(ArtifactStore(store), scope)
        drawn = await draw(context, range(warm))
        before = await asyncio.to_thread(usage, temporary)
        began = time.perf_counter()
        drawn += await draw(context, range(warm, charts), kill_at=charts // 2)
        took = time.perf_counter() - began
        after = await asyncio.to_thread(usage, temporary)
    print(
        f"{drawn} of {charts} charts drawn, {(charts - warm) / took:.1f} a second; one zygote killed"
    )
    print(f"after {warm}: {before}\nafter {charts}: {after}")
    more = after.memory - before.memory
    same = (after.handles, after.files, after.processes) == (
        before.handles,
        before.files,
        before.processes,
    )
    print(f"memory: {more / 1e6:+.1f} MB; nothing else left over: {same}")
    return drawn == charts and same and more < MOST


def main() -> int:
    """1 if something leaks or is lost."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="150 charts instead of 1,000")
    charts = 150 if arguments.parse_args().quick else 1000
    with tempfile.TemporaryDirectory() as top:
        temporary = Path(top, "temporary")
        temporary.mkdir()
        tempfile.tempdir = str(temporary)
        held = asyncio.run(measure(charts, temporary, Path(top, "store")))
    print(f"bar: {'held' if held else 'MISSED'}")
    return int(not held)


if __name__ == "__main__":
    sys.exit(main())
