"""`llmi cache`, and `llmi run --cache`."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llmi_agent.records.cache import GRACE_SECONDS
from llmi_agent.records.codec import entry_of, events_of
from llmi_agent.records.events import CallStarted, Rewarded
from llmi_agent.records.journal import journal_beside
from llmi_agent.store.home import default_store

DRAFT = '# T\n\n<imgen>{"source": "search", "description": "D", "params": {"query": "q"}}</imgen>'
RUN = ("run", DRAFT, "--graph", "echo", "--out", "o", "--json")


def started() -> int:
    """How many calls were made, in all runs."""
    journal = journal_beside(default_store())
    events = (e for each in journal.episodes() for _, e in events_of(journal.read(each)))
    return sum(isinstance(event, CallStarted) and not event.cached for event in events)


def aged() -> None:
    """Make all pictures old enough to be deleted."""
    then = time.time() - 2 * GRACE_SECONDS
    for path in default_store().root.glob("??/*"):
        os.utime(path, (then, then))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_paid_result_is_found_again_with_cache_only(cli) -> None:
    first = cli(*RUN)
    assert first.code == 0
    again = cli(*RUN, "--cache")
    assert (again.json["figures"], started()) == (1, 1)
    assert cli(*RUN).code == 0
    assert started() == 2


def test_info_says_what_is_kept(cli) -> None:
    store = default_store()
    cli(*RUN)
    assert cli("cache", "info", "--json").json == {
        "folder": str(store.root),
        "runs": 1,
        "files": {"files": 1, "bytes": store.size().bytes},
        "reusable": {"fake_search": 1},
    }
    shown = dict(line.split("\t") for line in cli("cache", "info").out.splitlines())
    assert shown["folder"] == str(store.root)
    assert shown["runs"] == shown["results of fake_search"] == "1"
    assert shown["pictures and attachments"].startswith("1 file, ")


def test_info_of_nothing_is_nothing(cli) -> None:
    kept = cli("cache", "info", "--json").json
    assert (kept["runs"], kept["files"]["files"], kept["reusable"]) == (0, 0, {})


def test_clear_forgets_results_and_keeps_runs_and_pictures(cli) -> None:
    cli(*RUN)
    aged()
    assert cli("cache", "clear").out == "forgot 1 result\n"
    kept = cli("cache", "info", "--json").json
    assert (kept["runs"], kept["files"]["files"], kept["reusable"]) == (1, 1, {})
    cli(*RUN, "--cache")
    assert started() == 2


def test_clear_runs_deletes_what_nothing_refers_to(cli) -> None:
    cli(*RUN)
    size = default_store().size().bytes
    aged()
    cleared = cli("cache", "clear", "--runs", "--json").json
    assert cleared == {
        "results": 1,
        "runs": 1,
        "running": 0,
        "spared": 0,
        "files": {"files": 1, "bytes": size},
        "young": {"files": 0, "bytes": 0},
        "left": None,
        "blocked": {"files": 0, "bytes": 0},
    }
    assert cli("runs").out == ""
    assert "data:image/" in Path("o/report.html").read_text()


def test_clear_runs_says_what_stays_and_why(cli) -> None:
    cli(*RUN)
    journal = journal_beside(default_store())
    (episode,) = journal.episodes()
    with journal.hold(episode):
        said = cli("cache", "clear", "--runs").out.splitlines()
    assert said == ["forgot 1 result", "forgot 0 runs", "deleted 0 files, 0 bytes",
                    "still going on, so kept: 1 run"]  # fmt: skip
    said = cli("cache", "clear", "--runs").out.splitlines()
    assert said[1] == "forgot 1 run"
    assert said[3].startswith("used in the last 10 minutes, so kept for now: 1 file, ")


def test_clear_older_than_leaves_the_younger(cli) -> None:
    cli(*RUN)
    aged()
    said = cli("cache", "clear", "--runs", "--older-than", "0.5").out.splitlines()
    assert said == ["forgot 0 results", "forgot 0 runs", "deleted 0 files, 0 bytes"]
    assert cli("cache", "info", "--json").json["reusable"] == {"fake_search": 1}
    assert cli("cache", "clear", "--older-than", "-1").code == 2


@pytest.mark.parametrize(
    ("typed", "flags", "code"), [("n\n", (), 1), ("y\n", (), 0), ("", ("--yes",), 0), ("", (), 130)]
)
def test_a_terminal_is_asked(
    cli, monkeypatch: pytest.MonkeyPatch, typed: str, flags: tuple[str, ...], code: int
) -> None:
    cli(*RUN)
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    ended = cli("cache", "clear", "--runs", "--older-than", "0.5", *flags)
    assert ended.code == code
    assert ("older than 0.5 days? [y/N]" in ended.err) == (not flags)
    assert ("forgot" in ended.out) == (code == 0)
    assert "Traceback" not in ended.err


def test_clearing_while_a_run_goes_on_does_not_disturb_it(cli, environment) -> None:
    cli(*RUN)
    slow = DRAFT + "\n\n" + DRAFT.partition("\n\n")[2].replace('"q"', '"slow"')
    script = "import sys; from llmi_agent.cli import main; sys.exit(main())"
    run = subprocess.Popen(
        [sys.executable, "-c", script, "run", slow, "--graph", "echo", "--out", "p"],
        env={**environment, "LLMI_CALL_TIMEOUT": "4", "LLMI_FALLBACKS": "0", "LLMI_RETRIES": "0"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 60
    while not Path("started").exists() and run.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    aged()
    cleared = cli("cache", "clear", "--runs", "--json").json
    _, said = run.communicate(timeout=60)
    assert (cleared["runs"], cleared["running"]) == (1, 1)
    assert run.returncode == 0, said
    assert "data:image/" in Path("p/report.html").read_text()
    assert len(journal_beside(default_store()).episodes()) == 1


def rewarded(episode: str) -> None:
    reward = Rewarded(scope="episode", component="total", value=1.0)
    journal_beside(default_store()).write(episode, entry_of(reward))


def test_clear_runs_keeps_what_has_rewards_unless_told(cli) -> None:
    cli(*RUN)
    cli(*RUN)
    rewarded(journal_beside(default_store()).episodes()[0])
    said = cli("cache", "clear", "--runs").out.splitlines()
    assert said[1] == "forgot 1 run"
    assert "given rewards or part of a split, so kept: 1 run (--all forgets them, too)" in said
    assert cli("cache", "clear", "--runs", "--all").out.splitlines()[1] == "forgot 1 run"


def test_clear_down_to_a_size_keeps_the_youngest(cli) -> None:
    cli(*RUN)
    cli(*RUN)
    newest = journal_beside(default_store()).episodes()[0]
    aged()
    cleared = cli("cache", "clear", "--runs", "--down-to", "1 TB", "--json").json
    assert (cleared["runs"], cleared["results"]) == (0, 0)
    held = cleared["left"]
    said = cli("cache", "clear", "--runs", "--down-to", f"{held - 2000}B").out.splitlines()
    assert said[1] == "forgot 1 run"
    assert said[-1].startswith("the folder holds ")
    assert journal_beside(default_store()).episodes() == [newest]
    said = cli("cache", "clear", "--runs", "--down-to", "1kB").out.splitlines()
    assert said[-1].endswith(", more than asked for: nothing else may go")


def test_clear_down_to_a_size_says_that_young_files_stand_in_the_way(cli) -> None:
    cli(*RUN)
    said = cli("cache", "clear", "--runs", "--all", "--down-to", "1kB").out.splitlines()
    assert said[1:3] == ["forgot 0 runs", "deleted 0 files, 0 bytes"]
    assert re.fullmatch(
        r"the folder holds \S+ kB, more than asked for; used in the last 10 minutes, so kept for now with the runs of "
        r"that time: 1 file, .*",
        said[-1],
    )
    assert len(journal_beside(default_store()).episodes()) == 1


@pytest.mark.parametrize(
    "size", ["5", "-1GB", "GB", "5 XB", "nan GB", "1e9B", "9" * 400 + "GB", ""]
)
def test_a_size_is_a_number_and_a_unit(cli, size: str) -> None:
    ended = cli("cache", "clear", "--runs", "--down-to", size)
    assert ended.code == 2
    assert "is no size; write one such as 5GB, 500 MB or 1.5 GiB" in " ".join(ended.err.split())
    assert (
        cli("cache", "clear", "--down-to", "5GB").code == cli("cache", "clear", "--all").code == 2
    )
