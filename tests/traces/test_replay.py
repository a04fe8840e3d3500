"""A document is written again from its record alone, file by file as its run wrote it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.base.errors import InputError
from llmi_agent.config.options import Options
from llmi_agent.contract.tool import Failed, ToolRetry
from llmi_agent.records.journal import journal_beside
from llmi_agent.runner.job import Job
from llmi_agent.runner.runner import Runner
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.attachments import attach_bytes
from llmi_agent.testing import FakeTool, ScriptedModel, slot
from llmi_agent.traces.choosing import one
from llmi_agent.traces.places import InJournal
from llmi_agent.traces.replay import document_of, replay
from llmi_agent.traces.trace import Trace
from llmi_agent.traces.verify import verify
from llmi_graphs import build_graph

FORMATS = ("html", "md", "json")
SEARCH, EDIT = slot("search", "One", query="a"), slot("edit", "Two", img_index=0, prompt="crop")
DRAFTS = {
    "plain": f"# T\n\nA.\n\n{SEARCH}\n\nB.\n\n{EDIT}\n\nC.",
    "in a table": f"# T\n\n| a | b |\n|---|---|\n| {SEARCH} | x |\n| y | {EDIT} |\n\nEnd.",
    "thought, unread, in a line": f"<think>{SEARCH}</think># T <b>x</b>\n\nIn {SEARCH} line, <imgen>{{no}}</imgen>.\n\n{EDIT}",
    "no slots": "# T\n\nOnly words, and no place for a picture.",
}


def never(*args: Any, **kwargs: Any) -> Any:
    raise AssertionError("a replay asks nobody")


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        str(each.relative_to(folder)): each.read_bytes()
        for each in folder.rglob("*")
        if each.is_file()
    }


@pytest.mark.parametrize("draft", DRAFTS.values(), ids=DRAFTS)
async def test_every_file_is_the_one_that_the_run_wrote(
    store: ArtifactStore, draft: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = build_graph(
        model=ScriptedModel(script=[draft, "SKIP"]),
        tools=[
            FakeTool("s", "search", [ToolRetry("vague"), FakeTool("s", "search").picture], usd=0.1),
            FakeTool("e", "edit", [Failed("unreachable", "gone"), FakeTool("e", "edit").picture]),
        ],
        store=store,
        secrets={},
        options=Options(retry_wait=0.0),
    )
    files = (attach_bytes(store, "a.csv", b"a,b\n1,2\n"),)
    job = Job("Write.", files, tmp_path / "first", FORMATS)
    written = await Runner(graph, store).write(job)
    monkeypatch.setattr(FakeTool, "run", never)
    monkeypatch.setattr(ScriptedModel, "_astream", never)
    monkeypatch.setattr("llmi_agent.draft.parse", never)
    trace = one(store.root, written.episode)
    again = await asyncio.to_thread(replay, trace, store, tmp_path / "again", FORMATS)
    assert again.document == written.document
    assert again.gone == ()
    assert files_in(tmp_path / "again") == files_in(tmp_path / "first")
    assert list(verify(trace, store)) == []


def trace_of(home: Any, name: str) -> Trace:
    return one(InJournal(journal_beside(home.store), home.store), home.names[name])


def test_every_kind_of_run_that_has_a_document_is_written_again(runs: Any, tmp_path: Path) -> None:
    for name in runs.names:
        trace = trace_of(runs, name)
        if trace.state == "done":
            written = replay(trace, runs.store, tmp_path / name, FORMATS)
            assert [each.name for each in written.files] == [
                "report.html",
                "report.md",
                "document.json",
            ]
            assert written.document == trace.document()


def test_a_picture_that_is_gone_is_said(runs: Any, tmp_path: Path) -> None:
    home = runs.copy(tmp_path / "home")
    trace = trace_of(home, "good")
    first = document_of(trace).figures[0]
    home.store.path(first.digest).unlink()
    written = replay(trace, home.store, tmp_path / "out", FORMATS)
    assert [each.number for each in written.gone] == [1]
    assert not (tmp_path / "out" / "images" / "figure-1.png").exists()
    assert "The picture is missing" in (tmp_path / "out" / "report.html").read_text()
    assert len(replay(trace, None, tmp_path / "none", ("html",)).gone) == 2


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "halted",
            "has no document to write again: it ended without one: the model Broken failed.*its draft is not complete",
        ),
        (
            "cut",
            "it is going on, or was cut with its process; its draft is complete, and 0 of 1 figures are settled",
        ),
    ],
)
def test_a_run_without_a_document_says_so(runs: Any, name: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        replay(trace_of(runs, name), runs.store, tmp_path / "out", FORMATS)
    assert not (tmp_path / "out").exists()
