"""Places of traces: journals, homes and exported files in any mix; what nobody can mean is said."""

from __future__ import annotations

import json
import sqlite3
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from llmi_agent.base.errors import InputError, LlmiError
from llmi_agent.records.journal import Journal, journal_beside, store_beside
from llmi_agent.store.artifacts import ArtifactStore, MemoryStore
from llmi_agent.testing import FakeTool, ScriptedModel, slot
from llmi_agent.traces import places, traces
from llmi_agent.traces.exchange.exporting import export
from llmi_agent.traces.verify import verify
from llmi_graphs import build_graph


def ids(place: Any) -> list[str]:
    return [trace.episode for trace in traces(place)]


def test_all_are_read_alike_in_any_mix_and_each_episode_once(runs: Any, tmp_path: Path) -> None:
    known = ids(runs.root)
    half = len(known) // 2
    folder = tmp_path / "folder"
    export(islice(traces(runs.root), half), folder / "a.jsonl.zst")
    export(
        islice(traces(runs.root), half - 2, None),
        folder / "deeper" / "b.parquet",
        pictures="inside",
    )
    (folder / "notes.txt").write_text("not ours")
    (folder / "table.jsonl").write_text('{"question": "not ours either"}\n')
    export(traces(runs.root), folder / "c.jsonl", "sft")
    assert sorted(ids(folder)) == sorted(known)  # those that are found twice come last
    assert sorted(ids([folder / "a.jsonl.zst", str(folder), runs.root])) == sorted(known)
    journal = journal_beside(runs.store)
    for place in (journal, journal.path, runs.root, runs.store.root, [journal]):
        assert ids(place) == known
    by_id = attrgetter("episode")
    found, original = (sorted(traces(each), key=by_id) for each in (folder, runs.root))
    for one, other in zip(found, original, strict=True):
        assert (one.records, one.document()) == (other.records, other.document())
        for digest in [p.digest for a in one.attempts for p in a.pictures]:
            assert one.pictures is not None
            assert one.pictures.read(digest) == runs.store.read(digest)


def test_a_file_is_streamed(runs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export(traces(runs.root), tmp_path / "a.jsonl")
    read: list[int] = []
    original = places.trace_of

    def counted(*args: Any) -> Any:
        read.append(1)
        return original(*args)

    monkeypatch.setattr(places, "trace_of", counted)
    next(traces(tmp_path / "a.jsonl"))
    assert len(read) == 1


def test_files_as_other_programs_write_them(runs: Any, tmp_path: Path) -> None:
    """A byte order mark, the ends of lines of Windows, blank lines, no end of the last line, other spaces and order."""
    export(traces(runs.root), tmp_path / "a.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_bytes().splitlines()]
    turned = [dict(reversed(row.items())) for row in rows]
    text = "\r\n\r\n".join(json.dumps(row) for row in turned)
    (tmp_path / "b.jsonl").write_bytes(b"\xef\xbb\xbf" + text.encode())
    for one, other in zip(traces(tmp_path / "b.jsonl"), traces(runs.root), strict=True):
        assert one.records == other.records


def written_by_pandas(source: Path, to: Path) -> None:
    import pandas as pd

    pd.read_parquet(source).to_parquet(to)


def written_by_arrow(source: Path, to: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(source).replace_schema_metadata(None)
    table = table.append_column("note", pa.array(["mine"] * table.num_rows))
    table = table.set_column(0, "schema", table["schema"].dictionary_encode())
    large = [
        pa.field(f.name, pa.large_string() if f.type == pa.string() else f.type)
        for f in table.schema
    ]
    pq.write_table(table.cast(pa.schema(large)), to, row_group_size=3)


def written_by_datasets(source: Path, to: Path) -> None:
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    read = datasets.load_dataset(
        "parquet", data_files=str(source), cache_dir=str(to.parent / "cache"), split="train"
    )
    read.to_parquet(to)


@pytest.mark.parametrize("rewrite", [written_by_pandas, written_by_arrow, written_by_datasets])
def test_parquet_that_another_program_has_written_again(
    runs: Any, tmp_path: Path, rewrite: Any
) -> None:
    export(traces(runs.root), tmp_path / "a.parquet", pictures="inside")
    rewrite(tmp_path / "a.parquet", tmp_path / "b.parquet")
    for one, other in zip(traces(tmp_path / "b.parquet"), traces(runs.root), strict=True):
        assert one.episode == other.episode
        assert one.records == other.records
        for digest in [p.digest for a in one.attempts for p in a.pictures]:
            assert one.pictures is not None
            assert one.pictures.read(digest) == runs.store.read(digest)
        assert [f for f in verify(one) if f.record == "row"] == []


@pytest.mark.parametrize("line", [b'{"schema":"llmi-trace/1",', b"[1]", b"{}", b"\xff\xfe"])
def test_a_first_line_that_is_damaged_does_not_hide_the_others(
    runs: Any, tmp_path: Path, line: bytes
) -> None:
    path = tmp_path / "a.jsonl"
    export(islice(traces(runs.root), 2), path)
    path.write_bytes(line + b"\n" + path.read_bytes())
    for place in (path, tmp_path):
        first, *others = traces(place)
        assert [each.episode for each in others] == ids(runs.root)[:2]
        with pytest.raises(InputError, match=r"line 1 of .*a\.jsonl"):
            first.records  # noqa: B018


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.jsonl", b"", "it is empty"),
        ("a.jsonl", b"\n\n", "it is empty"),
        ("a.jsonl", b"question,answer\n1,2\n", "line 1: it is no JSON"),
        ("a.jsonl", b'{"messages": [], "answer": 1}\n', "its columns are messages, answer"),
        ("a.json", b'[{"episode": "x"}]', "it is no JSON object"),
        ("a.parquet", b"PAR1 nothing", "a.parquet cannot be read"),
        ("a.db", b"SQLite format 3\0 nothing", "a.db"),
        ("a.jsonl.gz", b"\x1f\x8b\x08\x00 nothing", "a.jsonl.gz"),
        ("a.jsonl.zst", b"\x28\xb5\x2f\xfd nothing", "a.jsonl.zst"),
    ],
)
def test_a_file_without_traces_is_said(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError) as error:
        ids(tmp_path / name)
    assert said in str(error.value)
    assert name in str(error.value)


def test_parquet_of_others_is_said(tmp_path: Path) -> None:
    import pandas as pd

    pd.DataFrame({"prompt": ["x"], "records": ["y"]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputError, match="its columns are prompt, records"):
        ids(tmp_path / "a.parquet")
    with pytest.raises(InputError, match="there are no traces in"):
        ids(tmp_path)


def test_somebody_elses_database_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "places.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE records (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(InputError, match="no journal of LLMI"):
        ids(path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["places.sqlite"]


def test_a_database_that_is_damaged_in_its_own_words_is_said(runs: Any, tmp_path: Path) -> None:
    """SQLite quotes what it cannot read, and that is no text."""
    home = runs.copy(tmp_path / "home")
    journal = journal_beside(home.store)
    list(journal.overviews())
    journal.close()
    path = journal.path
    data = path.read_bytes()
    path.write_bytes(data.replace(b"AFTER INSERT ON records", b"AFTER INS\xb1RT ON records", 1))
    assert path.read_bytes() != data
    for place in (path, home.root, journal):
        with pytest.raises(LlmiError, match="journal"):
            ids(place)


def test_a_place_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there are no traces in"):
        ids(tmp_path / "nothing")
    with pytest.raises(InputError, match="there are no traces in"):
        ids(tmp_path)


def test_a_folder_that_nobody_can_mean_is_given_up_on(
    runs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(traces(runs.root), tmp_path / "a" / "a.jsonl", pictures="none")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    assert len(ids(tmp_path)) == len(ids(runs.root))
    for number in range(30):
        (tmp_path / f"file{number}").touch()
    monkeypatch.setattr(places, "MOST_ENTRIES", 20)
    with pytest.raises(InputError, match="more than 20 files and folders"):
        ids(tmp_path)
    deep = tmp_path.joinpath("x", *"abcdefgh")
    deep.mkdir(parents=True)
    (deep / "a.jsonl").write_bytes((tmp_path / "a" / "a.jsonl").read_bytes())
    with pytest.raises(InputError, match="there are no traces in"):
        ids(tmp_path / "x")


@pytest.mark.parametrize("memory", [False, True])
async def test_a_journal_brings_the_pictures_of_its_store(tmp_path: Path, memory: bool) -> None:
    store = MemoryStore() if memory else ArtifactStore(tmp_path)
    graph = build_graph(
        model=ScriptedModel(script=[slot("search", "A fox", query="fox")]),
        tools=[FakeTool("s", "search")],
        store=store,
        secrets={},
    )
    await graph.ainvoke({"messages": [HumanMessage("A fox")]})
    (trace,) = traces(journal_beside(store))
    document = trace.document()
    assert document
    assert trace.pictures
    assert trace.pictures.read(document.figures[0].digest)
    assert store_beside(Journal.in_memory()) is None
