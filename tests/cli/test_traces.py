"""`llmi traces`: what is on record is listed, shown, counted, checked and written again."""

from __future__ import annotations

import json
import re
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest

from llmi_agent.cli import traces_options
from llmi_agent.cli.traces_options import chosen, moment, reward
from llmi_agent.records.codec import entry_of
from llmi_agent.records.events import Opened, Rewarded
from llmi_agent.records.journal import journal_beside
from llmi_agent.records.overview import STATES, Chosen, Overview
from llmi_agent.store.home import default_store
from llmi_agent.testing import random_png, slot
from llmi_agent.traces.rewarding import give

DRAFT = f"# A harbour\n\nText.\n\n{slot('search', 'A photo', query='harbour')}\n\n{slot('search', 'None', query='nothing')}"
FORMER = Path(__file__).parents[1] / "records" / "data" / "former_runs.sql"
LONG = "שלום עולם مرحبا 港口的历史 " * 400


@pytest.fixture
def run(cli: Any) -> Any:
    """Write a document whose draft is the prompt; returns the run's id."""

    def write(draft: str = DRAFT, out: str = "out", *more: str) -> str:
        cli("run", "--graph", "echo", "--out", out, "--format", "html,md,json", *more, draft)
        episodes: list[str] = journal_beside(default_store()).episodes(limit=1)
        return episodes[0]

    return write


def test_nothing_is_listed_where_there_is_nothing(cli: Any) -> None:
    assert (cli("traces", "ls").out, cli("traces", "ls", "--json").json) == ("", [])
    assert cli("traces", "verify").out == "0 runs checked: 0 errors, 0 notes\n"
    assert cli("traces", "stats").out.startswith("0 runs\n")
    for command in ("show", "replay"):
        ended = cli("traces", command, "abc", *(["--out", "x"] if command == "replay" else []))
        assert (ended.code, ended.out) == (2, "")
        assert ended.err == "llmi: there is no run 'abc'; `llmi traces ls` lists them\n"
    ended = cli("traces", "ls", "nowhere")
    assert ended.code == 2
    assert "there are no traces in nowhere" in ended.err


def test_runs_are_listed_and_found(cli: Any, run: Any) -> None:
    first = run()
    second = run("# Another\n\nNo place for a picture.", "out2")
    lines = [line.split("\t") for line in cli("traces", "ls").out.splitlines()]
    assert [line[0] for line in lines] == [second[:8], first[:8]]
    assert lines[1][2:6] == ["done", "ScriptedModel", "1+1 of 2", "0.25+3 unknown"]
    assert lines[1][7].startswith("# A harbour Text.")
    assert [
        e["episode"] for e in cli("traces", "ls", "--failure", "bad_params", "--json").json
    ] == [first]
    assert cli("traces", "ls", "--limit", "1", "--json").json[0]["episode"] == second
    assert cli("traces", "ls", "--text", "another", "--json").json[0]["slots"] == 0
    assert cli("traces", "ls", "--until", "2d").out == ""
    assert len(cli("traces", "ls", "--since", "2d", "--state", "done").out.splitlines()) == 2
    give(journal_beside(default_store()), first, Rewarded(value=0.5))
    assert [e["reward"] for e in cli("traces", "ls", "--reward", "total>=0.5", "--json").json] == [
        0.5
    ]
    assert cli("traces", "ls", "--reward", "none", "--json").json[0]["episode"] == second
    give(
        journal_beside(default_store()),
        first,
        Rewarded(component="visual", scope="slot", about="1", value=0.5),
    )
    for rule, count in (
        ("visual", 1),
        ("visual>=0.5", 1),
        ("visual<0.5", 0),
        ("visual>0.5", 0),
        ("visual > .49", 1),
    ):
        assert len(cli("traces", "ls", "--reward", rule).out.splitlines()) == count
    for place in (
        default_store().root.parent,
        default_store().root,
        default_store().root / "journal.db",
    ):
        assert cli("traces", "ls", str(place)).out == cli("traces", "ls").out


def test_a_list_shows_group_and_split_and_no_time_that_nobody_knows(cli: Any, run: Any) -> None:
    run(DRAFT, "out", "--split", "train")
    cells = cli("traces", "ls").out.rstrip("\n").split("\t")
    assert cells[8:] == ["-", "-", "train"]
    (told,) = cli("traces", "ls", "--json").json
    fields = [{"grp": "group"}.get(e, e) for e in Overview._fields if e not in ("number", "stale")]
    assert sorted(told) == sorted(fields)
    assert cli("traces", "export", "--out", "runs.jsonl").code == 0
    with Path("runs.jsonl").open("a") as file:
        file.write("{oops\n")
    listed = [line.split("\t") for line in cli("traces", "ls", "runs.jsonl").out.splitlines()]
    assert listed[1][:3] == ["-", "-", "unreadable"]
    assert "line 2 of runs.jsonl cannot be read" in " ".join(
        cli("traces", "ls", "runs.jsonl", "--json").out.split()
    )
    assert (listed[0], len(listed[1])) == (cells, len(cells))
    member = Opened(prompt="p", group="g" * 20, member=3, split="a\tb")
    journal_beside(default_store()).write("0123456789", entry_of(member))
    assert cli("traces", "ls", "--limit", "1").out.rstrip("\n").split("\t")[7:] == [
        "p",
        "g" * 8,
        "3",
        "a b",
    ]


def test_a_run_is_of_a_split_and_is_kept_for_it(cli: Any, run: Any) -> None:
    episode = run(DRAFT, "out", "--split", "train")
    assert [e["episode"] for e in cli("traces", "ls", "--split", "train", "--json").json] == [
        episode
    ]
    assert cli("traces", "ls", "--split", "test").out == ""
    assert "forgot 0 runs" in cli("cache", "clear", "--runs").out
    again = cli("run", "--resume", episode, "--split", "test")
    assert (
        again.code,
        "leave out PROMPT, --attach and --split" in " ".join(again.err.split()),
    ) == (2, True)


def test_a_run_is_shown(cli: Any, run: Any) -> None:
    episode = run()
    lines = cli("traces", "show", episode[:6]).out
    for words in (episode, "done", "1 kept, 1 missing", "draft, ScriptedModel", "fake_search", "$0.25", "accepted",
                  "failed (bad_params, the policy's fault): nothing matches", "kept: image/png, 64x48"):  # fmt: skip
        assert words in lines
    assert "\x1b" not in lines
    told = cli("traces", "show", episode, "--json").json
    assert (told["episode"], told["state"], len(told["slots"]), len(told["calls"])) == (
        episode,
        "done",
        2,
        2,
    )
    assert told["slots"][0]["verdict"]["status"] == "kept"
    shown = cli("traces", "show", episode, "--html", "new/page.html")
    assert shown.out == "new/page.html\n"
    assert "A photo" in Path("new/page.html").read_text()


def test_a_run_is_checked(cli: Any, run: Any) -> None:
    episode = run()
    good = cli("traces", "verify", episode[:8])
    assert (good.code, good.out) == (0, "1 run checked: 0 errors, 0 notes\n")
    Path("out/document.json").write_text(
        Path("out/document.json").read_text().replace("A photo", "Mine")
    )
    bad = cli("traces", "verify")
    assert bad.code == 1
    assert bad.out.splitlines()[0].startswith(f"error\t{episode}: composed: ")
    assert bad.out.splitlines()[1:] == ["1 run checked: 1 error, 0 notes"]
    told = cli("traces", "verify", "--json")
    assert (told.code, told.json["errors"], told.json["checked"]) == (1, 1, 1)
    assert told.json["findings"][0]["episode"] == episode


def test_runs_from_elsewhere_are_checked_with_their_pictures_or_without(cli: Any, run: Any) -> None:
    episode = run()
    run("# Another\n\nNo place for a picture.", "out2")
    for name, how in (
        ("with.jsonl", "beside"),
        ("inside.jsonl.gz", "inside"),
        ("none.jsonl", "none"),
    ):
        assert cli("traces", "export", "--out", name, "--pictures", how).code == 0
        checked = cli("traces", "verify", "--from", name)
        assert (checked.code, checked.out) == (0, "2 runs checked: 0 errors, 0 notes\n")
        said = "the pictures of 1 run are not there, so their bytes were not checked"
        assert (said in checked.err) == (how == "none")
        again = cli("traces", "replay", episode, "--from", name, "--out", f"again-{how}")
        page = Path(again.out.strip()).read_text()
        assert ("The picture is missing" in page) == (how == "none")
        assert ("is not there any more" in again.err) == (how == "none")
        told = [
            cli("traces", "stats", place, "--json").json
            for place in (name, str(default_store().root))
        ]
        assert told[0] == told[1]
    lines = Path("with.jsonl").read_text()
    Path("with.jsonl").write_text(lines.replace("harbour", "Hafen"))
    changed = cli("traces", "verify", "--from", "with.jsonl")
    assert changed.code == 1
    assert "its id is not the digest of what it asks for" in changed.out


def test_a_document_is_written_again(cli: Any, run: Any) -> None:
    episode = run()
    again = cli("traces", "replay", episode, "--out", "again", "--format", "html,md,json")
    assert again.code == 0, again.err
    assert again.out.splitlines()[-1] == "again/report.html"
    for name in ("report.html", "report.md", "document.json", "images/figure-1.png"):
        assert (Path("again") / name).read_bytes() == (Path("out") / name).read_bytes()
    digest = cli("traces", "show", episode, "--json").json["slots"][0]["verdict"]["digest"]
    place = default_store().path(digest)
    place.unlink()
    gone = cli("traces", "replay", episode, "--out", "third", "--json")
    assert gone.json["gone"] == [1]
    assert f"the picture of figure 1 ({digest}) is not there any more" in gone.err
    place.write_bytes(random_png(seed=9))
    altered = cli("traces", "replay", episode, "--out", "fourth", "--json")
    assert altered.json["gone"] == [1]
    assert f"the picture of figure 1 ({digest}) has been altered" in altered.err
    place.write_bytes(b"no picture")
    assert "has been altered" in cli("traces", "replay", episode, "--out", "fifth").err


def test_runs_are_counted(cli: Any, run: Any) -> None:
    run()
    out = cli("traces", "stats").out
    assert re.search(r"fake_search +search +2 +1 +1 ", out)
    told = cli("traces", "stats", "--json").json
    (kind,) = told["kinds"]
    assert (kind["kind"], kind["slots"], kind["kept"], kind["missing"]) == ("search", 2, 1, 1)
    assert cli("traces", "stats", "--model", "no such", "--json").json["runs"] == 0
    wrong = cli("traces", "stats", "--plot", "a.pdf")
    assert (wrong.code, wrong.out) == (2, "")


@pytest.mark.parametrize(
    "prompt", [LONG, "<script>\x1b[31m\u202e x </script>" + DRAFT, "港口\n" + DRAFT * 10]
)
def test_whatever_a_run_was_of(cli: Any, run: Any, prompt: str) -> None:
    episode = run(prompt)
    for arguments in (
        ["ls"],
        ["show", episode],
        ["stats"],
        ["show", episode, "--html", "p.html"],
        ["verify"],
    ):
        ended = cli("traces", *arguments)
        assert ended.code == 0, ended.err
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", ended.out)
    assert len(cli("traces", "ls").out.splitlines()) == 1
    json.loads(cli("traces", "show", episode, "--json").out)


def test_runs_of_a_former_version(cli: Any) -> None:
    folder = Path(default_store().place)
    folder.mkdir(parents=True)
    with sqlite3.connect(folder / "journal.db") as connection:
        connection.executescript(FORMER.read_text())
    connection.close()
    listed = cli("traces", "ls", "--json").json
    assert len(listed) == 4
    assert cli("traces", "stats", "--json").json["runs"] == 4
    for each in listed:
        assert cli("traces", "show", each["episode"]).code == 0
        assert cli("traces", "show", each["episode"], "--html", "p.html").code == 0
        again = cli("traces", "replay", each["episode"], "--out", "again")
        assert again.code == 2
        assert (
            "did not record how it had read the draft" in again.err
            or "has no document to write again" in again.err
        )
    checked = cli("traces", "verify")
    assert re.fullmatch(r"4 runs checked: \d+ errors?, 0 notes", checked.out.splitlines()[-1])
    assert all("is not in the store" in line for line in checked.out.splitlines()[:-1])


def test_a_secret_is_nowhere(cli: Any, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "canary-5d41402abc4b2a76b9719d911017c592"
    monkeypatch.setenv("FAKE_KEY", key)
    episode = run(
        f"# {key}\n\n{key}\n\n{slot('search', key, query=key)}\n\n{slot('search', 'n', query='nothing')}"
    )
    cli("traces", "show", episode, "--html", "page.html")
    cli("traces", "replay", episode, "--out", "again", "--format", "html,md,json")
    told = [cli("traces", *arguments) for arguments in (["ls"], ["ls", "--json"], ["show", episode], ["show", episode, "--json"],
            ["stats"], ["stats", "--json"], ["verify"], ["verify", "--json"])]  # fmt: skip
    said = "".join(each.out + each.err for each in told)
    files = [
        each for name in ("page.html", "again") for each in (Path(name), *Path(name).rglob("*"))
    ]
    said += "".join(each.read_text("utf-8", "replace") for each in files if each.is_file())
    assert "[secret]" in said
    assert key not in said


def test_what_cannot_be_used_is_said(cli: Any, run: Any) -> None:
    run()
    for option, value, words in (
        ("--since", "yesterday", "'yesterday' is no moment"),
        ("--since", "1e999d", "is no moment"),
        ("--reward", "total>high", "is none of any, none, a component, and a bound"),
        ("--state", "lost", "'lost' is not one of"),
        ("--limit", "0", "is not in the range"),
        (
            "--failure",
            "quotas",
            "there is no failure 'quotas'; there are bad_params, refused, quota",
        ),
    ):
        ended = cli("traces", "ls", option, value)
        assert (ended.code, ended.out) == (2, "")
        assert words in ended.err
    Path("file").write_text("no traces")
    assert cli("traces", "ls", "file").code == 2
    Path("folder").mkdir()
    assert cli("traces", "show", "a", "--html", "folder").code == 2


def test_moments_and_bounds_are_read() -> None:
    context, parameter = click.Context(click.Command("x")), click.Option(["--x"])
    assert moment(context, parameter, None) is None
    assert (
        moment(context, parameter, "2026-11-28") == datetime(2026, 11, 28, tzinfo=UTC).timestamp()
    )
    assert (
        moment(context, parameter, "2026-11-28T21:45+01:00")
        == datetime(2026, 11, 28, 20, 45, tzinfo=UTC).timestamp()
    )
    ago = (datetime.now(UTC) - timedelta(hours=36)).timestamp()
    assert moment(context, parameter, "1.5d") == pytest.approx(ago, abs=60)
    assert traces_options.STATES == STATES
    assert reward(context, parameter, "taste") == {"component": "taste"}
    assert reward(context, parameter, "taste <= -0.5") == {"component": "taste", "most": -0.5}
    assert reward(context, parameter, ">=1e-2") == {"component": "total", "least": 0.01}
    assert reward(context, parameter, "x=1") == {"component": "x", "least": 1.0, "most": 1.0}
    above, below = (reward(context, parameter, f"x{sign}0.5") for sign in "><")
    assert 0.5 < above["least"] < 0.5 + 1e-15
    assert 0.5 > below["most"] > 0.5 - 1e-15
    assert (above.keys(), below.keys()) == ({"component", "least"}, {"component", "most"})
    given = {"since": 1.0, "until": None, "model": "", "rewarded": {"rewarded": False}}
    assert chosen(given) == Chosen(since=1.0, rewarded=False)
