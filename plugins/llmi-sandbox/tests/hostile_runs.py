"""Run the sixty snippets of hostile.txt, and a good chart after each; one line of JSON for each snippet.

    python hostile_runs.py            in the sandbox, as a run of LLMI does
    python hostile_runs.py --plain    by subprocess.run([sys.executable, "-c", ...]), for comparison

The lines: {"name", "contained", "why": what got out, "good": whether the next call drew its chart}.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
CANARY = "canary-4711-of-the-parent"
SECONDS = 1.5
"""What a run of a snippet that does not end by itself may take."""
ENDLESS = {"infinite loop", "sleep", "stop itself"}
GRACE = 15.0
"""How much longer a run may take until it counts as out of hand, on a machine that is busy."""
GOOD = "plt.plot([1, 3, 2]); plt.title('good')"
_PREAMBLE = """\
import ctypes, os, platform, socket, time
libc = ctypes.CDLL(None, use_errno=True)
def tried(action):
    try: action()
    except (OSError, AttributeError): print('refused')
    else: print('ESCAPED')
"""


def snippets() -> dict[str, str]:
    """Name and code of each."""
    parts = (HERE / "hostile.txt").read_text("utf-8").split("\n### ")[1:]
    return {name: code for name, _, code in (part.partition("\n") for part in parts)}


@dataclass
class Targets:
    """What the snippets go for."""

    top: Path
    tcp: socket.socket
    udp: socket.socket
    unix: socket.socket
    abstract: socket.socket

    def __post_init__(self) -> None:
        self.secret = self.top / "secret.txt"
        self.outside = self.top / "outside"
        self.outside.mkdir()
        self._reset()

    def _reset(self) -> None:
        self.secret.unlink(missing_ok=True)
        self.secret.write_text(CANARY)
        self.secret.chmod(0o640)
        for path in self.outside.iterdir():
            path.unlink()

    def preamble(self) -> str:
        named = {
            "SECRET": str(self.secret),
            "OUTSIDE": str(self.outside),
            "HOME": str(Path.home()),
            "PROJECT": str(HERE.parents[2]),
            "PARENT": os.getpid(),
            "TCP": self.tcp.getsockname()[1],
            "UDP": self.udp.getsockname()[1],
            "UNIX": self.unix.getsockname(),
            "ABSTRACT": self.abstract.getsockname()[1:].decode(),
        }
        return _PREAMBLE + "".join(f"{name} = {value!r}\n" for name, value in named.items())

    def damage(self) -> list[str]:
        """What was done to them since this was last asked."""
        found = []
        kept = self.secret.exists() and self.secret.read_text() == CANARY
        if not kept or stat.S_IMODE(self.secret.stat().st_mode) != 0o640:
            found.append("the secret file was changed")
        if list(self.outside.iterdir()):
            found.append("something was written outside")
        for name, listener in (("tcp", self.tcp), ("unix", self.unix), ("abstract", self.abstract)):
            with contextlib.suppress(BlockingIOError):
                listener.accept()[0].close()
                found.append(f"{name} was reached")
        with contextlib.suppress(BlockingIOError):
            self.udp.recv(10)
            found.append("udp was reached")
        self._reset()
        return found


@contextlib.contextmanager
def targets() -> Iterator[Targets]:
    with contextlib.ExitStack() as stack:
        top = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hostile-")))
        top.chmod(0o755)
        families = (socket.AF_INET, socket.AF_INET, socket.AF_UNIX, socket.AF_UNIX)
        kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_STREAM, socket.SOCK_STREAM)
        places = (
            *(("127.0.0.1", 0), ("127.0.0.1", 0)),
            *(str(top / "door"), f"\0hostile-{os.getpid()}"),
        )
        doors = []
        for family, kind, place in zip(families, kinds, places, strict=True):
            door = stack.enter_context(socket.socket(family, kind))
            door.bind(place)
            if kind == socket.SOCK_STREAM:
                door.listen()
            door.setblocking(False)
            doors.append(door)
        yield Targets(top, *doors)


def _said_too_much(text: str) -> list[str]:
    out = ["it says that it got through"] if "ESCAPED" in text else []
    return [*out, "a secret was read"] if CANARY in text else out


def _tell(name: str, why: list[str], good: bool = True) -> None:
    print(json.dumps({"name": name, "contained": not why, "why": why, "good": good}), flush=True)


async def in_sandbox() -> None:
    """All of them in one episode, one after the other."""
    from llmi_agent.contract import Failed
    from llmi_agent.store.artifacts import ArtifactStore
    from llmi_agent.testing import make_call, make_session
    from llmi_sandbox import pool
    from llmi_sandbox.plugin import SPEC

    limits: list[dict[str, object]] = [{"memory_mb": 512}, {"seconds": SECONDS}]
    with targets() as aims:
        patient, hasty = (
            make_session(
                SPEC, store=ArtifactStore(aims.top / f"store-{n}"), settings={SPEC.name: each}
            )
            for n, each in enumerate(limits)
        )
        async with patient, hasty:
            slots = iter(range(1000))

            async def outcome(code: str, name: str = "") -> object:
                session = hasty if name in ENDLESS else patient
                return await session.result(make_call(SPEC, slot=next(slots), code=code))

            expected = await outcome(GOOD)
            assert not isinstance(expected, Failed), expected
            zygote = pool.shared().zygote
            assert zygote is not None
            for name, code in snippets().items():
                start = time.monotonic()
                result = await outcome(aims.preamble() + code, name)
                took = time.monotonic() - start
                good = await outcome(GOOD)
                why = [*_said_too_much(repr(result)), *aims.damage()]
                if took > SECONDS + GRACE:
                    why.append(f"it took {took:.1f} s")
                if not isinstance(result, Failed):
                    why.append("it gave a picture")
                if len(repr(result)) > 5000:
                    why.append("it flooded the message")
                if await asyncio.to_thread(_left_over, zygote.pid):
                    why.append("it left a process")
                _tell(name, why, _digests(good) == _digests(expected) != [])


def _digests(result: object) -> list[str]:
    return [each.digest for each in getattr(result, "candidates", ())]


def _left_over(zygote: int) -> bool:
    """Whether a process other than the zygote lives in the zygote's network."""
    network = Path(f"/proc/{zygote}/ns/net").readlink()
    for _ in range(50):
        found = [pid for pid in _pids() if _network(pid) == network]
        if found == [zygote]:
            return False
        time.sleep(0.02)
    return True


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").glob("[0-9]*")]


def _network(pid: int) -> Path | None:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/ns/net").readlink()
    return None


def _processes_of(command: bytes) -> list[int]:
    found = []
    for pid in _pids():
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/cmdline").read_bytes() == command:
                found.append(pid)
    return found


def plainly() -> None:
    """Each by `subprocess.run`, as programs that run a model's code often do; limited, to spare this machine."""
    with targets() as aims:
        for name, code in snippets().items():
            with tempfile.TemporaryDirectory(dir=aims.top) as folder:
                inner = Path(folder) / "run" / "work"
                inner.mkdir(parents=True)
                (inner.parent / "out").mkdir()
                command = [sys.executable, "-c", aims.preamble() + code]
                text, why = _run_plainly(command, inner)
                why += [*_said_too_much(text), *aims.damage(), *_bad_pictures(inner)]
                if len(text) > 1_000_000:
                    why.append("it flooded the memory of the caller")
                for pid in _processes_of(b"\0".join(map(os.fsencode, command)) + b"\0"):
                    why.append("it left a process")
                    os.kill(pid, signal.SIGKILL)
                _tell(name, why)


def _run_plainly(command: list[str], folder: Path) -> tuple[str, list[str]]:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32))
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**29, 2**29))
        resource.setrlimit(resource.RLIMIT_CPU, (5, 5))

    environment = {**os.environ, "MPLBACKEND": "Agg"}
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env=environment,
        preexec_fn=limit,  # noqa: PLW1509 - one thread
        start_new_session=True,
    ) as process:
        timer = threading.Timer(SECONDS + 1.5, os.killpg, (process.pid, signal.SIGKILL))
        timer.start()
        try:
            text = process.communicate(timeout=SECONDS + 1)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            return "", ["it does not end"]
        finally:
            timer.cancel()
    return text.decode("utf-8", "replace"), []


def _bad_pictures(folder: Path) -> list[str]:
    """What a caller would take for the result, and should not."""
    from PIL import Image

    picture = folder / "plot.png"
    if not picture.is_symlink() and not picture.exists():
        return []
    if not stat.S_ISREG(picture.lstat().st_mode) or picture.stat().st_nlink > 1:
        return ["its picture is no plain file"]
    try:
        Image.open(io.BytesIO(picture.read_bytes()))
    except (OSError, Image.DecompressionBombError):
        return ["its picture is none"]
    return ["its picture is too large"]


if __name__ == "__main__":
    os.environ["CANARY_KEY"] = CANARY
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if "--plain" in sys.argv:
        plainly()
    else:
        # started anew: the canary must be in what /proc/<pid>/environ shows too
        if "--again" not in sys.argv:
            os.execv(sys.executable, [sys.executable, __file__, "--again"])
        asyncio.run(in_sandbox())
