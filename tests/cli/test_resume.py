"""`llmi runs`, `llmi run --resume` and `llmi doctor`, with the embedded tools."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.records.journal import journal_beside
from llmi_agent.records.record import Record
from llmi_agent.store.home import default_store

ROOT = Path(__file__).parents[2]
LLMI = [sys.executable, "-c", "import sys; from llmi_agent.cli import main; sys.exit(main())"]


@pytest.fixture
def table(home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("LLMI_PLUGINS")
    return str(ROOT / "examples" / "data" / "seattle-weather.csv")


def records() -> list[Record]:
    journal = journal_beside(default_store())
    episodes = journal.episodes()
    return journal.read(episodes[0]) if episodes else []


def keys(kind: str) -> Counter[str]:
    """What the records of a kind are about, but for calls that were stopped."""
    stopped = '"by":"nobody"'
    return Counter(r.key for r in records() if r.kind == kind and stopped not in r.data)


def llmi(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*LLMI, *arguments], capture_output=True, text=True, timeout=120, check=False
    )


def wait_for(kind: str, run: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 60
    while not keys(kind) and run.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    assert run.poll() is None


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_was_stopped_goes_on(table: str, sign: signal.Signals) -> None:
    arguments = ["run", "Weather", "--attach", table, "--out", "report", "--format", "html,json"]
    run = subprocess.Popen(
        [*LLMI, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_for("call_ended", run)
    run.send_signal(sign)
    _, said = run.communicate(timeout=30)
    before = keys("call_ended")
    assert before
    listed = json.loads(llmi("runs", "--json").stdout)
    assert [(each["done"], each["drafted"], each["prompt"]) for each in listed] == [
        (False, True, "Weather")
    ]
    episode = listed[0]["episode"]
    if sign is signal.SIGINT:
        assert f"llmi run --resume {episode[:8]}" in said

    done = llmi("run", "--resume", episode[:6], "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["missing"] == []
    assert result["figures"] >= 7
    assert [Path(path).name for path in result["files"]] == ["report.html", "document.json"]
    assert Path(result["files"][0]).parent.name == "report"
    assert all(keys("call_started")[key] == 1 for key in before)
    assert keys("draft_read").total() == 1
    assert json.loads(llmi("runs", "--json").stdout)[0]["done"]
    assert "done\toffline\tWeather" in llmi("runs").stdout


def test_a_secret_in_the_prompt_is_not_in_the_journal(
    cli: Any, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOO_API_KEY", "canary-123456")
    done = cli("run", "tell canary-123456", "--attach", table, "--json")
    assert done.code == 0, done.err
    assert any(record.kind == "ordered" for record in records())
    assert "canary" not in json.dumps([record.data for record in records()])


def test_what_cannot_be_resumed_is_said(cli: Any, table: str) -> None:
    unknown = cli("run", "--resume", "feed")
    assert (unknown.code, unknown.out) == (2, "")
    assert "no run 'feed'" in unknown.err
    mixed = cli("run", "a prompt", "--resume", "feed")
    assert mixed.code == 2
    assert "leave out PROMPT" in mixed.err
    assert cli("runs").out == ""


def test_the_doctor_says_what_is_there_and_where_it_comes_from(table: str, home: Path) -> None:
    (home / "llmi.toml").write_text('[options]\nrepairs = 5\n[use]\nsearch = "llmi_gallery"\n')
    done = llmi("doctor", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {each["tool"]: each["ok"] for each in found["tools"]} == {
        "llmi_gallery": True,
        "llmi_sketch": True,
        "llmi_sandbox": True,
        "llmi_edit": True,
    }
    sandbox = next(each for each in found["tools"] if each["kind"] == "code")
    assert "network" in sandbox["message"]
    assert found["problems"] == []
    repairs = found["configuration"]["options.repairs"]
    assert repairs["value"] == 5
    assert "llmi.toml" in repairs["origin"]
    assert found["configuration"]["options.retries"]["origin"] == "default"
    shown = llmi("doctor").stdout
    assert "code=llmi_sandbox: ok in force:" in shown
    assert "options.repairs = 5" in shown
