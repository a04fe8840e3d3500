"""The warm process behind the calls: shared, replaced, lost and found, and never left behind."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from llmi_agent.contract import Produced, ToolContext, ToolFailed
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.intake import admit
from llmi_agent.testing import attach, make_call, make_context
from llmi_sandbox import pool
from llmi_sandbox.plugin import SPEC
from llmi_sandbox.tool import Sandbox

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")

HERE = Path(__file__).parent
TABLE = HERE.parents[2] / "examples/data/seattle-weather.csv"
CHART = "plt.plot([1, 3, 2])"


def snippets() -> dict[str, str]:
    parts = (HERE / "charts.txt").read_text("utf-8").split("\n### ")[1:]
    return {name: code for name, _, code in (part.partition("\n") for part in parts)}


@pytest.fixture
async def context(tmp_path: Path) -> AsyncIterator[ToolContext]:
    store = ArtifactStore(tmp_path / "store")
    async with AsyncExitStack() as scope:
        yield make_context(store, scope, attachments=(attach(store, TABLE, "text/csv"),))


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[pool.Pool]:
    """A pool for this test alone."""
    made = pool.Pool(2)
    monkeypatch.setattr(pool, "_shared", made)
    yield made
    made.close()


async def _draw(context: ToolContext, code: str = CHART) -> bytes:
    result = await Sandbox().run(make_call(SPEC, code=code), context)
    assert isinstance(result, Produced), result
    return result.images[0].data


def _pid(of: pool.Pool) -> int:
    assert of.zygote is not None
    return of.zygote.pid


def _descendants() -> int:
    each = Path("/proc/self/task").glob("*/children")  # of each thread
    return sum(len(path.read_text().split()) for path in each)


def _children(pid: int) -> str:
    """The process's children; a keeper that has told its end may need a moment more to go."""
    for _ in range(100):
        if not (found := Path(f"/proc/{pid}/task/{pid}/children").read_text()):
            break
        time.sleep(0.02)
    return found


def _is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def _handles() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


FEW = 4
"""Handles that earlier tests of this process may still open or close; a leak would show in each of many calls."""


def _wait_until_gone(pid: int) -> None:
    end = time.monotonic() + 60
    while _is_alive(pid):
        assert time.monotonic() < end
        time.sleep(0.02)


async def test_fifty_charts_of_all_kinds_and_the_zygote_killed_halfway(
    context: ToolContext, own: pool.Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All are drawn, none is blank, and nothing is left: no handle, process or file."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    await _draw(context)
    handles = _handles()
    processes = _descendants()
    drawn: dict[str, bytes] = {}

    async def draw(name: str, code: str) -> None:
        drawn[name] = await _draw(context, code)
        if len(drawn) == 25:
            os.kill(_pid(own), signal.SIGKILL)

    charts = snippets()
    assert len(charts) == 50
    await asyncio.gather(*(draw(name, code) for name, code in charts.items()))
    assert drawn.keys() == charts.keys()
    assert [name for name, data in drawn.items() if admit(data).blank] == []
    assert _handles() <= handles + FEW
    assert _descendants() <= processes
    assert _children(_pid(own)) == ""
    assert list(temporary.iterdir()) == []


async def test_a_run_outlives_its_zygote(context: ToolContext, own: pool.Pool) -> None:
    await _draw(context)
    slow = asyncio.ensure_future(_draw(context, f"import time; time.sleep(1); {CHART}"))
    await asyncio.sleep(0.5)
    os.kill(_pid(own), signal.SIGKILL)
    assert await slow == await _draw(context)


async def test_a_zygote_is_replaced_after_so_many_calls_once_another_is_warm(
    context: ToolContext, own: pool.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "CALLS", 3)
    await _draw(context)
    first = _pid(own)
    for _ in range(3):
        await _draw(context)
    assert _pid(own) == first  # the next one is not warm yet
    assert own._next is not None
    while not own._next.is_ready():  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    await _draw(context)
    assert _pid(own) != first
    assert not _is_alive(first)


async def test_a_zygote_that_cannot_start_says_why(
    context: ToolContext, own: pool.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_LAUNCH", "raise ImportError('numpy is broken')")
    with pytest.raises(ToolFailed, match="could not start: ImportError: numpy is broken"):
        await _draw(context)


def test_one_zygote_serves_several_event_loops_in_several_threads(
    own: pool.Pool, tmp_path: Path
) -> None:
    drawn: list[bytes] = []

    async def some() -> None:
        async with AsyncExitStack() as scope:
            context = make_context(ArtifactStore(tmp_path / "store"), scope)
            drawn.extend(await asyncio.gather(*(_draw(context) for _ in range(4))))

    threads = [threading.Thread(target=asyncio.run, args=(some(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asyncio.run(some())
    assert len(drawn) == 16
    assert len(set(drawn)) == 1
    assert _pid(own)
    assert own._free == 2


async def test_a_turn_is_passed_on_even_if_it_was_granted_to_one_that_gave_up() -> None:
    few = pool.Pool(1)
    async with few.turn():
        turns = [few.turn() for _ in range(3)]
        waiting = [asyncio.ensure_future(turn.__aenter__()) for turn in turns]
        await asyncio.sleep(0)
        waiting[0].cancel()
    waiting[1].cancel()  # it has been granted its turn just now
    await asyncio.wait(waiting)
    assert [each.cancelled() for each in waiting] == [True, True, False]
    assert few._free == 0
    await turns[2].__aexit__(None, None, None)
    assert few._free == 1


_LLMI = """
import asyncio, os, sys, time
from contextlib import AsyncExitStack
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import make_call, make_context
from llmi_sandbox import pool
from llmi_sandbox.plugin import SPEC
from llmi_sandbox.tool import Sandbox

async def draw(code="plt.plot([1, 3, 2])"):
    async with AsyncExitStack() as scope:
        context = make_context(ArtifactStore(sys.argv[1]), scope)
        return len((await Sandbox().run(make_call(SPEC, code=code), context)).images)

asyncio.run(draw())
print(pool.shared().zygote.pid, flush=True)
"""


def _llmi(tmp_path: Path, then: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", f"{_LLMI}\n{then}", str(tmp_path / "store")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("end", ["the end", "a kill"])
def test_nothing_outlives_the_process_that_started_it(tmp_path: Path, end: str) -> None:
    then = "" if end == "the end" else "asyncio.run(draw('import time; time.sleep(50)'))"
    with _llmi(tmp_path, then) as other:
        assert other.stdout is not None
        zygote = int(other.stdout.readline())
        if end == "a kill":
            children = Path(f"/proc/{zygote}/task/{zygote}/children")
            while not children.read_text():
                time.sleep(0.02)
            keeper = int(children.read_text())
            other.kill()
            _wait_until_gone(keeper)
        _wait_until_gone(zygote)


def test_a_fork_of_the_process_has_a_pool_of_its_own(tmp_path: Path) -> None:
    """It draws with another zygote, and does not keep that of its parent alive."""
    then = """
if os.fork() == 0:
    assert pool.shared().zygote is None
    print(asyncio.run(draw()), pool.shared().zygote.pid, os.getpid(), flush=True)
    time.sleep(60)
print(asyncio.run(draw()), pool.shared().zygote.pid, os.getpid(), flush=True)
os.wait()
"""
    with _llmi(tmp_path, then) as other:
        assert other.stdout is not None
        zygote = int(other.stdout.readline())
        told = [list(map(int, other.stdout.readline().split())) for _ in range(2)]
        assert sorted(drawn for drawn, _, _ in told) == [1, 1]
        ((_, forks, child),) = [line for line in told if line[2] != other.pid]
        assert forks != zygote
        other.kill()
        _wait_until_gone(zygote)
        assert _is_alive(forks)
        os.kill(child, signal.SIGKILL)
        _wait_until_gone(forks)


async def test_a_zygote_that_idles_ends_and_the_next_call_starts_another(
    context: ToolContext, own: pool.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    head, _, _ = pool._LAUNCH.partition("from llmi_sandbox.zygote")
    hasty = "from llmi_sandbox import zygote; zygote._IDLE = 0.2; zygote.main()"
    monkeypatch.setattr(pool, "_LAUNCH", head + hasty)
    first = await _draw(context)
    idle = _pid(own)
    await asyncio.to_thread(_wait_until_gone, idle)
    assert await _draw(context) == first
    assert _pid(own) != idle


async def test_a_call_that_is_cancelled_at_any_moment_leaves_nothing(
    context: ToolContext, own: pool.Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    await _draw(context)
    handles = _handles()
    for number in range(30):
        task = asyncio.ensure_future(_draw(context))
        await asyncio.sleep(number * 0.004)
        task.cancel()
        await asyncio.wait({task})
    assert _children(_pid(own)) == ""
    assert _handles() <= handles + FEW
    assert list(temporary.iterdir()) == []
    assert own._free == 2
