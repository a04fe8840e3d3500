"""Documentation is checked: what it shows runs, what exists is documented, what it links to exists."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from contextlib import closing
from pathlib import Path

import click
import pytest

from llmi_agent.cli import llmi
from llmi_agent.config.options import Options
from llmi_agent.contract import Demand
from llmi_agent.records.database import connect
from llmi_agent.runner.prompt_line import KEYS, line_of

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "plugins/*/README.md", "examples/**/*.md")
    for path in ROOT.glob(pattern)
)


def snippets(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_readmes_python_runs_as_it_stands() -> None:
    (snippet,) = snippets(README, "python")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", snippet],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr == ""
    assert re.fullmatch(r"Four years of weather in Seattle.* \d+ figures\n", done.stdout)


def test_the_embedding_pages_main_snippet_runs_as_it_stands(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "embedding.md").read_text(encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", snippets(page, "python")[0]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr == ""
    assert re.fullmatch(r".*rain.* \d\n", done.stdout)


def test_the_embedding_pages_runner_writes_files_and_says_what_failed(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "embedding.md").read_text(encoding="utf-8")
    first, second, *_ = snippets(page, "python")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", first + second],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr == ""
    report, failure = done.stdout.splitlines()[-2:]
    assert (tmp_path / report).is_file()
    assert failure.startswith("snow.csv cannot be read")


def test_the_readmes_settings_are_settings() -> None:
    (snippet,) = snippets(README, "toml")
    settings = tomllib.loads(snippet)
    assert Options(**settings["options"]).repairs == 2
    assert set(settings) == {"model", "use", "options", "tools"}


def test_every_command_and_option_is_in_the_readme() -> None:
    context = click.Context(llmi)
    for name in llmi.list_commands(context):
        assert f"`llmi {name}" in README
    run = llmi.get_command(context, "run")
    assert run is not None
    for parameter in run.params:
        if isinstance(parameter, click.Option) and parameter.name != "help":
            assert parameter.opts[0] in README, parameter.opts


def test_every_key_of_a_line_of_a_batch_is_in_the_readme() -> None:
    (line,) = re.findall(r"Each line of `prompts.jsonl` is `(.*)`", README)
    assert tuple(sorted(json.loads(line))) == tuple(sorted(KEYS))
    assert line_of(json.loads(line)).demand == Demand(2, ("code",))


def test_every_option_is_a_variable_in_the_readme() -> None:
    for field in Options.model_fields:
        assert f"`LLMI_{field.upper()}`" in README


@pytest.mark.parametrize("path", PAGES, ids=ids)
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if not re.match(r"[a-z]+:", target):
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", PAGES, ids=ids)
def test_python_snippets_compile(path: Path) -> None:
    for snippet in snippets(path.read_text(encoding="utf-8"), "python"):
        compile(snippet, str(path), "exec")


def test_no_file_names_this_machine_or_a_package_registry() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    words = ("/work/" + "main", "pypi" + ".org", "registry" + ".npmjs", "deb" + ".debian")
    for name in filter(None, listed.stdout.split("\0")):
        data = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b""
        for word in words:
            assert word.encode() not in data, f"{name}: {word}"


def test_every_hook_is_documented_with_its_signature() -> None:
    import inspect

    from llmi_agent.contract.hooks import Hooks

    guide = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    for name, hook in vars(Hooks).items():
        if name.startswith("llmi_"):
            arguments = ", ".join(list(inspect.signature(hook).parameters)[1:])
            assert f"`{name}({arguments})`" in guide


def test_every_field_of_a_spec_and_every_test_helper_is_documented() -> None:
    from dataclasses import fields

    from llmi_agent import testing
    from llmi_agent.contract.policy import PolicySpec
    from llmi_agent.contract.spec import ToolSpec
    from llmi_agent.contract.tool import REASONS

    guide = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    public = [
        name
        for name, value in vars(testing).items()
        if not name.startswith("_") and getattr(value, "__module__", "") == testing.__name__
    ]
    specs = [field.name for each in (ToolSpec, PolicySpec) for field in fields(each)]
    for name in [*specs, *REASONS, *public]:
        assert f"`{name}`" in guide, name


def test_the_guide_shows_the_example_as_it_is() -> None:
    guide = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    for name in ("llmi_palette.py", "pyproject.toml"):
        assert (ROOT / "examples" / "write_a_tool" / name).read_text(encoding="utf-8") in guide


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (
            "embed_in_an_agent.py",
            "as a tool: I wrote “The harbour at night”, 2 figures.\nas a node: ",
        ),
        ("quickstart.py", "slot 0: kept"),
    ],
)
def test_the_examples_run(script: str, words: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "examples" / script)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr == ""
    assert words in done.stdout


def test_the_page_on_events_names_the_columns_of_the_file(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "journal.db")) as file:
        columns = [row[1] for row in file.execute("PRAGMA table_info(records)")]
    page = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    table = page.split("| column |")[1].split("\n\n")[0]
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == columns
