"""`llmi traces export` and `llmi traces import`, as people use them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from llmi_agent.cli import main
from llmi_agent.records.events import Rewarded
from llmi_agent.records.journal import journal_beside
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel, slot
from llmi_agent.traces.rewarding import give
from llmi_graphs import build_graph


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs, one after the other."""
    root = tmp_path_factory.mktemp("home")
    graph = build_graph(
        model=ScriptedModel(script=["# Ships\n\n" + slot("search", "One", query="a")]),
        tools=[FakeTool("s", "search")],
        store=ArtifactStore(root / "artifacts"),
        secrets={},
    )
    for words in ("Ships of the port", "Ships again"):
        graph.invoke({"messages": [HumanMessage(words)]})
    return root


def test_from_one_home_to_another(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LLMI_HOME", str(home))
    out = tmp_path / "runs.parquet"
    capsys.readouterr()
    assert main(["traces", "export", "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert said.out == f"{out}\n"
    assert said.err.startswith("llmi: 2 runs read, 2 rows written, ")
    assert main(["traces", "import", str(out), "--into", str(tmp_path / "new")]) == 0
    assert capsys.readouterr().out.startswith(
        "2 new runs, 0 completed, 0 here already, 0 refused; "
    )
    assert (
        main(["traces", "import", str(out), str(home), "--into", str(tmp_path / "new"), "--json"])
        == 0
    )
    told = json.loads(capsys.readouterr().out)
    assert (told["new"], told["same"], told["refused"]) == (0, 4, 0)
    assert main(["traces", "ls", str(tmp_path / "new"), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 2


def test_only_what_is_named_or_chosen(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LLMI_HOME", str(home))
    assert (
        main(
            [
                "traces",
                "export",
                "--out",
                str(tmp_path / "a.jsonl"),
                "--text",
                "again",
                "--pictures",
                "none",
            ]
        )
        == 0
    )
    row = json.loads((tmp_path / "a.jsonl").read_bytes())
    assert row["prompt"] == "Ships again"
    assert [each.name for each in tmp_path.iterdir()] == ["a.jsonl"]
    arguments = [
        "traces",
        "export",
        row["episode"][:8],
        "--from",
        str(tmp_path),
        "--out",
        str(tmp_path / "b.jsonl"),
    ]
    assert main([*arguments, "--json"]) == 0
    capsys.readouterr()
    assert json.loads((tmp_path / "b.jsonl").read_bytes())["episode"] == row["episode"]
    assert (
        main(["traces", "export", "--out", str(tmp_path / "c.jsonl"), "--reward", "total>=0.5"])
        == 0
    )
    assert "0 runs read" in capsys.readouterr().err
    assert (tmp_path / "c.jsonl").read_bytes() == b""


def test_a_run_that_is_named_twice_is_written_once_and_is_not_chosen_besides(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LLMI_HOME", str(home))
    assert main(["traces", "ls", "--json"]) == 0
    episode = json.loads(capsys.readouterr().out)[0]["episode"]
    named = [episode[:12], episode[:16], episode]
    assert main(["traces", "export", *named, "--out", str(tmp_path / "a.jsonl")]) == 0
    assert len((tmp_path / "a.jsonl").read_bytes().splitlines()) == 1
    assert main(["traces", "verify", *named]) == 0
    assert "1 run checked" in capsys.readouterr().out
    for command in (["export", "--out", str(tmp_path / "b.jsonl")], ["verify"]):
        for options in (["--text", "again"], ["--limit", "1"], ["--reward", "none"]):
            assert main(["traces", *command, episode, *options]) == 2
            assert "either named or chosen" in capsys.readouterr().err
    assert not (tmp_path / "b.jsonl").exists()


def test_options_that_choose_do_not_change_what_a_draft_is_compared_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LLMI_HOME", str(tmp_path))
    store = ArtifactStore(tmp_path / "artifacts")
    graph = build_graph(
        model=ScriptedModel(script=["# A"]),
        tools=[FakeTool("s", "search")],
        store=store,
        secrets={},
    )
    for member in range(3):
        graph.invoke({"messages": [HumanMessage("Write.")], "group": "g", "member": member})
    for member, episode in enumerate(reversed(journal_beside(store).episodes())):
        give(journal_beside(store), episode, Rewarded(value=member / 2))
    out = tmp_path / "a.jsonl"
    for rule, label in (("total>=0.75", True), ("total<=0.25", False)):
        arguments = ["traces", "export", "--form", "kto", "--out", str(out), "--reward", rule]
        assert main(arguments) == 0
        assert json.loads(out.read_bytes())["label"] is label
    assert "left out" not in capsys.readouterr().err


def test_what_is_refused_is_named_and_the_exit_code_says_so(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LLMI_HOME", str(home))
    path = tmp_path / "a.jsonl"
    assert main(["traces", "export", "--out", str(path)]) == 0
    first, second = (json.loads(line) for line in path.read_bytes().splitlines())
    first["records"][3]["at"] = "soon"
    path.write_text(f"{json.dumps(first)}\n{json.dumps(second)}\n")
    capsys.readouterr()
    assert main(["traces", "import", str(path), "--into", str(tmp_path / "new")]) == 1
    said = capsys.readouterr()
    assert said.out.startswith("1 new run, 0 completed, 0 here already, 1 refused")
    assert first["episode"] in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["export", "--out", "a.csv"], "does not say its form by its ending"),
        (["export", "--out", "a.parquet", "--form", "jsonl"], "ending of another form"),
        (
            ["export", "--out", "a.jsonl", "--form", "atif", "--pictures", "inside"],
            "by their paths",
        ),
        (
            ["export", "--out", "a.jsonl", "--form", "kto", "--pairs", "best"],
            "pairs of runs are for the form dpo, not for kto",
        ),
        (["export", "--out", "a.jsonl", "--pairs", "all"], "for the form dpo, not for jsonl"),
        (["export", "nothing", "--out", "a.jsonl"], "there is no run 'nothing'"),
        (["export", "--out", "a.jsonl", "--from", "nowhere"], "there are no traces in nowhere"),
        (["import", "."], "there are no traces in ."),
    ],
)
def test_wrong_usage_is_one_sentence(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["traces", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not list(tmp_path.glob("a.*"))


def test_without_pyarrow_it_is_said_what_to_install(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    monkeypatch.setenv("LLMI_HOME", str(home))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert main(["traces", "export", "--out", str(tmp_path / "a.parquet")]) == 3
    assert "pip install 'llmi-agent[traces]'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    assert main(["traces", "export", "--out", str(tmp_path / "a.jsonl")]) == 0
    (tmp_path / "table.parquet").write_bytes(b"PAR1" + bytes(100) + b"\x10\0\0\0PAR1")
    arguments: list[Any] = ["traces", "import", str(tmp_path), "--into", str(tmp_path / "new")]
    assert main(arguments) == 0
