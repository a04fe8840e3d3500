"""What the policy's code cannot do. Each probe runs inside the real sandbox of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.contract import Failed, Produced, ToolContext, ToolResult, ToolRetry
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import make_call, make_context
from llmi_sandbox import pool, tool
from llmi_sandbox.plugin import SPEC
from llmi_sandbox.tool import Sandbox

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="confinement is Linux's")

_libc = ctypes.CDLL(None)

_PROBE = """
def attempt(label, action):
    try:
        action()
    except OSError as error:
        print(label, 'refused')
    else:
        print(label, 'WORKED')
"""

_TERSE = """
def attempt(label, action):
    try:
        action()
    except OSError as error:
        print('-', end='')
    else:
        print(label, 'WORKED')
"""
_NO_NAMESPACES = """
from llmi_sandbox import linux
linux.leave_network = linux.leave_objects = linux.leave_processes = lambda: False
linux.change_root = lambda *_: linux.syscall(-1)
"""
_NO_SECCOMP = """
from llmi_sandbox import linux, seccomp
seccomp.restrict = lambda: linux.syscall(-1)
"""
_NO_LANDLOCK = "from llmi_sandbox import landlock; landlock.restrict = lambda *_: linux.syscall(-1)"
_NEITHER = f"{_NO_NAMESPACES}\n{_NO_SECCOMP}"


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The runs' folders lie here, and none may be left."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
async def context(tmp_path: Path) -> AsyncIterator[ToolContext]:
    async with AsyncExitStack() as scope:
        yield make_context(ArtifactStore(tmp_path / "store"), scope, settings={"seconds": 20})


async def _printed(context: ToolContext, code: str) -> str:
    """What code that draws nothing printed, as the message about it tells."""
    with pytest.raises(ToolRetry) as caught:
        await Sandbox().run(make_call(SPEC, code=_PROBE + code), context)
    return str(caught.value)


@pytest.fixture
def launch_after(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Have the zygote run some code first, as on a kernel that refuses it something."""
    own = pool.Pool(2)

    def launch(code: str) -> None:
        head, tail = pool._LAUNCH.split("from llmi_sandbox.zygote")
        # the number makes it another command line than that of a test run beside this one
        launched = f"{head}{os.getpid()}; exec({code!r}); from llmi_sandbox.zygote{tail}"
        monkeypatch.setattr(pool, "_LAUNCH", launched)
        monkeypatch.setattr(pool, "_shared", own)

    yield launch
    own.close()


async def _unsandboxed(
    context: ToolContext, tmp_path: Path, code: str, seconds: float = 20
) -> ToolResult:
    """What a run with `allow_unsandboxed` gives."""
    settings = {"allow_unsandboxed": True, "seconds": seconds}
    allowed = make_context(ArtifactStore(tmp_path / "store"), context.scope, settings=settings)
    return await Sandbox().run(make_call(SPEC, code=code), allowed)


def _warnings(caplog: pytest.LogCaptureFixture) -> int:
    """How often the log warned of a missing sandbox since this was last asked."""
    count = sum("code ran unsandboxed" in message for message in caplog.messages)
    caplog.clear()
    return count


def _children() -> list[str]:
    """What the zygote's children run under; they are gone at the latest a second after their end."""
    zygote = pool.shared().zygote
    assert zygote is not None
    for _ in range(50):
        found = Path(f"/proc/{zygote.pid}/task/{zygote.pid}/children").read_text().split()
        if not found:
            break
        time.sleep(0.02)
    return found


def _wait_for_start(temporary: Path) -> None:
    end = time.monotonic() + 60
    while not list(temporary.glob("*/work/runs")):
        assert time.monotonic() < end
        time.sleep(0.01)


async def test_every_layer_is_in_force_here(context: ToolContext) -> None:
    layers = await tool.layers()
    assert [layer for layer in layers if not layer.on] == []
    assert (await Sandbox().check(context)).ok


async def test_a_lost_zygote_hides_no_layer(
    context: ToolContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, lost = pool.Pool.run, [pool.Lost("no output")]

    async def once_lost(self: pool.Pool, root: Path) -> Any:
        if lost:
            raise lost.pop()
        return await run(self, root)

    monkeypatch.setattr(pool.Pool, "run", once_lost)
    assert all(layer.on for layer in await tool.layers())
    assert not lost


async def test_nothing_is_inherited_and_no_file_or_program_is_reached(
    context: ToolContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY_KEY", "canary-4711")
    secret = tmp_path / "secret.txt"
    secret.write_text("private")
    printed = await _printed(
        context,
        f"""
import os, subprocess
print('canary' in repr(dict(os.environ)), len(os.environ) < 20)
attempt('environ', lambda: open('/proc/1/environ').read())
attempt('shadow', lambda: open('/etc/shadow').read())
attempt('home', lambda: os.listdir({str(Path.home())!r}))
attempt('read', lambda: open({str(secret)!r}).read())
attempt('write', lambda: open({str(secret)!r}, 'w'))
attempt('new', lambda: open('../state.json', 'w'))
attempt('link', lambda: os.symlink('/etc/passwd', 'x.png'))
attempt('hard link', lambda: os.link('/etc/passwd', 'y.png'))
attempt('run', lambda: subprocess.run(['/bin/true']))
attempt('fork', os.fork)
attempt('kill', lambda: os.kill(os.getppid() or 1, 9))
os.chmod({str(secret)!r}, 0)
""",
    )
    assert "WORKED" not in printed
    assert "False True" in printed
    assert printed.count("refused") == 11
    assert secret.read_text() == "private"
    assert secret.stat().st_mode & 0o400


async def test_an_old_kernel_keeps_the_files_whole_and_draws(
    context: ToolContext, tmp_path: Path, launch_after: Callable[[str], None]
) -> None:
    """Landlock of Linux 5.19 guards no truncation; nor is there a root that files outside are not in."""
    launch_after(
        f"{_NO_NAMESPACES}\nfrom llmi_sandbox import landlock; landlock.version = lambda: 2"
    )
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("years of work")
    printed = await _printed(
        context,
        f"""
import os
path = {str(thesis)!r}
attempt('truncate', lambda: os.truncate(path, 0))
attempt('open to read', lambda: os.open(path, os.O_RDONLY | os.O_TRUNC))
attempt('open for neither', lambda: os.open(path, 3 | os.O_TRUNC))
with open('own.txt', 'w') as own:
    own.write('much')
    own.truncate(2)
print(os.path.getsize('own.txt'))
""",
    )
    assert thesis.read_text() == "years of work"
    assert "WORKED" not in printed
    assert printed.count("refused") == 3
    assert "2" in printed.splitlines()[-1]
    drawn = await Sandbox().run(make_call(SPEC, code="plt.plot([1, 2])"), context)
    assert isinstance(drawn, Produced)


async def test_no_network_not_even_loopback(context: ToolContext, tmp_path: Path) -> None:
    unix = tmp_path / "door.sock"
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX) as local,
    ):
        udp.bind(("127.0.0.1", 0))
        local.bind(str(unix))
        local.listen()
        printed = await _printed(
            context,
            f"""
import socket
attempt('tcp', lambda: socket.create_connection(('127.0.0.1', {tcp.getsockname()[1]}), 1))
attempt('udp', lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(
    b'x', ('127.0.0.1', {udp.getsockname()[1]})))
attempt('unix', lambda: socket.socket(socket.AF_UNIX).connect({str(unix)!r}))
""",
        )
    assert printed.count("refused") == 3
    assert "WORKED" not in printed


async def test_a_flood_of_output_does_no_harm(context: ToolContext) -> None:
    result = await Sandbox().run(
        make_call(SPEC, code="for _ in range(300): print('x' * 100_000)\nplt.plot([1, 2])"), context
    )
    assert isinstance(result, Produced)


async def test_filling_the_disk_is_stopped(context: ToolContext) -> None:
    code = "n = 0\nwhile True:\n    n += 1\n    open(f'f{n}', 'wb').write(bytes(60_000_000))"
    with pytest.raises(ToolRetry, match="wrote more than 256 MB"):
        await Sandbox().run(make_call(SPEC, code=code), context)


async def test_folders_nested_deeper_than_a_path_may_be_are_removed(context: ToolContext) -> None:
    code = "import os\nfor _ in range(3000):\n    os.mkdir('d', 0); os.mkdir('e'); os.chdir('e')\n"
    with pytest.raises(ToolRetry):
        await Sandbox().run(make_call(SPEC, code=code), context)


async def test_a_cancelled_call_leaves_no_process(context: ToolContext, temporary: Path) -> None:
    code = "open('runs', 'w')\nimport time\ntime.sleep(60)"
    task = asyncio.ensure_future(Sandbox().run(make_call(SPEC, code=code), context))
    await asyncio.to_thread(_wait_for_start, temporary)
    start = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - start < 3
    assert _children() == []


_DAEMON = """
import os, time
open('runs', 'w')
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)
    time.sleep(60)
{then}
"""


@pytest.mark.parametrize("namespaces", ["refused", "allowed"])
@pytest.mark.parametrize(
    ("then", "how"),
    [("time.sleep(60)", "timeout"), ("time.sleep(60)", "cancel"), ("os._exit(0)", "end")],
)
async def test_without_seccomp_the_whole_tree_dies_too(
    context: ToolContext,
    tmp_path: Path,
    temporary: Path,
    launch_after: Callable[[str], None],
    namespaces: str,
    then: str,
    how: str,
) -> None:
    """The code forks twice and leaves its session: the namespace takes all along, or the subreaper does."""
    apart = _NEITHER if namespaces == "refused" else _NO_SECCOMP
    launch_after(f"{apart}\n{_NO_LANDLOCK}")
    code = _DAEMON.format(then=then)
    seconds = 6.0 if how == "timeout" else 30.0
    task = asyncio.ensure_future(_unsandboxed(context, tmp_path, code, seconds))
    if how != "end":
        await asyncio.to_thread(_wait_for_start, temporary)
        await asyncio.to_thread(_wait_for_family)
    if how == "cancel":
        task.cancel()
    done = (await asyncio.gather(task, return_exceptions=True))[0]
    expected = {"timeout": Failed, "cancel": asyncio.CancelledError, "end": ToolRetry}
    assert isinstance(done, expected[how])
    assert _children() == []
    assert len(_family()) == 1


def _wait_for_family() -> None:
    end = time.monotonic() + 60
    while len(_family()) < 5:  # zygote, keeper, worker, and its two
        assert time.monotonic() < end
        time.sleep(0.01)


def _family() -> list[int]:
    """The processes with the zygote's command line: it and all that came of it by fork."""
    zygote = pool.shared().zygote
    assert zygote is not None
    command = Path(f"/proc/{zygote.pid}/cmdline").read_bytes()
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (path / "cmdline").read_bytes() == command:
                found.append(int(path.name))
    return found


async def test_without_the_needed_layers_nothing_is_run(
    context: ToolContext,
    tmp_path: Path,
    launch_after: Callable[[str], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A child on a kernel that refuses it namespaces and seccomp."""
    launch_after(_NEITHER)
    call = make_call(SPEC, code="plt.plot([1, 2])")
    refused = await Sandbox().run(call, context)
    assert isinstance(refused, Failed)
    assert refused.reason == "unavailable"
    assert "allow_unsandboxed = true" in refused.message
    assert not (await Sandbox().check(context)).ok
    for code, note in (
        ("plt.plot([1, 2])", "drawn without a sandbox"),
        ("plt.plot([1]); plt.figure(); plt.plot([1])", "the code drew 2 figures; drawn without a "),
    ):
        drawn = await _unsandboxed(context, tmp_path, code)
        assert isinstance(drawn, Produced)
        assert drawn.note.startswith(note)
        assert _warnings(caplog) == 1


async def test_a_run_without_a_sandbox_is_told_of_even_if_it_draws_nothing(
    context: ToolContext,
    tmp_path: Path,
    launch_after: Callable[[str], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    launch_after(_NEITHER)
    stopped = await _unsandboxed(context, tmp_path, "while True: pass", seconds=2.5)
    assert isinstance(stopped, Failed)
    assert _warnings(caplog) == 1


async def test_a_confined_run_is_not_called_unsandboxed(
    context: ToolContext, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    drawn = await _unsandboxed(context, tmp_path, "plt.plot([1, 2])")
    assert isinstance(drawn, Produced)
    assert (drawn.note, _warnings(caplog)) == ("", 0)


_FOREIGN = """
import ctypes, fcntl, os, platform, resource
from types import SimpleNamespace
libc = ctypes.CDLL(None, use_errno=True)
numbers = dict(ioprio_set=251, sched_setattr=314, kcmp=312)
if platform.machine() == 'aarch64':
    numbers = dict(ioprio_set=30, sched_setattr=274, kcmp=272)

def checked(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), 'refused')

def call(name, *arguments):
    checked(libc.syscall(ctypes.c_long(numbers[name]), *map(ctypes.c_long, arguments)))

def limit(pid):
    checked(libc.syscall(ctypes.c_long(LIMIT), ctypes.c_long(pid), ctypes.c_long(0),
        ctypes.byref((ctypes.c_ulong * 2)(0, 0)), ctypes.c_long(0)))

LIMIT = 261 if platform.machine() == 'aarch64' else 302
attributes = ctypes.create_string_buffer(bytes([48, 0, 0, 0, 3]), 48)
ends = os.pipe()
attempt('limit', lambda: resource.prlimit(PID, resource.RLIMIT_CPU, (0, 0)))
attempt('limit with a high half', lambda: limit(PID | 1 << 32))
attempt('own limit with a high half', lambda: limit(1 << 32))
attempt('nice', lambda: os.setpriority(os.PRIO_PROCESS, PID, 7))
attempt('nice, all', lambda: os.setpriority(os.PRIO_USER, os.getuid(), 7))
attempt('input', lambda: call('ioprio_set', 1, PID, 3 << 13))
attempt('processors', lambda: os.sched_setaffinity(PID, {min(os.sched_getaffinity(0))}))
attempt('schedule', lambda: os.sched_setscheduler(PID, os.SCHED_BATCH, os.sched_param(0)))
attempt('priority', lambda: os.sched_setparam(PID, os.sched_param(0)))
attempt('attributes', lambda: call('sched_setattr', PID, ctypes.addressof(attributes), 0))
attempt('compare', lambda: call('kcmp', PID, PID, 0, 0, 0))
attempt('owner', lambda: fcntl.fcntl(ends[0], 8, PID))
attempt('signal', lambda: fcntl.fcntl(ends[0], 10, 9))
owner = (1).to_bytes(4, 'little') + PID.to_bytes(4, 'little')
attempt('owner, new', lambda: fcntl.fcntl(ends[0], 15, owner))
attempt('segment', lambda: checked(libc.shmget(KEY, 4096, 0o1600)))
attempt('semaphore', lambda: checked(libc.semget(KEY, 1, 0o1600)))
attempt('messages', lambda: checked(libc.msgget(KEY, 0o1600)))
attempt('queue', lambda: checked(libc.mq_open(b'/llmi-%d' % KEY, 0o102, 0o600, None)))
attempt('attach', lambda: checked(libc.shmat(SEGMENT, None, 0)))
attempt('destroy', lambda: checked(libc.shmctl(SEGMENT, 0, None)))
assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
resource.prlimit(os.getpid(), resource.RLIMIT_NOFILE, (100, 100))
resource.setrlimit(resource.RLIMIT_NOFILE, (90, 90))
assert fcntl.fcntl(ends[0], fcntl.F_GETFD) == 1
print('own limits', resource.prlimit(0, resource.RLIMIT_NOFILE))
"""


@dataclass(frozen=True)
class Outside:
    """What of the user's lies outside the sandbox."""

    process: subprocess.Popen[bytes]
    segment: int
    """A shared memory segment."""
    key: int
    """Nothing has it yet."""

    def made(self) -> list[tuple[str, int]]:
        """The System V objects that the code made."""
        found = (
            ("shm", _libc.shmget(self.key, 0, 0)),
            ("sem", _libc.semget(self.key, 0, 0)),
            ("msg", _libc.msgget(self.key, 0)),
        )
        return [(kind, number) for kind, number in found if number != -1]


@pytest.fixture
def outside() -> Iterator[Outside]:
    with subprocess.Popen(["sleep", "60"]) as sleeping:
        segment = _libc.shmget(0, 4096, 0o1600)
        found = Outside(sleeping, segment, key=0x4C4C0000 | os.getpid() & 0xFFFF)
        try:
            yield found
        finally:
            sleeping.kill()
            _libc.shmctl(segment, 0, None)
            for kind, number in found.made():
                last = (0, 0) if kind == "sem" else (0, None)
                getattr(_libc, f"{kind}ctl")(number, *last)
            _libc.mq_unlink(b"/llmi-%d" % found.key)


@pytest.mark.parametrize("namespaces", ["refused", "allowed"])
async def test_other_processes_and_shared_objects_are_out_of_reach(
    context: ToolContext, launch_after: Callable[[str], None], outside: Outside, namespaces: str
) -> None:
    if namespaces == "refused":
        launch_after(_NO_NAMESPACES)
    before = _state_of(outside.process.pid)
    here = f"PID, KEY, SEGMENT = {outside.process.pid}, {outside.key}, {outside.segment}\n"
    printed = await _printed(context, here + _TERSE + _FOREIGN)
    assert "WORKED" not in printed
    assert f"it printed: {'-' * 20}own limits (90, 90)" in printed
    assert outside.process.poll() is None
    assert _state_of(outside.process.pid) == before
    assert outside.made() == []
    assert _libc.shmctl(outside.segment, 0, None) == 0  # it was still there


def _state_of(pid: int) -> tuple[object, ...]:
    return (
        resource.prlimit(pid, resource.RLIMIT_CPU),
        os.getpriority(os.PRIO_PROCESS, pid),
        os.sched_getaffinity(pid),
        os.sched_getscheduler(pid),
    )
