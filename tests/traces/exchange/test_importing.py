"""What comes from elsewhere is merged, or refused by name; nothing of it is trusted."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from llmi_agent.base.errors import InputError, ResourceError
from llmi_agent.records.codec import entry_again, entry_of
from llmi_agent.records.events import CallEnded
from llmi_agent.records.journal import Journal, journal_beside
from llmi_agent.records.outcome import Finished
from llmi_agent.records.record import Record
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import random_png
from llmi_agent.traces import traces
from llmi_agent.traces.exchange import importing, lines, tables
from llmi_agent.traces.exchange.exporting import export
from llmi_agent.traces.exchange.form import COLUMNS
from llmi_agent.traces.exchange.importing import Imported, import_traces
from llmi_agent.traces.exchange.merging import merged

AT = 1e9
OPENED = Record("opened", "", '{"prompt":"p"}', AT)


def own(number: int, word: str = "why") -> Record:
    return Record("halted", "", json.dumps({"message": word}), AT + number)


def reward(number: float, value: float = 1.0) -> Record:
    return Record(
        "rewarded", "total", json.dumps({"component": "total", "value": value}), AT + number
    )


def keep(store: ArtifactStore, records: Sequence[Record], episode: str = "e") -> None:
    journal = journal_beside(store)
    journal.adopt(episode, list(map(entry_again, records)), keep=0, of=len(journal.read(episode)))


def taken(
    tmp_path: Path, ours: Sequence[Record], theirs: Sequence[Record]
) -> tuple[Imported, list[Record]]:
    """What becomes of ours when theirs are imported."""
    here, there = ArtifactStore(tmp_path / "here"), ArtifactStore(tmp_path / "there")
    if ours:
        keep(here, ours)
    keep(there, theirs)
    done = import_traces(there.root, here)
    return done, journal_beside(here).read("e")


def test_the_same_twice_is_one(tmp_path: Path) -> None:
    done, now = taken(tmp_path, [OPENED, own(1)], [OPENED, own(1)])
    assert (done.same, done.new, done.completed, done.refused) == (1, 0, 0, 0)
    assert now == [OPENED, own(1)]


def test_one_that_went_on_is_completed_and_one_that_lags_behind_changes_nothing(
    tmp_path: Path,
) -> None:
    done, now = taken(tmp_path / "a", [OPENED], [OPENED, own(1), own(2)])
    assert (done.completed, now) == (1, [OPENED, own(1), own(2)])
    done, now = taken(tmp_path / "b", [OPENED, own(1)], [OPENED])
    assert (done.same, now) == (1, [OPENED, own(1)])


def test_rewards_come_together_each_where_it_was_given(tmp_path: Path) -> None:
    done, now = taken(
        tmp_path / "a", [OPENED, own(1), reward(5)], [OPENED, own(1), reward(4), reward(6)]
    )
    assert (done.completed, now) == (1, [OPENED, own(1), reward(4), reward(5), reward(6)])
    (overview,) = journal_beside(ArtifactStore(tmp_path / "a" / "here")).overviews()
    assert overview.reward == 1.0
    done, now = taken(tmp_path / "b", [OPENED, own(1)], [OPENED, reward(0.5, 9.0), own(1)])
    assert now == [OPENED, reward(0.5, 9.0), own(1)]
    (trace,) = traces(tmp_path / "b" / "here")
    assert [each.current for each in trace.rewards] == [False]


def test_a_contradiction_is_refused_by_name_and_the_others_are_taken(tmp_path: Path) -> None:
    here, there = ArtifactStore(tmp_path / "here"), ArtifactStore(tmp_path / "there")
    keep(here, [OPENED, own(1)])
    keep(there, [OPENED, own(1, "another")])
    keep(there, [OPENED], "f")
    done = import_traces(there.root, here)
    assert (done.refused, done.new) == (1, 1)
    ((episode, why),) = done.named
    assert episode == "e"
    assert "they differ in record 2 of 2" in why
    assert journal_beside(here).read("e") == [OPENED, own(1)]


accounts = st.lists(
    st.tuples(st.sampled_from(["own", "reward"]), st.integers(0, 3)), max_size=8
).map(lambda steps: [OPENED, *_numbered(steps)])


def _numbered(steps: list[tuple[str, int]]) -> list[Record]:
    found, number = [], 0
    for kind, value in steps:
        if kind == "own":
            number += 1
            found.append(own(number))
        else:
            found.append(reward(number + value / 7, value))
    return found


@given(accounts, accounts, accounts)
def test_it_makes_no_difference_who_is_merged_into_whom(
    a: list[Record], b: list[Record], c: list[Record]
) -> None:
    assert merged(a, b) == merged(b, a)
    assert merged(merged(a, b), c) == merged(a, merged(b, c))
    assert merged(merged(a, b), b) == merged(a, b)
    assert {*merged(a, b)} == {*a, *b}


def test_a_result_that_comes_along_is_reused_by_no_run(tmp_path: Path) -> None:
    here, there = ArtifactStore(tmp_path / "here"), ArtifactStore(tmp_path / "there")
    event = CallEnded(
        call="c", slot=0, attempt=0, tool="t", outcome=Finished(candidates=()), reuse="t:x"
    )
    journal_beside(there).write("e", entry_again(OPENED), entry_of(event))
    assert journal_beside(there).reusables() == ["t:x"]
    export(traces(there.root), tmp_path / "a.jsonl")
    for place in (there.root, tmp_path / "a.jsonl"):
        assert import_traces(place, here, unchecked=True).refused == 0
        assert not journal_beside(here).reusables()
    assert journal_beside(here).read("e") == journal_beside(there).read("e")


def test_an_episode_that_goes_on_here_is_not_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "PATIENCE", 0.1)
    here = ArtifactStore(tmp_path / "here")
    keep(here, [OPENED])
    with journal_beside(here).hold("e"):
        done, now = taken(tmp_path, (), [OPENED, own(1)])
    assert (done.refused, now) == (1, [OPENED])
    assert "still going on" in done.named[0][1]


def test_an_episode_that_is_held_for_a_while_is_waited_for(tmp_path: Path) -> None:
    """As by another import of the same."""
    here = ArtifactStore(tmp_path / "here")
    keep(here, [OPENED])
    held, waited = threading.Event(), threading.Event()

    def hold() -> None:
        with journal_beside(here).hold("e"):
            held.set()
            waited.wait(0.3)

    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    done, now = taken(tmp_path, (), [OPENED, own(1)])
    other.join()
    assert (done.refused, done.completed, now) == (0, 1, [OPENED, own(1)])


def altered(records: list[dict[str, Any]], kind: str, **fields: Any) -> list[dict[str, Any]]:
    """With these fields in the first record of a kind."""
    found = [dict(each) for each in records]
    first = next(each for each in found if each["kind"] == kind)
    first["data"] = json.dumps({**json.loads(first["data"]), **fields})
    return found


def test_what_verify_finds_an_error_in_is_refused_with_it(runs: Any, tmp_path: Path) -> None:
    path, row = exported(runs, tmp_path)
    first, *rest = row["records"]

    def why(**changed: Any) -> str:
        return refusal(path, {**row, **changed}, tmp_path)

    given = {"component": "total", "value": float("inf")}
    infinite = {**rest[-1], "kind": "rewarded", "key": "total", "data": json.dumps(given)}
    assert "rewarded total: its value is inf" in why(records=[*row["records"], infinite])
    assert "never started" in why(records=[first, *reversed(rest)])
    said = "".join(json.loads(e["data"])["text"] for e in rest if e["kind"] == "model_text")
    shouted = altered(row["records"], "model_text", text=said.upper())
    assert ": " in why(records=shouted)
    other = altered(row["records"], "opened", prompt="Of whales.")
    assert "and the run began with 'Of whales.'" in why(records=other)
    (ended,) = [each for each in row["calls"] if each["purpose"] == "draft"]
    sampled = {**ended, "completion_ids": [1, 2, 3], "logprobs": [0.5]}
    assert "there are 1 logprobs of 3 tokens" in why(calls=[sampled])
    path.write_text(json.dumps({**row, "calls": [sampled]}) + "\n")
    into = ArtifactStore(tmp_path / "home" / "artifacts")
    assert import_traces(path, into, unchecked=True).new == 1


def test_a_folder_that_a_run_from_elsewhere_names_is_not_looked_into(
    runs: Any, tmp_path: Path
) -> None:
    """It is on another machine; here something else may lie there."""
    path, row = exported(runs, tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.json").write_text("{}")
    (tmp_path / "out" / "document.json").write_text("{}")
    ordered = {**row["records"][-1], "kind": "ordered", "key": ""}
    ordered["data"] = json.dumps({"order": {"out": str(tmp_path / "out")}})
    path.write_text(json.dumps({**row, "records": [*row["records"], ordered]}) + "\n")
    done = import_traces(path, ArtifactStore(tmp_path / "home" / "artifacts"))
    assert (done.new, done.named) == (1, [])


def test_an_import_that_was_interrupted_goes_on(
    runs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(traces(runs.root), tmp_path / "a.jsonl")
    into = ArtifactStore(tmp_path / "home" / "artifacts")
    adopt, left = Journal.adopt, [3]

    def fail(*args: Any, **kwargs: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise ResourceError("the disk is full; free some space")
        adopt(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "adopt", fail)
        with pytest.raises(ResourceError):
            import_traces(tmp_path / "a.jsonl", into)
    assert len(journal_beside(into).episodes()) == 3
    done = import_traces(tmp_path / "a.jsonl", into)
    assert (done.same, done.refused) == (3, 0)
    assert done.new == len(journal_beside(runs.store).episodes()) - 3


def exported(runs: Any, tmp_path: Path, name: str = "good") -> tuple[Path, dict[str, Any]]:
    """A run as a file, and as its row."""
    path = tmp_path / "a.jsonl"
    export((t for t in traces(runs.root) if t.episode == runs.names[name]), path, pictures="inside")
    return path, json.loads(path.read_bytes())


def refusal(path: Path, row: Any, tmp_path: Path) -> str:
    """Why an altered row is refused; nothing of it is there then."""
    path.write_bytes(row if isinstance(row, bytes) else json.dumps(row).encode() + b"\n")
    into = ArtifactStore(tmp_path / "home" / "artifacts")
    done = import_traces(path, into)
    assert (done.new, done.refused) == (0, 1)
    assert not journal_beside(into).episodes()
    assert not into.size().files
    return done.named[0][1]


def deep(depth: int) -> bytes:
    return (
        b'{"schema":"llmi-trace/1","episode":"e","records":' + b"[" * depth + b"]" * depth + b"}\n"
    )


def test_what_no_llmi_wrote_is_refused(runs: Any, tmp_path: Path) -> None:
    path, row = exported(runs, tmp_path)

    def why(**changed: Any) -> str:
        return refusal(path, {**row, **changed}, tmp_path)

    first, *rest = row["records"]
    assert "written by a later LLMI" in why(schema="llmi-trace/2")
    assert "written by a later LLMI" in why(records=[{**first, "schema": 99}, *rest])
    assert "written by a later LLMI" in why(records=[{**first, "kind": "unheard_of"}, *rest])
    assert "does not have the form" in why(records=[{**first, "at": "soon"}])
    assert "does not have the form" in why(records=[{**first, "schema": 2**64}])
    assert "does not have the form" in why(records={"kind": "opened"})
    assert "does not have the form" in why(pictures=[{"digest": 3}])
    assert "does not have the form" in why(calls=[{"call": "x", "completion_ids": ["a"]}])
    assert "is damaged" in why(calls=[{"call": "x", "completion_ids": [-1]}])
    assert "not among its records" in why(calls=[{"call": "x", "completion_ids": [1]}])
    assert "no records" in why(records=[])
    assert "is damaged" in why(records=[{**first, "data": None}])
    assert "is damaged" in why(records=[{**first, "data": "{"}])
    assert "its key is another one's" in why(records=[{**first, "key": "a-group"}, *rest])
    spoiled = {**rest[-1], "kind": "rewarded", "key": "text", "data": "{"}
    assert "the type rewarded is damaged" in why(records=[first, *rest, spoiled])
    assert "no time" in why(records=[{**first, "at": 1e300}, *rest])
    assert "is damaged" in why(records=[{**first, "at": float("inf")}, *rest])
    assert "no beginning" in why(records=rest)
    assert "no beginning" in why(records=[first, first, *rest])
    assert "has no id" in why(episode="")
    assert "has no id" in why(episode="a\nb")
    assert "has no id" in why(episode="x" * 300)


@pytest.mark.parametrize(
    "line",
    [
        deep(100_000),
        deep(3_000),
        b'{"schema":"llmi-trace/1","records":' + b"9" * 9_999 + b"}",
        b"[1]",
        b"\xff\xfe{",
        b'{"a":',
    ],
)
def test_lines_that_are_no_rows_do_not_hinder_the_others(
    runs: Any, tmp_path: Path, line: bytes
) -> None:
    path, row = exported(runs, tmp_path)
    path.write_bytes(json.dumps(row).encode() + b"\n" + line.rstrip(b"\n") + b"\n\n")
    done = import_traces(path, ArtifactStore(tmp_path / "home" / "artifacts"))
    assert (done.new, done.refused) == (1, 1)
    assert "line 2" in done.named[0][0] + done.named[0][1]


def test_a_line_that_no_memory_holds_is_not_read(
    runs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = exported(runs, tmp_path)
    monkeypatch.setattr(lines, "MOST_LINE", 100_000)
    with path.open("ab") as file:
        file.write(b" " * 200_000 + b"\n{}\n")
    done = import_traces(path, ArtifactStore(tmp_path / "home" / "artifacts"))
    assert (done.new, done.refused) == (1, 1)
    assert "line 2" in done.named[0][1]
    assert "more than 100,000 bytes" in done.named[0][1]


def test_parquet_that_was_made_to_fill_a_memory_is_not_read(
    runs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list of a million equal numbers takes a hundred bytes there."""
    path, row = exported(runs, tmp_path)
    row["calls"][0]["completion_ids"] = [7] * 1_000_000
    schema = tables.schema_of(COLUMNS, "llmi-trace", 1, images=False)
    with tables.rows_to(tmp_path / "a.parquet", schema) as rows:
        rows.write({**row, "pictures": [], "attachments": []})
    path.unlink()
    assert (tmp_path / "a.parquet").stat().st_size < 100_000
    monkeypatch.setattr(tables, "MOST_VALUES", 10_000)
    into = ArtifactStore(tmp_path / "home" / "artifacts")
    done = import_traces(tmp_path / "a.parquet", into)
    assert (done.new, done.refused) == (0, 1)
    assert "more than is read at once" in done.named[0][1]
    assert not journal_beside(into).episodes()


def test_pictures_are_what_their_digests_say(runs: Any, tmp_path: Path) -> None:
    path, row = exported(runs, tmp_path)
    lie = base64.b64encode(random_png(seed=123)).decode()
    first, *rest = row["pictures"]
    altered = {**first, "image": {"bytes": lie, "path": None}}
    assert "others than their digest says" in refusal(
        path, {**row, "pictures": [altered, *rest]}, tmp_path
    )
    broken = {**first, "image": {"bytes": "no base64!", "path": None}}
    assert "not base64" in refusal(path, {**row, "pictures": [broken, *rest]}, tmp_path)
    (tmp_path / "outside.png").write_bytes(random_png(seed=99))
    inner = tmp_path / "inner"
    inner.mkdir()
    for way in ("../outside.png", str(tmp_path / "outside.png"), "link/outside.png"):
        (inner / "link").unlink(missing_ok=True)
        (inner / "link").symlink_to(tmp_path)
        led = {**first, "image": {"bytes": None, "path": way}}
        assert "leads out of the folder" in refusal(
            inner / "a.jsonl", {**row, "pictures": [led, *rest]}, tmp_path
        )


def test_what_is_named_as_a_picture_is_one(runs: Any, tmp_path: Path) -> None:
    import hashlib

    path, row = exported(runs, tmp_path)
    text = json.dumps(row)
    digest = row["pictures"][0]["digest"]
    page = b"<html><script>alert(1)</script>"
    forged = json.loads(text.replace(digest, hashlib.sha256(page).hexdigest()))
    forged["pictures"][0]["image"] = {"bytes": base64.b64encode(page).decode(), "path": None}
    assert "not a picture" in refusal(path, forged, tmp_path)


def test_a_picture_that_did_not_come_along_is_counted(runs: Any, tmp_path: Path) -> None:
    export(traces(runs.root), tmp_path / "a.jsonl", pictures="none")
    done = import_traces(tmp_path / "a.jsonl", ArtifactStore(tmp_path / "home" / "artifacts"))
    assert (done.refused, done.pictures) == (0, 0)
    assert done.absent > 10


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.parquet"])
def test_a_file_that_was_cut_gives_what_is_whole_and_is_named(
    runs: Any, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    export(traces(runs.root), path, pictures="inside")
    path.write_bytes(path.read_bytes()[:-2000])
    into = ArtifactStore(tmp_path / "home" / "artifacts")
    if name == "a.parquet":  # its description is at its end
        with pytest.raises(InputError, match=re.escape(name)):
            import_traces(path, into)
        assert not journal_beside(into).episodes()
        return
    done = import_traces(path, into)
    assert done.refused == 1
    assert name in done.named[0][0] + done.named[0][1]
    assert len(journal_beside(into).episodes()) == done.new


def test_a_home_is_not_imported_into_itself(runs: Any) -> None:
    with pytest.raises(InputError, match="is what is imported into"):
        import_traces(runs.root, runs.store)


def test_it_is_all_found_again_by_what_lists_and_clears(runs: Any, tmp_path: Path) -> None:
    into = ArtifactStore(tmp_path / "home" / "artifacts")
    import_traces(runs.root, into)
    here, there = journal_beside(runs.store), journal_beside(into)
    assert [each._replace(stale=False) for each in there.overviews(oldest=True)] == [
        each._replace(stale=False) for each in here.overviews(oldest=True)
    ]
    assert there.group("a-group") == here.group("a-group")
