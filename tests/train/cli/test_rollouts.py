"""`llmi-train collect` and `llmi-train eval`, against a loopback server that gives tokens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.records.journal import journal_beside
from llmi_agent.store.home import default_store
from llmi_agent.traces.choosing import traces
from llmi_train.cli import main
from llmi_vllm.testing import FakeVLLM

from ..rollout.conftest import draft, prompts as of_two_splits, work

__all__ = ("of_two_splits", "work")
TRAIN = [sys.executable, "-c", "import sys; from llmi_train.cli import main; sys.exit(main())"]
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def server() -> Iterator[FakeVLLM]:
    with FakeVLLM(draft) as running:
        yield running


@pytest.fixture
def prompts(work: Path, of_two_splits: str) -> str:
    """As of the room of rollouts, and no line says its split."""
    file = work / of_two_splits
    file.write_text(file.read_text().replace(', "split": "dev"', ""))
    return file.name


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str], server: FakeVLLM, prompts: str) -> Command:
    base = ("--prompts", prompts, "--api-base", f"{server.url}/v1")

    def run(name: str, *arguments: str) -> tuple[int, str, str]:
        code = main([name, *base, *arguments])
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return run


def test_collect_says_where_the_traces_are_and_goes_on(command: Command, server: FakeVLLM) -> None:
    given = ("--model", "vllm/fox", "--group", "2", "--limit", "2", "--profile", "rules")
    code, out, err = command("collect", *given)
    assert code == 0, err
    assert out.strip() == str(default_store().root)
    assert "4 of 4 episodes" in err
    assert "mean reward 1.000" in err
    assert "profile: rules@" in err
    code, out, err = command("collect", *given, "--json")
    assert (code, len(server.sent)) == (0, 4)
    told = json.loads(out)
    assert (told["skipped"], told["written"], told["mean_reward"]) == (4, 0, 1.0)
    assert Counter(each.split for each in traces(journal_beside(default_store()))) == {"train": 4}


def test_collect_writes_documents_where_that_is_asked(command: Command, work: Path) -> None:
    code, _, err = command(
        "collect", "--model", "vllm/fox", "--group", "2", "--limit", "1", "--out", "o"
    )
    assert code == 0, err
    assert sorted(each.name for each in (work / "o" / "p0").iterdir()) == ["0", "1"]
    assert (work / "o" / "p0" / "1" / "report.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--model", "offline"), 3, "offline does not say what it samples"),
        ((), 3, "no model is chosen"),
        (("--model", "transformers/none"), 3, "needs the plugin llmi-transformers: `make train`"),
        (("--model", "vllm/fox", "--profile", "nonesuch"), 2, "there is no profile 'nonesuch'"),
        (("--model", "vllm/fox", "--profile", "llmi"), 2, "name a judge"),
        (("--model", "vllm/fox", "--group", "0"), 2, "--group"),
        (("--model", "vllm/fox", "--use", "search=none"), 2, "none"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    command: Command, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ended, out, err = command("collect", *arguments)
    assert (ended, out) == (code, "")
    assert said in err
    assert "Traceback" not in err


def test_failures_are_told_together(command: Command, server: FakeVLLM, monkeypatch) -> None:
    monkeypatch.setenv("LLMI_MODEL_RETRIES", "0")
    server.script = lambda messages: "" if "fox" in messages[-1]["content"] else draft(messages)
    code, _, err = command("collect", "--model", "vllm/fox", "--group", "2")
    assert code == 1
    assert "p0/0 (and 3 more): " in err
    assert "2 of 6 episodes, 4 failed" in err


def test_eval_prints_a_table_and_json(command: Command) -> None:
    given = ("--model", "vllm/fox", "--baseline", "vllm/hound", "--samples", "2")
    code, out, err = command("eval", *given)
    assert code == 0, err
    assert "kind accuracy" in out
    assert "1.000 [1.000, 1.000]" in out
    assert "3 prompts, 2 episodes of each" in out
    code, out, _ = command("eval", *given, "--json")
    told = json.loads(out)
    assert (code, told["samples"], told["splits"]) == (0, 2, {"test": 3})
    assert told["difference"]["reward"] == {"mean": 0.0, "low": 0.0, "high": 0.0, "prompts": 3}
    assert told["baseline"]["model"] == "vllm/hound"


def test_eval_takes_a_model_without_tokens_and_says_what_is_missing(command: Command) -> None:
    """Which `collect` does not."""
    code, out, err = command("eval", "--model", "offline", "--limit", "1", "--samples", "1")
    assert code == 1
    assert "1 episode of 1 has no reward" in err
    assert "reward" in out


def test_a_collection_that_is_killed_goes_on(server: FakeVLLM, prompts: str) -> None:
    """Nothing is asked twice but what was being written, and each group is whole once."""

    def slow(messages: list[dict[str, Any]]) -> str:
        time.sleep(0.05)
        return draft(messages)

    server.script = slow
    given = [
        "collect",
        "--prompts",
        prompts,
        "--api-base",
        f"{server.url}/v1",
        "--model",
        "vllm/fox",
    ]
    given += ["--group", "6", "--concurrency", "4", "--profile", "rules"]
    first = subprocess.Popen([*TRAIN, *given], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(server.sent) < 7 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert 7 <= len(server.sent) < 18
    again = subprocess.run(
        [*TRAIN, *given], check=False, capture_output=True, text=True, timeout=300
    )
    assert again.returncode == 0, again.stderr
    assert "18 of 18 episodes" in again.stderr
    assert len(server.sent) <= 18 + 4
    known = [each for each in traces(journal_beside(default_store())) if each.state == "done"]
    assert set(Counter(each.group for each in known).values()) == {6}
    assert len({(each.group, each.member) for each in known}) == 18
    for each in known:
        assert sum(one.given.component == "total" for one in each.rewards) == 1
