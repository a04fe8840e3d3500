"""Stopping a run from outside, with the real command in a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sysconfig
import time
from pathlib import Path

import pytest

LLMI = str(Path(sysconfig.get_path("scripts")) / "llmi")
SLOW = '# T\n\n<imgen>{"source": "search", "description": "D", "params": {"query": "slow"}}</imgen>'


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_cancels_its_tools_and_leaves_one_line(
    home: Path, environment: dict[str, str], number: signal.Signals, code: int
) -> None:
    with subprocess.Popen(
        [LLMI, "run", SLOW, "--graph", "echo", "--model", "echo"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A test run in the background has Ctrl-C ignored, and its children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    ) as run:
        try:
            _wait_for(home / "started")
            run.send_signal(number)
            out, err = run.communicate(timeout=20)
        finally:
            run.kill()
    assert run.returncode == code
    assert out == ""
    assert [line[:16] for line in err.splitlines()[-1:]] == ["llmi: stopped by"]
    assert "Traceback" not in err
    assert (home / "cancelled").exists()
    assert not (home / "llmi-out").exists()


def test_a_stopped_run_can_be_gone_on_with_from_stdout(
    home: Path, environment: dict[str, str]
) -> None:
    with subprocess.Popen(
        [LLMI, "run", SLOW, "--graph", "echo", "--model", "echo", "--json"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        try:
            _wait_for(home / "started")
            run.send_signal(signal.SIGTERM)
            out, err = run.communicate(timeout=20)
        finally:
            run.kill()
    error = json.loads(out)["error"]
    assert (error["message"], error["exit_code"]) == ("stopped by SIGTERM", 143)
    assert f"llmi run --resume {error['episode'][:8]}" in err
    assert "usd" in error
    listed = subprocess.run(
        [LLMI, "runs", "--json"], env=environment, capture_output=True, text=True, check=True
    )
    assert [each["episode"] for each in json.loads(listed.stdout)] == [error["episode"]]


@pytest.mark.parametrize(
    ("arguments", "buffered"),
    [
        ("prompt", True),
        ("run '# T' --graph echo --out o", True),
        ("run '# T' --graph echo --json", False),
        ("run --nope --json", True),
        ("batch b.jsonl --graph echo --out o", True),
    ],
)
def test_a_stdout_that_is_full_is_said_and_nothing_is_lost(
    home: Path, environment: dict[str, str], arguments: str, buffered: bool
) -> None:
    (home / "b.jsonl").write_text('{"id": "a", "prompt": "# T"}\n')
    done = subprocess.run(
        ["bash", "-c", f"exec {LLMI} {arguments} >/dev/full"],
        env={**environment, "PYTHONUNBUFFERED": "" if buffered else "1"},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert "this should not have happened" not in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    if "--nope" in arguments:
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        return
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("llmi: cannot write to stdout: ")
    pages = [*home.glob("**/report.html")]
    assert len(pages) == (" --graph" in arguments)
    for page in pages:
        assert arguments.startswith("batch") or f"in {page.parent.relative_to(home)}" in done.stderr


def test_a_stderr_that_is_full_stops_nothing(home: Path, environment: dict[str, str]) -> None:
    command = f"{LLMI} run '# T' --graph echo --out o 2>/dev/full"
    done = subprocess.run(
        ["bash", "-c", command], env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "o/report.html\n")


def test_a_closed_pipe_ends_it_without_a_word(home: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{LLMI} prompt | true; exit ${{PIPESTATUS[0]}}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")


def test_closed_streams_are_no_reason_to_fail(home: Path, environment: dict[str, str]) -> None:
    command = f"{LLMI} run '# T' --graph echo --out o <&- >&- 2>&-"
    assert subprocess.run(["bash", "-c", command], env=environment, check=False).returncode == 0
    assert (home / "o/report.html").is_file()


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, f"{path.name} did not appear"
        time.sleep(0.02)
