"""`llmi batch`: many documents at once, what is said of each, and how it goes on after anything."""

from __future__ import annotations

import fcntl
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from llmi_agent.cli.batch_progress import Bar, Tally, show
from llmi_agent.contract.judging import Demand
from llmi_agent.document.render import write_document
from llmi_agent.records.codec import events_of
from llmi_agent.records.events import CallEnded, Event, ModelEnded, Opened
from llmi_agent.records.journal import journal_beside
from llmi_agent.records.known import Known
from llmi_agent.records.outcome import Finished
from llmi_agent.run.seeds import call_seed, member_seed
from llmi_agent.store.home import default_store

LLMI = [sys.executable, "-c", "import sys; from llmi_agent.cli import main; sys.exit(main())"]
ECHO = ("--graph", "echo", "--model", "echo")

PLUGIN = '''
"""A search that notes each of its calls in the working folder, and does what its query says."""

import asyncio
import random
from pathlib import Path

from llmi_agent.contract.hooks import hookimpl
from llmi_agent.testing import ScriptedModel, random_png
from llmi_agent.contract.spec import ToolSpec
from llmi_agent.contract.tool import (Image, Produced, Provenance, ToolFailed)

together = 0


class Search:
    async def run(self, call, context):
        global together
        query = call.params.query
        with Path("calls").open("a") as file:
            file.write(f"{query} {context.seed}\\n")
        if query.startswith("nap"):
            await asyncio.sleep(random.uniform(0.0, 0.15))
        if query == "slow":
            await asyncio.sleep(60)
        if query == "meet":
            together += 1
            while together < 3:
                await asyncio.sleep(0.01)
        return Produced((Image(random_png(), Provenance("noting")),), usd=0.25)


@hookimpl
def llmi_tools():
    load = "noting_pictures:Search"
    return [ToolSpec(name="noting", kind="search", description="a fake", load=load)]


def build_slow_echo(**arguments):
    from llmi_graphs import build_graph

    def echo(messages):
        return str(messages[1].additional_kwargs["prompt"]) if len(messages) == 2 else "SKIP"

    return build_graph(**{**arguments, "model": ScriptedModel(script=echo, chunk=40, pause=0.01)})
'''
ENTRY_POINTS = """
[llmi_agent.v1]
noting-pictures = noting_pictures

[llmi_agent.graphs]
slow-echo = noting_pictures:build_slow_echo
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packages")
    (folder / "noting_pictures.py").write_text(PLUGIN)
    about = folder / "noting_pictures-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: noting-pictures\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRY_POINTS)
    return folder


@pytest.fixture
def noting(packages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tool that notes its calls serves searches."""
    monkeypatch.syspath_prepend(str(packages))
    monkeypatch.setenv("LLMI_PLUGINS", "noting-pictures")


def slot(query: str) -> str:
    data = {"source": "search", "description": "A harbour", "params": {"query": query}}
    return f"<imgen>{json.dumps(data)}</imgen>"


def draft(*queries: str) -> str:
    return "\n\n".join(["# The harbour", *map(slot, queries)])


def prompts(*lines: Any, name: str = "p.jsonl") -> str:
    Path(name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return name


def rows(out: str) -> dict[str, list[str]]:
    """What stdout says of each document."""
    return {line.split("\t")[0]: line.split("\t")[1:] for line in out.splitlines()}


def calls() -> Counter[str]:
    """How often the noting tool was called, by query."""
    lines = Path("calls").read_text().splitlines() if Path("calls").exists() else []
    return Counter(line.split()[0] for line in lines)


def records() -> dict[str, list[Event]]:
    journal = journal_beside(default_store())
    return {each: [e for _, e in events_of(journal.read(each))] for each in journal.episodes()}


# What is written and said


def test_documents_are_written_several_at_once(cli, noting) -> None:
    file = prompts(*({"id": f"d{n}", "prompt": draft("meet")} for n in range(6)))
    ended = cli("batch", file, *ECHO, "--out", "o", "--concurrency", "3")
    assert ended.code == 0, ended.err
    assert rows(ended.out).keys() == {f"d{n}" for n in range(6)}
    for name, (state, figures, missing, usd, seconds, path) in rows(ended.out).items():
        assert (state, figures, missing, usd) == ("written", "1", "0", "-")
        assert 0 < float(seconds) < 60
        assert path == f"o/{name}/report.html"
        assert Path(path).is_file()
    assert "6 of 6 documents done" in ended.err.splitlines()[-1]
    assert ended.err.startswith("llmi: tools: search=noting; model: echo")


def test_no_more_documents_at_once_than_are_asked_for(cli, noting) -> None:
    file = prompts(*({"prompt": draft(f"nap{n}")} for n in range(6)))
    assert cli("batch", file, *ECHO, "--out", "o", "--concurrency", "2").code == 0
    running = most = 0
    journal = journal_beside(default_store())
    told = [each for episode in journal.episodes() for each in journal.read(episode)]
    for each in sorted(told, key=lambda each: each.at):
        running += (each.kind == "opened") - (each.kind == "composed")
        most = max(most, running)
    assert most == 2


def test_a_group_is_written_with_a_seed_for_each_member(cli, noting) -> None:
    file = prompts({"id": "a", "prompt": draft("x", "y")})
    ended = cli("batch", file, *ECHO, "--out", "o", "--group", "3", "--json")
    lines = [json.loads(line) for line in ended.out.splitlines()]
    assert sorted((each["id"], each["member"]) for each in lines) == [("a", 0), ("a", 1), ("a", 2)]
    assert all(Path(f"o/a/{member}/report.html").is_file() for member in range(3))
    assert len({each["episode"] for each in lines}) == 3
    called = sorted(Path("calls").read_text().splitlines())
    members = [member_seed(0, member) for member in range(3)]
    slots = {"x": 0, "y": 1}
    assert called == sorted(f"{q} {call_seed(m, slots[q], 0)}" for m in members for q in slots)
    opened = {e.seed for of in records().values() for e in of if isinstance(e, Opened)}
    assert opened == set(members)


def test_a_larger_group_keeps_the_members_that_are_there(cli, noting) -> None:
    file = prompts({"id": "a", "prompt": draft("x")})
    cli("batch", file, *ECHO, "--out", "o", "--group", "1")
    ended = cli("batch", file, *ECHO, "--out", "o", "--group", "2")
    assert {name: row[0] for name, row in rows(ended.out).items()} == {
        "a/0": "skipped",
        "a/1": "written",
    }


def test_json_is_one_object_a_line_without_what_tools_print(cli) -> None:
    file = prompts({"id": "é", "prompt": draft("x", "nothing")})
    ended = cli("batch", file, *ECHO, "--out", "o", "--json", "--format", "json,html")
    (line,) = ended.out.splitlines()
    data = json.loads(line)
    assert list(data) == [
        "id", "member", "state", "episode", "title", "figures", "missing", "usd", "seconds",
        "files", "message",
    ]  # fmt: skip
    assert (data["id"], data["member"], data["state"]) == ("é", None, "written")
    assert (data["title"], data["figures"], data["missing"]) == ("The harbour", 1, 1)
    assert [Path(each).name for each in data["files"]] == ["report.html", "document.json"]
    assert all(Path(each).is_file() for each in data["files"])
    assert "a tool that prints" in ended.err


def test_a_document_that_fails_does_not_stop_the_others(cli, noting, monkeypatch) -> None:
    monkeypatch.setenv("FOO_API_KEY", "canary-123456")
    Path("bad.csv").write_bytes(b"\x89PNG\r\n\x1a\n no table")
    file = prompts(
        {"id": "bad", "prompt": draft("x"), "attach": ["bad.csv"]},
        {"id": "good", "prompt": draft("y")},
        {"id": "taken", "prompt": draft("z")},
    )
    Path("o").mkdir()
    Path("o/taken").write_text("canary-123456 is a file where a folder should be")
    ended = cli("batch", file, *ECHO, "--out", "o")
    assert ended.code == 1
    assert {name: row[0] for name, row in rows(ended.out).items()} == {
        "bad": "failed",
        "good": "written",
        "taken": "failed",
    }
    assert rows(ended.out)["bad"][1:3] == ["-", "-"]
    *_, count, first, second, last = ended.err.splitlines()
    assert count == "llmi: 2 documents failed:"
    assert sorted((first, second))[0].startswith("llmi: bad: bad.csv is a PNG picture")
    assert "cannot write o/taken" in sorted((first, second))[1]
    assert "1 of 3 documents done, 2 failed" in last
    assert "Traceback" not in ended.err


def test_what_failed_is_tried_again_and_pays_for_nothing_twice(cli, noting) -> None:
    file = prompts({"id": "a", "prompt": draft("x")}, {"id": "b", "prompt": draft("y")})
    Path("o").mkdir()
    Path("o/a").write_text("in the way")
    assert cli("batch", file, *ECHO, "--out", "o").code == 1
    Path("o/a").unlink()
    ended = cli("batch", file, *ECHO, "--out", "o")
    assert ended.code == 0
    assert (rows(ended.out)["a"][0], rows(ended.out)["b"][0]) == ("written", "skipped")
    assert calls() == {"x": 1, "y": 1}
    assert len(records()) == 2


def test_an_unexpected_error_is_one_documents_own_and_keeps_secrets(
    cli, noting, monkeypatch
) -> None:
    monkeypatch.setenv("FOO_API_KEY", "canary-123456")

    async def burst(life: Any, request: Any) -> Any:
        raise RuntimeError("something with canary-123456")

    monkeypatch.setattr("llmi_agent.runner.runner.Life._follow", burst)
    ended = cli("batch", prompts(draft("x")), *ECHO, "--out", "o", "-v")
    assert ended.code == 1
    assert "RuntimeError: something with [secret]" in ended.err
    assert "Traceback" in ended.err
    assert "canary" not in ended.err + Path("o/batch.jsonl").read_text()


def test_the_budget_is_each_documents_own(cli, noting, monkeypatch) -> None:
    monkeypatch.setenv("LLMI_PRICES", "noting=0.25,ScriptedModel=0/0")
    file = prompts(*({"id": n, "prompt": draft("x", "y")} for n in range(3)))
    ended = cli("batch", file, *ECHO, "--out", "o", "--budget", "0.3", "--json")
    lines = [json.loads(line) for line in ended.out.splitlines()]
    assert [(each["figures"], each["missing"]) for each in lines] == [(1, 1)] * 3, ended.err
    assert calls().total() == 3


def test_prompts_come_from_stdin(cli, monkeypatch) -> None:
    data = json.dumps(draft("x")).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert cli("batch", "-", *ECHO, "--out", "o").code == 0


def test_attachments_are_relative_to_the_file(cli) -> None:
    Path("in").mkdir()
    Path("in/t.csv").write_text("a,b\n1,2\n")
    Path("in/p.jsonl").write_text(json.dumps({"prompt": draft("x"), "attach": ["t.csv"]}))
    ended = cli("batch", "in/p.jsonl", *ECHO, "--out", "o", "--format", "json")
    (row,) = rows(ended.out).values()
    document = json.loads(Path(row[-1]).read_text())
    assert [each["name"] for each in document["attachments"]] == ["t.csv"]


def test_a_lines_split_goes_before_that_of_the_command(cli) -> None:
    file = prompts(
        {"id": "a", "prompt": draft("x"), "split": "test"},
        draft("y"),
        {"id": "c", "prompt": draft("z"), "split": None},
    )
    for _ in range(2):
        assert cli("batch", file, *ECHO, "--out", "o", "--group", "2", "--split", "train").code == 0
        listed = cli("traces", "ls", "--json").json
        assert sorted(each["split"] for each in listed) == ["test", "test", *["train"] * 4]
    assert cli("batch", prompts(draft("n"), name="q.jsonl"), *ECHO, "--out", "p").code == 0
    assert len(cli("traces", "ls", "--split", "").out.splitlines()) == 1
    wrong = cli("batch", file, *ECHO, "--out", "r", "--split", "a\tb")
    assert (wrong.code, Path("r").exists()) == (2, False)


def test_no_two_threads_render_at_once(cli, noting, monkeypatch) -> None:
    """Pygments fails if two threads are the first to import it."""
    at_once: list[int] = [0]

    def slowly(*arguments: Any) -> list[Path]:
        at_once.append(at_once[-1] + 1)
        time.sleep(0.02)
        files = write_document(*arguments)
        at_once.append(at_once[-1] - 1)
        return files

    monkeypatch.setattr("llmi_agent.runner.rendering.write_document", slowly)
    file = prompts(*(draft("meet") for _ in range(6)))
    assert cli("batch", file, *ECHO, "--out", "o", "--concurrency", "6").code == 0
    assert max(at_once) == 1
    assert len(at_once) == 13


# Ids and their folders


def test_ids_become_folders_that_any_system_takes(cli) -> None:
    names = ["../up", "a/b", "batch.jsonl", ".", "con: x?", "日本", "x" * 200, 17, "Q.2"]
    file = prompts(*({"id": name, "prompt": "# T"} for name in names))
    ended = cli("batch", file, *ECHO, "--out", "o")
    assert ended.code == 0, ended.err
    assert {row[0] for row in rows(ended.out).values()} == {"written"}
    folders = {path.name for path in Path("o").iterdir()} - {"batch.jsonl"}
    assert len(folders) == len(names)
    assert {"17", "Q.2"} <= folders
    assert not any(set(name) & set('/\\:?*"<>| ') for name in folders)
    assert sorted(path.name for path in Path().iterdir()) == ["o", "p.jsonl"]


def test_an_id_that_is_made_up_does_not_depend_on_the_order_of_lines(cli) -> None:
    lines = ["# One", "# Two", "# Two"]
    first = rows(cli("batch", prompts(*lines), *ECHO, "--out", "o").out)
    again = rows(cli("batch", prompts(*reversed(lines)), *ECHO, "--out", "o").out)
    assert first.keys() == again.keys()
    assert len(first) == 3
    assert {row[0] for row in again.values()} == {"skipped"}


def test_a_secret_in_a_prompt_does_not_name_a_folder(cli, monkeypatch) -> None:
    monkeypatch.setenv("FOO_API_KEY", "canary-123456")
    ended = cli("batch", prompts("tell canary-123456"), *ECHO, "--out", "o")
    assert "canary" not in ended.out + ended.err + Path("o/batch.jsonl").read_text()


# What is refused before anything runs


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('{"prompt": "x"}\n{oops}', "p.jsonl, line 2: it is not JSON"),
        ("[1]", "line 1: it begins as a JSON array does"),
        ('\n{"prompt": "x", "promt": "y"}', "line 2: there is no key 'promt'; did you mean"),
        ('{"id": "a"}', 'line 1: it has no "prompt"'),
        ('{"prompt": 3}', 'its "prompt" is not a string'),
        ('{"prompt": " "}', "line 1: the prompt is empty"),
        ('"\\ud800"', "surrogate"),
        ('{"prompt": "x", "id": "a"}\n{"prompt": "y", "id": "A"}', "'A' is that of line 1"),
        ('{"prompt": "x", "id": 1}\n{"prompt": "y", "id": "1"}', "'1' is that of line 1"),
        ('{"prompt": "x", "id": true}', 'its "id" is neither'),
        ('{"prompt": "x", "id": "a\\tb"}', "cannot be printed"),
        ('{"prompt": "x", "id": "' + "a" * 201 + '"}', "more than 200 characters"),
        ('{"prompt": "x", "attach": "t.csv"}', 'its "attach" is not a list'),
        ('{"prompt": "x", "attach": ["no.csv"]}', "line 1: the attachment no.csv does not exist"),
        ('{"prompt": "x", "attach": ["."]}', "is a folder"),
        ('{"prompt": "x", "attach": ["\\u0000"]}', "does not exist"),
        ('{"prompt": "x", "attach": ["p.jsonl", "./p.jsonl"]}', "two attachments are named"),
        ('"' + "x" * 1024 * 1024 + '"', "line 1: it has more than 1,048,576 bytes"),
        ('"\xff"', "line 1: it is not UTF-8"),
        ("[" * 100_000, "line 1: it is not JSON that can be read"),
        ('{"prompt": "x", "split": 1}', 'line 1: its "split" is not a string'),
        ('{"prompt": "x", "split": "a\\tb"}', "line 1: the split 'a\\tb' holds characters"),
        ('{"prompt": "x", "split": "' + "a" * 201 + '"}', "line 1: the split has more than 200"),
        ('{"prompt": "x", "prompt": "y"}', "line 1: it has the key 'prompt' twice"),
        ('{"prompt": "x", "pictures": 100}', "line 1: pictures 100: -1 for none"),
        ('{"prompt": "x", "pictures": 1.5}', "line 1: pictures 1.5: it is no whole number"),
        ('{"prompt": "x", "pictures": true}', "pictures True: it is no whole number"),
        ('{"prompt": "x", "pictures": "two"}', "pictures 'two': it is no whole number"),
        ('{"prompt": "x", "pictures": NaN}', "pictures nan: it is no whole number"),
        ('{"prompt": "x", "kinds": "code"}', 'its "kinds" is not a list of names'),
        ('{"prompt": "x", "kinds": ["code", "code"]}', "each once"),
        ('{"prompt": "x", "kinds": ["\\ud800"]}', 'its "kinds" is not a list of names'),
        ('{"prompt": "x", "language": 1}', 'its "language" is no code of a language'),
        ('{"prompt": "x", "language": "klingon!"}', 'its "language" is no code of a language'),
        ("\n\n", "p.jsonl has no prompts"),
    ],
)
def test_a_wrong_line_is_refused_before_anything_runs(cli, lines, words) -> None:
    Path("p.jsonl").write_text(lines, encoding="latin-1")
    ended = cli("batch", "p.jsonl", *ECHO, "--out", "o")
    assert ended.code == 2
    assert words in ended.err
    assert ended.out == ""
    assert len(ended.err) < 600
    assert not Path("o").exists()
    assert records() == {}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--graph", "ech"], 2, "did you mean 'echo'?"),
        (["--use", "diffusion=fake_paint"], 3, "FAKE_KEY"),
        (["--concurrency", "0"], 2, "concurrency"),
        (["--group", "0"], 2, "group"),
        (["--model", "openai/gpt-4o", "--graph", "interleave"], 3, "OPENAI_API_KEY"),
        (["--out", "/dev/null/x"], 2, "cannot write to /dev/null/x"),
        (["--format", "pdf"], 2, "there are html, md, json"),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore:.*Pydantic.*:UserWarning")
def test_what_stops_all_documents_is_said_before_the_first(
    cli, monkeypatch, arguments, code, words
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    ended = cli("batch", prompts("# T"), "--out", "o", *ECHO, *arguments)
    assert ended.code == code
    assert words in ended.err
    assert not Path("o").exists()


def test_a_file_of_prompts_that_is_not_there(cli) -> None:
    ended = cli("batch", "no.jsonl", *ECHO, "--out", "o")
    assert ended.code == 2
    assert "no.jsonl cannot be read: No such file" in ended.err


# Going on


def test_what_is_complete_is_skipped(cli, noting) -> None:
    file = prompts({"id": "a", "prompt": draft("x")})
    first = cli("batch", file, *ECHO, "--out", "o")
    second = cli("batch", file, *ECHO, "--out", "o")
    assert second.code == 0
    assert rows(second.out)["a"] == ["skipped", *rows(first.out)["a"][1:]]
    assert "1 of 1 document done, 1 of them before" in second.err
    assert calls() == {"x": 1}


def test_a_file_that_is_gone_or_another_format_costs_nothing(cli, noting) -> None:
    file = prompts({"id": "a", "prompt": draft("x")})
    cli("batch", file, *ECHO, "--out", "o")
    Path("o/a/report.html").unlink()
    again = cli("batch", file, *ECHO, "--out", "o", "--format", "html,md")
    assert rows(again.out)["a"][0] == "written"
    assert "a: goes on with run" in again.err
    assert Path("o/a/report.html").is_file()
    assert Path("o/a/report.md").is_file()
    assert calls() == {"x": 1}


def test_a_run_that_was_forgotten_is_begun_anew(cli, noting) -> None:
    file = prompts({"id": "a", "prompt": draft("x")})
    cli("batch", file, *ECHO, "--out", "o")
    Path("o/a/report.html").unlink()
    cli("cache", "clear", "--runs", "--yes")
    again = cli("batch", file, *ECHO, "--out", "o")
    assert again.code == 0
    assert rows(again.out)["a"][0] == "written"
    assert calls() == {"x": 2}


def test_what_a_line_demands_is_on_record(cli) -> None:
    file = prompts(
        {"id": "a", "prompt": draft("x"), "pictures": 2, "kinds": ["code"], "language": "en"},
        {"id": "b", "prompt": draft("y"), "pictures": "Inf"},
        {"id": "c", "prompt": draft("z"), "kinds": ["search"], "pictures": None},
        {"id": "d", "prompt": draft("v"), "pictures": -1.0},
        draft("w"),
    )
    for _ in range(2):
        assert cli("batch", file, *ECHO, "--out", "o").code == 0
    opened = [next(e for e in each if isinstance(e, Opened)) for each in records().values()]
    assert {each.prompt: each.demand for each in opened} == {
        draft("x"): Demand(2, ("code",)),
        draft("y"): Demand(99),
        draft("z"): Demand(0, ("search",)),
        draft("v"): Demand(-1),
        draft("w"): None,
    }


@pytest.mark.parametrize("change", ["prompt", "attachment", "demand"])
def test_a_document_that_is_asked_for_otherwise_is_written_anew(cli, noting, change) -> None:
    Path("t.csv").write_text("a\n1\n")
    file = prompts(
        {"id": "a", "prompt": draft("x"), "attach": ["t.csv"]}, {"id": "b", "prompt": draft("y")}
    )
    cli("batch", file, *ECHO, "--out", "o")
    if change == "prompt":
        prompts(
            {"id": "a", "prompt": draft("x", "z"), "attach": ["t.csv"]},
            {"id": "b", "prompt": draft("y")},
        )
    elif change == "demand":
        prompts(
            {"id": "a", "prompt": draft("x"), "attach": ["t.csv"], "pictures": 1},
            {"id": "b", "prompt": draft("y")},
        )
    else:
        Path("t.csv").write_text("a\n2\n")
    again = cli("batch", file, *ECHO, "--out", "o")
    assert "a: its prompt, attachments or demand have changed, so it is written anew" in again.err
    assert (rows(again.out)["a"][0], rows(again.out)["b"][0]) == ("written", "skipped")
    assert calls()["x"] == 2
    third = cli("batch", file, *ECHO, "--out", "o")
    assert {row[0] for row in rows(third.out).values()} == {"skipped"}


@pytest.mark.parametrize(
    "other",
    [("--model", "b/model"), ("--temperature", "1.5")],
    ids=" ".join,
)
def test_other_settings_write_every_document_anew_and_say_so_once(cli, noting, other) -> None:
    file = prompts({"id": "a", "prompt": draft("x")}, {"id": "b", "prompt": draft("y")})
    first = ("--graph", "echo", "--model", "a/model", "--temperature", "0.1")
    cli("batch", file, *first, "--out", "o")
    raised = cli("batch", file, *first, "--out", "o", "--budget", "9")
    assert {row[0] for row in rows(raised.out).values()} == {"skipped"}
    again = cli("batch", file, *first, *other, "--out", "o")
    assert {row[0] for row in rows(again.out).values()} == {"written"}
    (line,) = (each for each in again.err.splitlines() if "written anew" in each)
    assert "settings (graph, model, tools or options) have changed" in line
    assert calls() == {"x": 2, "y": 2}
    third = cli("batch", file, *first, *other, "--out", "o")
    assert {row[0] for row in rows(third.out).values()} == {"skipped"}


def test_a_torn_line_of_the_manifest_is_a_line_that_was_not_written(cli, noting) -> None:
    file = prompts({"id": "a", "prompt": draft("x")}, {"id": "b", "prompt": draft("y")})
    cli("batch", file, *ECHO, "--out", "o", "--concurrency", "1")
    manifest = Path("o/batch.jsonl")
    manifest.write_bytes(manifest.read_bytes()[:-20])
    again = cli("batch", file, *ECHO, "--out", "o")
    assert again.code == 0
    assert (rows(again.out)["a"][0], rows(again.out)["b"][0]) == ("skipped", "written")
    assert calls() == {"x": 1, "y": 1}
    third = cli("batch", file, *ECHO, "--out", "o")
    assert {row[0] for row in rows(third.out).values()} == {"skipped"}


def test_a_folder_may_be_moved(cli, noting) -> None:
    file = prompts({"id": "a", "prompt": draft("x")})
    cli("batch", file, *ECHO, "--out", "o")
    Path("o").rename("elsewhere")
    again = cli("batch", file, *ECHO, "--out", "elsewhere")
    assert rows(again.out)["a"][::5] == ["skipped", "elsewhere/a/report.html"]


def test_a_file_of_somebody_else_is_no_manifest(cli) -> None:
    Path("o").mkdir()
    file = prompts("# T", name="o/batch.jsonl")
    before = Path(file).read_text()
    ended = cli("batch", file, *ECHO, "--out", "o")
    assert ended.code == 2
    assert "o/batch.jsonl, line 1: this is not the record of a batch" in ended.err
    assert Path(file).read_text() == before


def test_a_second_batch_on_the_same_folder_is_refused(cli) -> None:
    Path("o").mkdir()
    with Path("o/batch.jsonl").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        ended = cli("batch", prompts("# T"), *ECHO, "--out", "o")
    assert ended.code == 2
    assert "another batch is writing to o" in ended.err
    assert cli("batch", prompts("# T"), *ECHO, "--out", "o").code == 0


# Being stopped


SLOW_ECHO = ("--graph", "slow-echo", "--model", "echo")
DOCUMENTS = 8
SLOTS = 5


@pytest.fixture
def many(noting: None) -> str:
    lines = (
        {"id": f"d{n}", "prompt": draft(*(f"nap-{n}-{s}" for s in range(SLOTS)))}
        for n in range(DOCUMENTS)
    )
    return prompts(*lines)


@pytest.fixture
def surroundings(environment: dict[str, str], packages: Path) -> dict[str, str]:
    path = os.pathsep.join([str(packages), environment["PYTHONPATH"]])
    return {**environment, "PYTHONPATH": path, "LLMI_PLUGINS": "noting-pictures"}


def started(surroundings: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*LLMI, *arguments],
        env=surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A test run in the background has Ctrl-C ignored, and its children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )


def wait_until(condition: Any, run: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert run.poll() is None
        assert time.monotonic() < end
        time.sleep(0.005)


def paid() -> Iterator[str]:
    """The queries of calls whose end is on record, which nobody may pay for again."""
    for of in records().values():
        prompt = Known(of).opened.prompt  # which is the draft
        queries = [word.split('"')[1] for word in prompt.split('"query": ')[1:]]
        for each in of:
            if isinstance(each, CallEnded) and isinstance(each.outcome, Finished):
                yield queries[each.slot]


def check_all_written() -> None:
    for number in range(DOCUMENTS):
        page = Path(f"o/d{number}/report.html").read_text()
        assert page.rstrip().endswith("</html>")
        assert page.count("<figure") == SLOTS
    drafts = Counter(
        Known(of).draft
        for of in records().values()
        for each in of
        if isinstance(each, ModelEnded) and each.accepted
    )
    assert sorted(drafts.values()) == [1] * DOCUMENTS


@pytest.mark.parametrize("trial", range(3))
def test_a_batch_that_was_killed_goes_on(cli, many, surroundings, trial) -> None:
    chance = random.Random(trial)
    arguments = ["batch", many, *SLOW_ECHO, "--out", "o"]
    with started(surroundings, *arguments) as run:
        least = chance.randrange(1, DOCUMENTS * SLOTS // 2)
        wait_until(lambda: calls().total() >= least, run)
        time.sleep(chance.uniform(0.0, 0.05))
        run.kill()
        run.communicate()
    before, safe = calls(), set(paid())
    complete = {path.parent.name for path in Path("o").glob("*/report.html")}
    assert len(complete) < DOCUMENTS
    ended = cli(*arguments)
    assert ended.code == 0, ended.err
    assert rows(ended.out).keys() == {f"d{n}" for n in range(DOCUMENTS)}
    check_all_written()
    after = calls()
    assert all(after[query] == before[query] == 1 for query in safe)
    again = cli(*arguments)
    assert {row[0] for row in rows(again.out).values()} == {"skipped"}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_batch_that_was_stopped_says_how_to_go_on(cli, many, surroundings, number, code) -> None:
    arguments = ["batch", many, *SLOW_ECHO, "--out", "o", "--concurrency", "3"]
    with started(surroundings, *arguments) as run:
        wait_until(lambda: calls().total() >= 12 and any(paid()), run)
        run.send_signal(number)
        out, err = run.communicate(timeout=30)
    assert run.returncode == code
    assert "of 8 documents done" in err
    assert "the same command again goes on" in err
    assert err.splitlines()[-1].startswith("llmi: stopped by")
    assert "Traceback" not in err
    before, safe = calls(), set(paid())
    assert safe
    ended = cli(*arguments)
    assert ended.code == 0, ended.err
    check_all_written()
    assert all(calls()[query] == before[query] == 1 for query in safe)
    states = {name: row[0] for name, row in rows(ended.out).items()}
    assert {name for name, state in states.items() if state == "skipped"} == rows(out).keys()


def test_a_second_ctrl_c_does_not_wait(home, surroundings) -> None:
    file = prompts(draft("slow"))
    with started(surroundings, "batch", file, *SLOW_ECHO, "--out", "o") as run:
        wait_until(lambda: calls().total(), run)
        run.send_signal(signal.SIGINT)
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=10)
    assert run.returncode == 130


def test_a_reader_that_has_gone_ends_it(home, surroundings) -> None:
    file = prompts(*(f"# {n}" for n in range(5)))
    command = f"llmi batch {file} --graph echo --model echo --out o --concurrency 1 | true"
    done = subprocess.run(
        ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"],
        env={
            **surroundings,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "this should not have happened" not in done.stderr


# Progress


def test_the_bar_shows_how_far_it_is_and_leaves_lines_alone() -> None:
    file = io.StringIO()
    tally = Tally(20, clock=lambda: 65.0)
    console = Console(file=file, force_terminal=True, width=100, markup=False)
    with Bar(console, tally) as bar:
        tally.running, tally.written, tally.failed = 4, 3, 1
        tally.tell({"type": "cost", "usd": 0.25, "basis": "known"})
        tally.tell({"type": "text", "text": "x"})
        bar.tick()
        with bar.aside():
            file.write("A LINE\n")
    shown = file.getvalue()
    assert "3 of 20 documents done, 1 failed, 4 running, 0 s, $0.25" in shown
    assert "\x1b[2KA LINE\n" in shown.replace("\r", "").replace("\x1b[?25h", "")


def test_nothing_is_drawn_when_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    with show(Tally(1), live=False) as screen, screen.aside():
        screen.tick()
    assert capsys.readouterr() == ("", "")


def test_tokens_that_were_to_be_kept_and_are_not_are_said_once(cli: Any) -> None:
    Path("prompts.jsonl").write_text('"# One"\n"# Two"\n"# Three"\n')
    ended = cli("batch", "prompts.jsonl", "--out", "out", *ECHO, "--record", "full")
    (said,) = (each for each in ended.err.splitlines() if "--record full" in each)
    assert said.startswith("llmi: --record full: what the model ")
    (model,) = cli("traces", "stats", "--json").json["models"]
    assert (model["calls"], model["sampled"]) == (3, 0)
    assert "0 of 3" in cli("traces", "stats").out
