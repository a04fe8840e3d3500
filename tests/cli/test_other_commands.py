"""`llmi tools`, `llmi prompt` and `llmi render`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmi_agent.cli import inventory
from llmi_agent.contract.kinds import WELL_KNOWN
from llmi_agent.draft import parse

DRAFT = '# T\n\n<imgen>{"source": "search", "description": "D", "params": {"query": "q"}}</imgen>'


def test_tools_are_listed_as_tab_separated_columns(cli) -> None:
    head, *rows = (line.split("\t") for line in cli("tools").out.splitlines())
    assert tuple(head) == inventory.COLUMNS
    tools = {row[1]: dict(zip(head, row, strict=True)) for row in rows}
    assert (tools["fake_search"]["bound"], tools["fake_search"]["standing"]) == ("yes", "installed")
    assert (tools["fake_paint"]["bound"], tools["fake_paint"]["missing"]) == ("no", "FAKE_KEY")
    assert tools["fake_paint"]["distribution"] == "fake-pictures"


def test_tools_as_json_say_what_is_bound_and_what_is_wrong(cli, monkeypatch) -> None:
    monkeypatch.setenv("LLMI_PLUGINS", "fake-pictures,broken-pictures")
    listed = cli("tools", "--json").json
    assert {kind["kind"]: kind["bound"] for kind in listed["kinds"]} == {
        "search": "fake_search",
        "diffusion": None,
    }
    paint = listed["kinds"][1]["tools"][0]
    assert (paint["standing"], paint["needs"], paint["missing"]) == (
        "needs key",
        ["FAKE_KEY"],
        ["FAKE_KEY"],
    )
    assert [each["plugin"] for each in listed["problems"]] == ["broken-pictures"]


def test_tools_are_listed_even_if_a_run_would_refuse_the_configuration(cli, monkeypatch) -> None:
    monkeypatch.setenv("LLMI_USE", "diffusion=fake_paint")
    ended = cli("tools")
    assert ended.code == 0
    assert "fake_search" in ended.out
    assert "a run would stop here: tool fake_paint needs FAKE_KEY" in ended.err


@pytest.mark.parametrize("columns", ["8", "100"])
def test_tools_fit_any_terminal(cli, monkeypatch, columns: str) -> None:
    listed = cli("tools", "--json").json["kinds"]
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    inventory.show(listed)


@pytest.mark.parametrize("dialect", ["json", "python"])
def test_the_prompts_examples_are_slots_of_the_chosen_dialect(cli, dialect: str) -> None:
    prompt = cli("prompt", "--dialect", dialect).out
    params = {name: kind.params for name, kind in WELL_KNOWN.items()}
    example = next(line for line in prompt.splitlines() if "<imgen>" in line and "..." not in line)
    (read,) = parse(example, params, dialect=dialect, reader="strict").slots
    assert read.kind == "search"
    assert "diffusion" not in prompt  # its tool lacks the key


def test_the_prompt_follows_the_configured_dialect(cli, monkeypatch) -> None:
    monkeypatch.setenv("LLMI_DIALECT", "python")
    assert "{'source'" in cli("prompt").out


def test_a_document_is_rendered_again_beside_itself_or_elsewhere(cli) -> None:
    cli("run", DRAFT, "--graph", "echo", "--format", "json", "--out", "o")
    assert cli("render", "o/document.json").out == "o/report.html\n"
    ended = cli("render", "o", "--out", "p", "--format", "md,json")
    assert sorted(ended.out.split()) == ["p/document.json", "p/report.md"]
    first, second = (json.loads(Path(f, "document.json").read_text()) for f in ("o", "p"))
    assert first == second


@pytest.mark.parametrize("damage", ["gone", "altered", "moved"])
def test_pictures_that_are_not_beside_the_document_are_taken_from_the_store(cli, damage) -> None:
    cli("run", DRAFT, "--graph", "echo", "--format", "html,json", "--out", "o")
    page = Path("o/report.html").read_text()
    assert "data:image/png" in page
    if damage == "moved":
        Path("p").mkdir()
        Path("o/document.json").rename("p/document.json")
    elif damage == "gone":
        Path("o/images/figure-1.png").unlink()
    else:
        Path("o/images/figure-1.png").write_bytes(b"\x89PNG\r\n\x1a\n other")
    folder = "p" if damage == "moved" else "o"
    ended = cli("render", folder, "--out", "q", "--format", "html,md")
    assert (ended.code, ended.err) == (0, "")
    assert Path("q/report.html").read_text() == page
    assert Path("q/images/figure-1.png").is_file()


def test_a_picture_that_is_nowhere_is_said(cli, own_home) -> None:
    cli("run", DRAFT, "--graph", "echo", "--format", "json", "--out", "o")
    Path("o/images/figure-1.png").unlink()
    for each in own_home.glob("**/artifacts/??/*"):
        each.write_bytes(b"\x89PNG\r\n\x1a\n other")
    ended = cli("render", "o/document.json", "--out", "q")
    assert (ended.code, ended.out) == (0, "q/report.html\n")
    (line,) = ended.err.splitlines()
    assert line.startswith("llmi: figure missing: Figure 1, ")
    assert "neither in o/images nor in" in line
    assert str(own_home) in line


@pytest.mark.parametrize("content", [None, "{}", "not json"])
def test_what_is_not_a_document_is_refused_in_a_sentence(cli, content: str | None) -> None:
    if content is not None:
        Path("d.json").write_text(content)
    ended = cli("render", "d.json")
    assert ended.code == 2
    assert len(ended.err.splitlines()) == 1
