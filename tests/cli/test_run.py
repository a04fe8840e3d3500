"""`llmi run`: what it writes, what it prints, and what it refuses."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from llmi_agent.testing import random_png


def slot(query: str, description: str = "A harbour") -> str:
    data = {"source": "search", "description": description, "params": {"query": query}}
    return f"<imgen>{json.dumps(data)}</imgen>"


DRAFT = f"# The harbour\n\nIt is old.\n\n{slot('harbour')}\n\nThe end."
ECHO = ("--graph", "echo")


def test_stdout_has_the_paths_and_nothing_else(cli) -> None:
    ended = cli("run", DRAFT, *ECHO, "--format", "json,html,md")
    folder = Path("llmi-out/the-harbour-it-is-old-imgen-source-search")
    names = ("report.md", "document.json", "report.html")
    assert ended.code == 0
    assert sorted(ended.out.splitlines()) == sorted(str(folder / name) for name in names)
    assert ended.out.splitlines()[-1].endswith("report.html")
    assert all(Path(line).is_file() for line in ended.out.splitlines())


def test_a_run_says_its_bindings_and_that_no_model_is_configured(cli) -> None:
    lines = cli("run", DRAFT, *ECHO).err.splitlines()
    assert lines[0] == "llmi: tools: search=fake_search; model: offline"
    assert lines[1].startswith(
        "llmi: no model configured: offline writes (a data report from attached"
    )


def test_a_model_that_is_configured_is_not_called_missing(cli, monkeypatch) -> None:
    monkeypatch.setenv("LLMI_MODEL", "some/model")
    err = cli("run", DRAFT, *ECHO).err
    assert "model: some/model" in err
    assert "no model configured" not in err


def test_two_runs_of_one_prompt_write_to_two_folders(cli) -> None:
    first, second = (cli("run", DRAFT, *ECHO).out.strip() for _ in range(2))
    assert Path(second).parent == Path(f"{Path(first).parent}-2")
    assert Path(first).is_file()


def test_a_report_in_the_named_folder_is_replaced_with_a_word(cli) -> None:
    first = cli("run", DRAFT, *ECHO, "--out", "deep/down")
    second = cli("run", DRAFT, *ECHO, "--out", "deep/down")
    assert first.out == second.out == "deep/down/report.html\n"
    assert "replacing" not in first.err
    assert "replacing the earlier report in deep/down" in second.err


def test_the_configured_folder_holds_one_folder_for_each_run(cli, monkeypatch) -> None:
    monkeypatch.setenv("LLMI_OUT", "reports")
    out = cli("run", DRAFT, *ECHO).out.strip()
    assert Path(out).parent.parent == Path("reports")


def test_json_is_one_object_with_the_whole_result(cli) -> None:
    draft = f"{DRAFT}\n\n{slot('nothing', 'A thing')}"
    result = cli("run", draft, *ECHO, "--json", "--out", "o", "--format", "html,json").json
    assert list(result) == [
        "document", "files", "title", "figures", "missing", "episode", "model", "bindings",
        "seconds", "usd", "costs",
    ]  # fmt: skip
    assert result["document"] == "o/document.json"
    assert result["files"] == ["o/report.html", "o/document.json"]
    assert (result["title"], result["figures"]) == ("The harbour", 1)
    assert result["missing"][0].keys() == {"slot", "kind", "reason", "message"}
    assert (result["missing"][0]["slot"], result["missing"][0]["kind"]) == (1, "search")
    assert result["bindings"] == {"search": "fake_search"}
    assert result["usd"] is None  # what the model costs is not known
    assert result["seconds"] > 0


def test_an_episode_from_python_is_resumed_into_a_page(cli) -> None:
    """Nobody noted the formats that were asked for: there were none."""
    from fake_pictures import build_echo
    from langchain_core.messages import HumanMessage

    from llmi_agent.host.registry import discover
    from llmi_agent.store.home import default_store

    graph = build_echo(tools=discover(("fake-pictures",)), store=default_store())
    episode = graph.invoke({"messages": [HumanMessage(DRAFT)]})["document"]["episode"]
    ended = cli("run", "--resume", episode, *ECHO, "--out", "o")
    assert ended.code == 0, ended.err
    assert ended.out.splitlines()[-1] == "o/report.html"
    assert Path("o/report.html").is_file()


def test_what_a_tool_prints_does_not_reach_stdout(cli) -> None:
    ended = cli("run", DRAFT, *ECHO, "--json")
    assert "a tool that prints" not in ended.out
    assert "a tool that prints" in ended.err


def test_a_missing_figure_is_said_on_stderr_and_the_run_succeeds(cli) -> None:
    ended = cli("run", f"{DRAFT}\n\n{slot('nothing', '[red]A thing[/red]')}", *ECHO)
    warning = ended.err.splitlines()[-1]
    assert ended.code == 0
    assert warning.startswith("llmi: figure missing: search, [red]A thing[/red]: bad_params")
    assert warning.endswith("nothing matches [bold]")
    assert "\x1b" not in ended.err


def test_a_document_without_any_of_its_figures_is_a_success_with_a_warning(cli) -> None:
    ended = cli("run", f"# Bare\n\n{slot('nothing')}", *ECHO)
    assert ended.code == 0
    assert "not one figure could be made" in ended.err


def test_the_prompt_comes_from_stdin(cli, monkeypatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(DRAFT.encode())))
    assert cli("run", "-", *ECHO, "--json").json["title"] == "The harbour"


@pytest.mark.parametrize("stdin", [None, io.TextIOWrapper(io.BytesIO(b"\xff\xfe\x00"))])
def test_a_prompt_that_cannot_be_read_from_stdin_is_wrong_usage(cli, monkeypatch, stdin) -> None:
    monkeypatch.setattr("sys.stdin", stdin)
    assert cli("run", "-", *ECHO).code == 2


def test_attachments_and_folders_reach_the_run(cli) -> None:
    Path("pictures").mkdir()
    Path("mine.png").write_bytes(random_png())
    ended = cli(
        "run", DRAFT, *ECHO, "--attach", "mine.png", "--images", "pictures",
        "--format", "json", "--out", "o",
    )  # fmt: skip
    document = json.loads(Path("o/document.json").read_text())
    assert ended.code == 0
    assert [each["name"] for each in document["attachments"]] == ["mine.png"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--graph", "ech"], 2, "did you mean 'echo'?"),
        (["--use", "search"], 2, "kind=tool"),
        (["--use", "serch=fake_search"], 2, "no tool serves the kind 'serch'"),
        (["--use", "search=nope"], 2, "tools that do: fake_search"),
        (["--use", "diffusion=fake_paint"], 3, "FAKE_KEY"),
        (["--format", "pdf"], 2, "there are html, md, json"),
        (["--attach", "nope.csv"], 2, "nope.csv cannot be read"),
        (["--images", "nope"], 2, "does not exist"),
        (["--out", "/dev/null/x"], 2, "cannot write to /dev/null/x"),
    ],
)
def test_what_cannot_work_is_refused_before_the_run(cli, home, arguments, code, words) -> None:
    ended = cli("run", DRAFT, *ECHO, *arguments)
    assert ended.code == code
    assert words in ended.err
    assert ended.out == ""
    assert "Traceback" not in ended.err
    assert list(home.iterdir()) == []


def test_an_error_under_json_is_an_object_on_stdout(cli) -> None:
    ended = cli("run", DRAFT, "--graph", "nope", "--json")
    assert ended.json["error"]["exit_code"] == ended.code == 2
    assert "there is no graph 'nope'" in ended.json["error"]["message"]
    assert cli("run", "x", "--nope", "--json").json["error"]["exit_code"] == 2


def test_an_error_under_json_says_how_to_go_on_and_what_it_has_cost(cli, monkeypatch) -> None:
    monkeypatch.setenv("LLMI_PRICES", "ScriptedModel=0/0")
    Path("o/report.html").mkdir(parents=True)
    ended = cli("run", DRAFT, *ECHO, "--out", "o", "--json")
    assert (ended.code, len(ended.out.splitlines())) == (1, 1)
    error = ended.json["error"]
    assert "cannot write o/report.html" in error["message"]
    assert error["usd"] == 0.25
    monkeypatch.setenv("LLMI_PLUGINS", "broken-pictures")
    before = cli("run", "--resume", error["episode"], "--json").json["error"]
    assert (before["episode"], before["usd"]) == (error["episode"], 0.25)
    monkeypatch.setenv("LLMI_PLUGINS", "fake-pictures")
    Path("o/report.html").rmdir()
    result = cli("run", "--resume", error["episode"], "--json").json
    assert (result["episode"], result["usd"]) == (error["episode"], 0.25)


def test_an_error_without_a_run_has_none(cli) -> None:
    error = cli("run", DRAFT, *ECHO, "--attach", "nope.csv", "--json").json["error"]
    assert set(error) == {"message", "exit_code"}


def test_the_offline_writer_without_attachments_exits_with_3_and_writes_nothing(cli, home) -> None:
    ended = cli("run", "Anything at all")
    assert ended.code == 3
    assert ended.out == ""
    assert "--attach" in ended.err.splitlines()[-1]
    assert list(home.iterdir()) == []


def test_no_tool_at_all_exits_with_3(cli, monkeypatch) -> None:
    monkeypatch.setenv("LLMI_PLUGINS", "broken-pictures")
    ended = cli("run", DRAFT, *ECHO)
    assert ended.code == 3
    assert "plugin broken-pictures (fake-pictures 1.0): import: AttributeError" in ended.err
    assert "llmi-agent[tools]" in ended.err


def test_a_plugins_problem_is_an_error_when_strict(cli, monkeypatch) -> None:
    monkeypatch.setenv("LLMI_PLUGINS", "fake-pictures,broken-pictures")
    assert cli("run", DRAFT, *ECHO).code == 0
    monkeypatch.setenv("LLMI_STRICT", "1")
    assert cli("run", DRAFT, *ECHO).code == 1


def test_an_unexpected_error_is_one_sentence_without_secrets(cli, monkeypatch) -> None:
    monkeypatch.setenv("FAKE_KEY", "hush-hush-123")
    ended = cli("run", DRAFT, "--graph", "crash")
    assert ended.code == 1
    assert "RuntimeError: cannot reach the model with [secret]" in ended.err
    assert "Run again with -v" in ended.err
    assert "Traceback" not in ended.err
    assert "hush-hush" not in ended.err


def test_verbose_shows_the_traceback_without_secrets(cli, monkeypatch) -> None:
    monkeypatch.setenv("FAKE_KEY", "hush-hush-123")
    err = cli("run", DRAFT, "--graph", "crash", "-v").err
    assert "Traceback" in err
    assert "hush-hush" not in err


def test_verbose_events_are_json_lines(cli) -> None:
    ended = cli("run", f"{DRAFT}\n\n{slot('nothing')}", *ECHO, "-v")
    lines = [line for line in ended.err.splitlines() if line != "a tool that prints"]
    events = [json.loads(line)["event"] for line in lines]
    assert events[0] == "bindings"
    assert {"slot.planned", "slot.started", "slot.kept", "missing"} <= set(events)


def test_settings_for_a_tool_that_is_not_installed_are_mentioned(cli, home) -> None:
    (home / "llmi.toml").write_text("[tools.fake_serch]\ncountry = 'de'\n")
    assert "did you mean 'fake_search'?" in cli("run", DRAFT, *ECHO).err


def test_a_plugin_that_is_not_installed_is_refused(cli, monkeypatch) -> None:
    monkeypatch.setenv("LLMI_PLUGINS", "fake-picture")
    ended = cli("run", DRAFT, *ECHO)
    assert ended.code == 2
    assert "LLMI_PLUGINS: no plugin 'fake-picture' is installed" in ended.err
    assert "did you mean 'fake-pictures'?" in ended.err


def test_a_run_of_which_nothing_is_kept_writes_its_document_and_cannot_be_gone_on_with(
    cli, own_home: Path
) -> None:
    (own_home / "table.csv").write_text("a,b\n1,2\n2,3\n")
    table = str(own_home / "table.csv")
    ended = cli("run", "Numbers", "--attach", table, "--record", "none", "--json")
    assert ended.code == 0
    assert Path(ended.json["files"][0]).is_file()
    assert not [path for path in own_home.rglob("*") if "journal" in path.name]
    again = cli("run", "--resume", ended.json["episode"][:8], "--record", "none")
    assert again.code != 0
    assert "there is no run" in again.err
    assert "with --record none, none is" in again.err
    assert cli("runs", "--json").json == []


def test_what_fails_where_nothing_is_kept_does_not_say_how_to_go_on(cli, monkeypatch) -> None:
    monkeypatch.setenv("LLMI_RECORD", "none")
    failed = cli("run", "a fox", "--model", "fake/broken", "--json")
    assert failed.code != 0
    assert "--resume" not in failed.err + failed.out
    assert "episode" not in failed.json


def test_an_unknown_way_to_record_is_one_sentence(cli, monkeypatch) -> None:
    assert "'full', 'events', 'none'" in cli("run", "x", "--record", "all").err
    monkeypatch.setenv("LLMI_RECORD", "all")
    assert "LLMI_RECORD: record cannot be 'all'" in cli("run", "x").err


@pytest.mark.parametrize("how", [(), ("--json",)], ids=str)
def test_tokens_that_were_to_be_kept_and_are_not_are_said_once(cli, how: tuple[str, ...]) -> None:
    ended = cli("run", DRAFT, *ECHO, "--record", "full", *how)
    (said,) = (each for each in ended.err.splitlines() if "--record full" in each)
    assert said.startswith("llmi: --record full: what the model ScriptedModel samples is not kept")
    assert said.endswith(": it gives no tokens")
    (listed,) = cli("traces", "ls", "--json").json
    assert "tokens on record of 0 of" in cli("traces", "show", listed["episode"]).out
    assert "--record full" not in cli("run", DRAFT, *ECHO, *how).err


def test_so_are_those_of_a_program(cli, tmp_path: Path) -> None:
    table = tmp_path / "ships.csv"
    table.write_text("year,ships\n2020,4\n2021,9\n")
    ended = cli("run", "Ships", "--attach", str(table), "--model", "offline", "--record", "full")
    (said,) = (each for each in ended.err.splitlines() if "--record full" in each)
    assert said.endswith("offline is no language model, so there are no tokens to keep")
