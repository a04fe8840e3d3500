"""The processes that decode pictures: limited, kept warm, replaced, and gone with the one they serve."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from llmi_agent.store import decoder, decoder_process
from llmi_agent.store.decoder import Decoders
from llmi_agent.store.decoding import Job, RefusedError
from llmi_agent.store.intake import IntakeError, admit, shrink
from llmi_agent.testing import random_png

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
JOB = Job("PNG", random_png(16, 16), 1_000_000, 1000, 0)


@pytest.fixture
def decoders() -> Iterator[Decoders]:
    own = Decoders()
    yield own
    own.close()


def strips(count: int) -> bytes:
    """A TIFF of `count` strips that all begin at the same byte."""
    tags = {256: (4, 1, 16_000), 257: (4, 1, 2400), 258: (3, 1, 8), 259: (3, 1, 1), 262: (3, 1, 1)}
    at = 8 + 2 + 12 * 8 + 4
    tags |= {273: (4, count, at), 278: (4, 1, 1), 279: (4, count, at + 4 * count)}
    table = b"".join(struct.pack("<HHII", tag, *tags[tag]) for tag in sorted(tags))
    places, sizes = struct.pack("<I", 8) * count, struct.pack("<I", 16_000) * count
    head = b"II*\0" + struct.pack("<IH", 8, len(tags))
    return head + table + bytes(4) + places + sizes


def soon(condition: Callable[[], object]) -> bool:
    until = time.monotonic() + 30
    while not (met := condition()) and time.monotonic() < until:
        time.sleep(0.02)
    return bool(met)


def pids(decoders: Decoders) -> list[int]:
    return [each._process.pid for each in decoders._all]


def test_a_picture_of_too_much_work_is_refused_and_the_next_one_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decoder_process, "SECONDS", 0.2)
    with pytest.raises(IntakeError, match="takes too long"):
        admit(strips(240_000))
    assert admit(random_png(16, 16)).width == 16


def test_a_picture_of_too_much_memory_is_refused(decoders: Decoders) -> None:
    """Four bytes a pixel, and four more of what it is converted to."""
    out = io.BytesIO()
    Image.new("CMYK", (6300, 6300)).save(out, "JPEG")
    with pytest.raises(RefusedError, match="more memory"):
        decoders.decode(Job("JPEG", out.getvalue(), 40_000_000, 16_384, 0))
    assert decoders.decode(JOB).width == 16


def test_a_process_stays_for_the_next_picture(decoders: Decoders) -> None:
    decoders.decode(JOB)
    first = pids(decoders)
    decoders.decode(JOB)
    assert pids(decoders) == first


def test_refused_bytes_do_not_end_the_process(decoders: Decoders) -> None:
    decoders.decode(JOB)
    first = pids(decoders)
    with pytest.raises(RefusedError, match="cannot be decoded"):
        decoders.decode(JOB._replace(data=JOB.data[:60]))
    assert pids(decoders) == first


def test_a_process_that_was_killed_is_replaced(decoders: Decoders) -> None:
    decoders.decode(JOB)
    for process in decoders._all:
        process._process.kill()
        process._process.wait()
    assert decoders.decode(JOB).width == 16
    assert len(decoders._all) == 1


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (
            "raise ImportError('libjpeg is missing')",
            r"Pillow does not start \(libjpeg is missing\)",
        ),
        ("import os; os._exit(9)", "no process can be started for it .*code 9"),
    ],
)
def test_a_process_that_does_not_start_is_said_and_not_tried_over_and_over(
    decoders: Decoders, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, broken: str, words: str
) -> None:
    (tmp_path / "PIL").mkdir()
    (tmp_path / "PIL" / "__init__.py").write_text(broken)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RefusedError, match=words):
        decoders.decode(JOB)
    assert not decoders._all
    monkeypatch.undo()
    assert decoders.decode(JOB).width == 16


def test_without_an_interpreter_it_is_said_in_a_sentence(
    decoders: Decoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(RefusedError, match="no process can be started for it"):
        decoders.decode(JOB)


def test_a_program_ends_at_once_and_without_a_word_while_a_picture_is_decoded(
    tmp_path: Path,
) -> None:
    """Also one that a thread which nobody waits for has begun."""
    (tmp_path / "bomb").write_bytes(strips(240_000))
    program = (
        "import sys, threading, time\nfrom pathlib import Path\nfrom llmi_agent.store import decoder\n"
        "from llmi_agent.store.decoding import Job\nfrom llmi_agent.store import decoder_process\ndecoder_process.SECONDS = 30\n"
        "job = Job('TIFF', Path(sys.argv[1]).read_bytes(), 40_000_000, 16_384, 0)\n"
        "def work():\n    try:\n        decoder.shared.decode(job)\n    except Exception:\n        pass\n"
        "threading.Thread(target=work, daemon=True).start()\n"
        "while not decoder.shared._all: time.sleep(0.01)\ntime.sleep(0.1)\nprint(time.time(), flush=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(tmp_path / "bomb")],
        capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert time.time() - float(done.stdout) < 10


async def test_a_cancelled_wait_leaves_the_processes_as_good_as_before(decoders: Decoders) -> None:
    task = asyncio.create_task(decoders.off_the_loop(lambda: decoders.decode(JOB)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    done = await decoders.off_the_loop(lambda: decoders.decode(JOB))
    assert done.width == 16


def test_no_more_processes_than_processors_however_many_ask(decoders: Decoders) -> None:
    threads = [threading.Thread(target=decoders.decode, args=(JOB,)) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= len(decoders._all) <= decoder.PROCESSES
    assert len(decoders._free) == len(decoders._all)


@LINUX
def test_no_secret_of_the_environment_goes_along(
    decoders: Decoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    decoders.decode(JOB)
    (pid,) = pids(decoders)
    assert b"canary" not in Path(f"/proc/{pid}/environ").read_bytes()


@LINUX
def test_it_ends_with_the_process_that_it_serves_even_a_killed_one() -> None:
    program = (
        "import time\nfrom llmi_agent.store import decoder, intake\n"
        "from llmi_agent.testing import random_png\nintake.admit(random_png(16, 16))\n"
        "print(*[p._process.pid for p in decoder.shared._all], flush=True)\ntime.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        parent.kill()
    assert soon(lambda: _gone(pid))


def _gone(pid: int) -> bool:
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True


@LINUX
def test_a_fork_has_processes_of_its_own() -> None:
    program = (
        "import os, sys\nfrom llmi_agent.store import decoder, intake\n"
        "from llmi_agent.testing import random_png\npicture = random_png(16, 16)\nintake.admit(picture)\n"
        "if (pid := os.fork()) == 0:\n    assert not decoder.shared._all\n"
        "    os._exit(intake.admit(picture).width)\n"
        "assert os.waitpid(pid, 0)[1] >> 8 == 16\nassert intake.admit(picture).width == 16\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


def test_an_interrupt_of_the_terminal_leaves_the_picture_alone(decoders: Decoders) -> None:
    decoders.decode(JOB)
    for pid in pids(decoders):
        os.kill(pid, signal.SIGINT)
    assert decoders.decode(JOB).width == 16


def test_a_picture_is_shrunk_and_a_bomb_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder_process, "SECONDS", 0.2)
    assert shrink(random_png(200, 100), 50).width == 50
    with pytest.raises(IntakeError, match="takes too long"):
        shrink(strips(240_000), 50)
