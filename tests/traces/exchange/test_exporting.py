"""Exports hold what they say, no secret, and no half file; what cannot go into one is counted."""

from __future__ import annotations

import asyncio
import json
import math
import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from langchain_core.messages import HumanMessage

from llmi_agent.base.errors import InputError, LlmiError
from llmi_agent.config.options import Options
from llmi_agent.contract.tool import Failed
from llmi_agent.records import arrays
from llmi_agent.records.events import Rewarded
from llmi_agent.records.journal import journal_beside
from llmi_agent.records.record import Record
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.attachments import attach_bytes
from llmi_agent.testing import FakeTool, ScriptedModel, slot
from llmi_agent.traces import Trace, traces
from llmi_agent.traces.exchange import lines, tables, training
from llmi_agent.traces.exchange.exporting import export
from llmi_agent.traces.exchange.form import COLUMNS, fitted
from llmi_agent.traces.rewarding import give
from llmi_graphs import build_graph

CANARY = b"canary-b1946ac92492d2347c6235b4d2611184"
WAYS = [
    ("jsonl", "a.jsonl"),
    ("parquet", "a.parquet"),
    ("atif", "a.jsonl"),
    ("atif", "folder"),
    *(
        (kind, f"a.{ending}")
        for kind in ("sft", "dpo", "kto", "llm-i")
        for ending in ("jsonl", "parquet")
    ),
]


def one(runs: Any, name: str) -> Trace:
    return next(each for each in traces(runs.root) if each.episode == runs.names[name])


def unpacked(folder: Path) -> Iterator[bytes]:
    """Every file as it is, and every value of Parquet."""
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.read_bytes()
            if path.suffix == ".parquet":
                yield repr(pq.read_table(path).to_pylist()).encode()


@pytest.fixture(scope="module")
def leaking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of runs in which everybody says a key: user, model, tools, files, and who is told of a failure."""
    root = tmp_path_factory.mktemp("leaking")
    key = CANARY.decode()
    store = ArtifactStore(root / "artifacts")
    drafts = [
        f"# Harbours {key}\n\nText {key}.\n\n{slot('search', key, query=key)}\n\n{slot('edit', 'E', img_index=0, prompt=key)}",
        "# Harbours\n\n" + slot("search", "Plain", query="harbour") + "\n\nEnd.",
        "# Harbours, again\n\n" + slot("search", "Plain", query="quay") + "\n\nEnd.",
    ]
    failing = [Failed("crashed", f"Authorization: Bearer {key}"), Failed("quota", key)]

    async def write() -> None:
        for member, draft in enumerate(drafts):
            graph = build_graph(
                model=ScriptedModel(script=[draft, slot("search", key, query=key), "SKIP"]),
                tools=[FakeTool("s", "search", [*failing]), FakeTool("e", "edit")],
                store=store,
                secrets={"CANARY_API_KEY": key},
                options=Options(retry_wait=0.0),
            )
            table = attach_bytes(store, "a.csv", b"year,ships\n2020,4\n")
            asked = {"attachments": [vars(table)], "group": "g", "member": member}
            await graph.ainvoke({"messages": [HumanMessage(f"Write, with {key}")], **asked})

    asyncio.run(write())
    for number, each in enumerate(traces(root)):
        give(journal_beside(store), each.episode, Rewarded(value=float(number)))
    return root


@pytest.mark.parametrize(("kind", "name"), WAYS)
def test_no_key_is_in_any_export(
    leaking: Path, runs: Any, tmp_path: Path, kind: str, name: str
) -> None:
    done = export(traces([leaking, runs.root]), tmp_path / name, kind)
    assert done.rows
    assert done.unreadable == 0
    found = list(unpacked(tmp_path))
    assert any(b"Harbours" in each or kind == "llm-i" for each in found)
    assert any(b"[secret]" in each for each in found)
    assert not [each for each in found if CANARY in each]
    if kind == "sft":
        assert done.left_out["an answer that held a secret"] >= 1


def test_a_row_has_the_columns_of_its_form_and_what_the_trace_says(
    runs: Any, tmp_path: Path
) -> None:
    export(traces(runs.root), tmp_path / "a.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_bytes().splitlines()]
    for row, trace in zip(rows, traces(runs.root), strict=True):
        assert list(row) == list(COLUMNS)
        assert all(fitted(row[name], form) == row[name] for name, form in COLUMNS.items())
        assert (row["state"], row["prompt"], row["draft"]) == (
            trace.state,
            trace.prompt,
            trace.draft,
        )
        assert [c["call"] for c in row["calls"]] == [c.call for c in trace.calls]
        assert [c["raw"] for c in row["calls"]] == [c.raw for c in trace.calls]
        assert [(s["start"], s["end"]) for s in row["slots"]] == [s.span for s in trace.slots]
        assert [s["blame"] for s in row["slots"]] == [s.blame for s in trace.slots]
        assert [len(s["attempts"]) for s in row["slots"]] == [len(s.attempts) for s in trace.slots]
        assert row["usd"] == trace.costs.usd
        document = trace.document()
        assert (row["markdown"] is None) == (document is None)
        for figure in document.figures if document else ():
            assert figure.digest in (row["markdown"] or "")
    rewarded = next(row for row in rows if row["episode"] == runs.names["member 2"])
    assert rewarded["reward"] == 0.75
    assert len(rewarded["rewards"]) == 4


def test_the_schema_of_parquet_is_the_form(runs: Any, tmp_path: Path) -> None:
    export(traces(runs.root), tmp_path / "a.parquet")
    schema = pq.read_schema(tmp_path / "a.parquet")
    assert schema.names == list(COLUMNS)
    assert schema.metadata == {b"llmi-trace": b"1"}
    assert set(pq.read_table(tmp_path / "a.parquet")["schema"].to_pylist()) == {"llmi-trace/1"}


def odd(trace: Trace, logprobs: tuple[float, ...]) -> Trace:
    """With other logprobs."""
    records = [
        replace(each, tokens=arrays.pack(replace(arrays.unpack(each.tokens), logprobs=logprobs)))
        if each.tokens
        else each
        for each in trace.records
    ]
    return Trace(trace.episode, lambda: records, trace.pictures)


def test_logprobs_that_json_has_no_word_for(runs: Any, tmp_path: Path) -> None:
    trace = one(runs, "tokens")
    count = len(next(c.tokens for c in trace.calls if c.tokens).completion)
    given = (-math.inf, math.nan, math.inf, *[-0.5] * (count - 3))
    export([odd(trace, given)], tmp_path / "a.jsonl")
    line = (tmp_path / "a.jsonl").read_bytes()
    assert b'"logprobs":[-1e999,null,1e999,-0.5' in line
    (back,) = traces(tmp_path / "a.jsonl")
    tokens = next(c.tokens for c in back.calls if c.tokens)
    assert tokens.logprobs is not None
    assert [*map(repr, tokens.logprobs)] == [*map(repr, given)]
    export([odd(trace, given)], tmp_path / "b.jsonl", "atif")
    (step,) = [
        s for s in json.loads((tmp_path / "b.jsonl").read_bytes())["steps"] if s.get("metrics")
    ]
    assert "logprobs" not in step["metrics"]
    assert step["metrics"]["extra"]["logprobs_not_finite"]


def broken(runs: Any) -> list[Trace]:
    """A good one, one that is damaged, one that a later LLMI wrote, another good one."""
    good = one(runs, "good")
    damaged = Trace("damaged", lambda: [Record("opened", "", "{}", 1.0)])
    later = Trace("later", lambda: [replace(good.records[0], schema=99)])
    return [good, damaged, later, one(runs, "failed")]


@pytest.mark.parametrize(("kind", "name"), WAYS)
def test_what_cannot_be_read_is_named_and_the_others_are_there(
    runs: Any, tmp_path: Path, kind: str, name: str
) -> None:
    done = export(broken(runs), tmp_path / name, kind)
    assert (done.episodes, done.unreadable) == (4, 2)
    assert [episode for episode, _ in done.named] == ["damaged", "later"]
    assert "later LLMI" in done.named[1][1]
    if kind in ("jsonl", "parquet", "atif"):
        assert done.rows == 2


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.parquet"])
def test_a_file_appears_whole_or_not_at_all(runs: Any, tmp_path: Path, name: str) -> None:
    def failing() -> Iterator[Trace]:
        yield one(runs, "failed")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(failing(), tmp_path / name, pictures="none")
    assert not list(tmp_path.iterdir())
    export([one(runs, "failed")], tmp_path / name, pictures="none")
    before = (tmp_path / name).read_bytes()
    with pytest.raises(KeyboardInterrupt):
        export(failing(), tmp_path / name, pictures="none")
    assert [each.name for each in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == before


@pytest.mark.parametrize("name", ["a.jsonl", "atif"])
def test_what_a_killed_export_left_goes_with_the_next_one(
    runs: Any, tmp_path: Path, name: str
) -> None:
    out = tmp_path / name
    folder = out if name == "atif" else tmp_path
    folder.mkdir(exist_ok=True)
    own = "0123abcd.json" if name == "atif" else name
    left, going, other = (
        folder / each for each in (f".{own}.0a1b2c3d.new", f".{own}.0a1b2c3e.new", ".other.new")
    )
    for each in (left, going, other):
        each.write_bytes(b"half")
    for each in (left, other):
        os.utime(each, (1e9, 1e9))
    export(islice(traces(runs.root), 1), out, "atif" if name == "atif" else None, pictures="none")
    assert not left.exists()
    assert going.exists(), "it may be written to at this moment"
    assert other.exists()


def test_a_place_that_cannot_be_written_is_said(runs: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(LlmiError, match="cannot write"):
        export(traces(runs.root), tmp_path / "file" / "a.jsonl")
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        export(traces(runs.root), tmp_path / "folder.jsonl", pictures="none")


def test_pictures_that_are_gone_or_altered_are_counted(runs: Any, tmp_path: Path) -> None:
    home = runs.copy(tmp_path / "home")
    trace = next(each for each in traces(home.root) if each.episode == home.names["failed"])
    made = [p.digest for a in trace.attempts for p in a.pictures]
    good = next(each for each in traces(home.root) if each.episode == home.names["good"])
    digests = sorted({p.digest for a in good.attempts for p in a.pictures} - {*made})
    home.store.path(digests[0]).write_bytes(b"altered")
    home.store.path(digests[1]).unlink()
    for name, how in (("a.jsonl", "beside"), ("b.jsonl", "inside")):
        done = export([good], tmp_path / name, pictures=how)  # type: ignore[arg-type]
        assert done.absent == 2
        row = json.loads((tmp_path / name).read_bytes())
        gone = [each["digest"] for each in row["pictures"] if each["image"] is None]
        assert sorted(gone) == digests[:2]


def test_a_line_that_nobody_would_read_is_not_written(
    runs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "MOST_LINE", 30_000)
    done = export(
        [one(runs, "failed"), one(runs, "long prompt")], tmp_path / "a.jsonl", pictures="none"
    )
    assert (done.rows, done.unreadable) == (1, 1)
    assert done.named[0][0] == runs.names["long prompt"]


def test_rows_are_written_in_groups_of_bounded_size(
    runs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "AT_ONCE", 4)
    export(traces(runs.root), tmp_path / "a.parquet", pictures="none")
    about = pq.read_metadata(tmp_path / "a.parquet")
    sizes = [about.row_group(n).num_rows for n in range(about.num_row_groups)]
    assert max(sizes) == 4
    assert sum(sizes) == len(list(traces(runs.root)))
    assert [each.episode for each in traces(tmp_path / "a.parquet")] == [
        each.episode for each in traces(runs.root)
    ]


def test_half_of_a_surrogate_pair_hinders_no_row(tmp_path: Path) -> None:
    half = {"prompt": "a\ud800b", "data_source": "x"}
    assert json.loads(lines.line_of(half))["prompt"] == "a?b"
    columns = training.columns("llm-i", tokens=False, images=False)
    schema = tables.schema_of(
        {"data_source": columns["data_source"], "prompt": "text"}, "x", 1, images=False
    )
    with tables.rows_to(tmp_path / "a.parquet", schema) as rows:
        rows.write(half)
    assert pq.read_table(tmp_path / "a.parquet").to_pylist()[0]["prompt"] == "a?b"
