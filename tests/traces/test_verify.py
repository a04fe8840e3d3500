"""Whatever is wrong with a trace is named; of a good one nothing is said."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.document.render import write_document
from llmi_agent.records.codec import entry_of
from llmi_agent.records.costs import Charge
from llmi_agent.records.events import CallEnded, Charged, Event, Ordered, Rewarded
from llmi_agent.records.journal import Journal, journal_beside
from llmi_agent.records.outcome import Kept
from llmi_agent.records.record import Record
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import random_png
from llmi_agent.traces import give, traces
from llmi_agent.traces.choosing import one
from llmi_agent.traces.exchange import tables
from llmi_agent.traces.exchange.exporting import export
from llmi_agent.traces.exchange.form import COLUMNS
from llmi_agent.traces.places import InJournal
from llmi_agent.traces.trace import Trace
from llmi_agent.traces.verify import Finding, verify

DATA = Path(__file__).parents[1] / "records" / "data"
Events = list[tuple[float, Event]]


def trace_of(home: Any, name: str) -> Trace:
    return one(InJournal(journal_beside(home.store), home.store), home.names[name])


def said(trace: Trace, level: str = "error") -> list[str]:
    return [str(each) for each in verify(trace, trace.pictures) if each.level == level]


def test_nothing_is_wrong_with_any_run(runs: Any) -> None:
    found = {name: list(verify(trace_of(runs, name), runs.store)) for name in runs.names}
    assert found == {name: [] for name in runs.names}


@pytest.mark.parametrize("former", ["former_runs.sql", "journal_version_1.sql"])
def test_nothing_is_wrong_with_the_runs_of_former_versions(former: str, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "journal.db") as connection:
        connection.executescript((DATA / former).read_text())
    connection.close()
    journal = Journal(tmp_path / "journal.db")
    assert journal.episodes()
    for episode in journal.episodes():
        trace = Trace(episode, lambda own=episode: journal.read(own))  # type: ignore[misc]
        assert list(verify(trace)) == []


def changed(events: Events, kind: str, number: int = 0, **fields: Any) -> Events:
    """With other fields in the record of this kind and number."""
    place = [n for n, (_, event) in enumerate(events) if event.type == kind][number]
    at, event = events[place]
    return [*events[:place], (at, replace(event, **fields)), *events[place + 1 :]]


def without(events: Events, kind: str, number: int = 0) -> Events:
    place = [n for n, (_, event) in enumerate(events) if event.type == kind][number]
    return [*events[:place], *events[place + 1 :]]


def of(events: Events, kind: str, number: int = 0) -> Any:
    return [event for _, event in events if event.type == kind][number]


def spans(events: Events, number: int, by: int) -> Events:
    start, end = of(events, "slot_planned", number).span
    return changed(events, "slot_planned", number, span=(start + by, end + by))


def tokens(events: Events, **fields: Any) -> Events:
    known = of(events, "model_ended").tokens
    return changed(events, "model_ended", tokens=replace(known, **fields))


def verdict(events: Events, **fields: Any) -> Events:
    known: Kept = of(events, "slot_settled").verdict
    return changed(events, "slot_settled", verdict=known.model_copy(update=fields))


def charge(events: Events, **fields: Any) -> Events:
    """In all charges of calls of tools: the last one of a call is what holds."""
    return [
        (at, replace(e, charge=e.charge.model_copy(update=fields)))
        if isinstance(e, Charged) and e.charge and e.charge.call == "tool"
        else (at, e)
        for at, e in events
    ]


def more(events: Events, event: Event) -> Events:
    return [*events, (events[-1][0], event)]


LOST = Charge(call="tool", name="s", purpose="search", usd=1.0, basis="known")
DAMAGE: dict[str, tuple[str, Callable[[Events], Events]]] = {
    "no record of how the run began": ("good", lambda e: without(e, "opened")),
    "the run begins 2 times": ("good", lambda e: [e[0], *e]),
    "its body is another one": ("good", lambda e: changed(e, "message", body={"type": "human", "data": {}})),
    "that was sent is not on record": ("good", lambda e: without(e, "message")),
    "goes on from the call lost": ("mended", lambda e: changed(e, "model_started", 1, parent="lost")),
    "it is about slot 99, which no draft has": ("mended", lambda e: changed(e, "model_started", 1, slot=99)),
    "the same call is there 2 times": ("good", lambda e: more(e, of(e, "model_ended"))),
    "it begins at character 5, and 0 come before it": ("good", lambda e: changed(e, "model_text", start=5)),
    "to a call that never started": ("mended", lambda e: without(e, "model_started", 1)),
    "model_ended model-0: the call ends and never started": ("good", lambda e: without(e, "model_started")),
    "logprobs of 84 tokens": ("tokens", lambda e: tokens(e, logprobs=(-0.5,))),
    "not a finite number": ("tokens", lambda e: tokens(e, logprobs=(float("nan"),) * 84)),
    "its pieces have 85 tokens, and there are 84": ("tokens", lambda e: tokens(e, pieces=((85, 250),))),
    "its pieces have 251 characters, and the raw answer has 250": ("tokens", lambda e: tokens(e, pieces=((84, 251),))),
    "it held a secret, and yet": ("tokens", lambda e: changed(e, "model_ended", withheld=True)),
    "are no part of a draft of": ("good", lambda e: changed(e, "slot_planned", 1, span=(200, 999))),
    "are not after": ("good", lambda e: changed(e, "slot_planned", 1, span=of(e, "slot_planned").span)),
    "are also prose": ("good", lambda e: spans(e, 0, -4)),
    "the draft has no tag at characters": ("good", lambda e: spans(e, 1, 1)),
    "are in no part of the document: 'The same.'": (
        "good",
        lambda e: changed(e, "draft_read", texts=tuple(t for n, t in enumerate(of(e, "draft_read").texts) if n != 1)),
    ),
    "not numbered from 0 on": ("good", lambda e: changed(e, "slot_planned", 1, slot=7)),
    "its digest 0123 is not that of what was asked for": ("good", lambda e: changed(e, "slot_planned", origin="0123")),
    "it is on a slot of the digest 0123, which no draft has": ("good", lambda e: changed(e, "slot_settled", origin="0123")),
    "no verdict on this slot": ("good", lambda e: without(e, "slot_settled")),
    "no call for the slot made the picture": ("good", lambda e: verdict(e, digest="f" * 64)),
    "its id is not the digest of what it asks for": ("good", lambda e: changed(e, "call_started", params={"query": "b"})),
    "which is nowhere else on record": ("good", lambda e: changed(e, "call_started", 1, inputs=("e" * 64,))),
    "call_ended": ("good", lambda e: without(e, "call_started")),
    "the call ends more often than it was started": ("good", lambda e: more(e, of(e, "call_ended"))),
    "its slot is 1, and that of its start is 0": ("good", lambda e: changed(e, "call_ended", slot=1)),
    "the cache answers a call": ("good", lambda e: changed(e, "call_ended", by="cache")),
    "it settles a call that is not on record": ("good", lambda e: more(e, Charged(call="lost", charge=LOST, settled=True))),
    "which nothing can": ("good", lambda e: charge(e, usd=-1.0)),
    "it is of x, and the call of s": ("good", lambda e: charge(e, name="x")),
    "it says that its cost is unknown": ("good", lambda e: charge(e, basis="unknown")),
    "it is for slot 42, which no draft has": ("good", lambda e: more(e, Rewarded(component="t", value=1.0, scope="slot", about="42"))),
    "it is for the call nobody": ("good", lambda e: more(e, Rewarded(component="t", value=1.0, scope="call", about="nobody"))),
    "it asks for 'Write of harbours.', and the run began with 'Of whales.'": ("good", lambda e: changed(e, "opened", prompt="Of whales.")),
    "and has no value": ("good", lambda e: more(e, Rewarded(component="t", value=None))),
    "it could not be given, and yet": ("good", lambda e: more(e, Rewarded(component="t", value=1.0, status="error"))),
    "its title is 'No'": ("good", lambda e: changed(e, "composed", title="No")),
    "there is a document and no complete draft": ("good", lambda e: changed(e, "model_ended", accepted=False)),
}  # fmt: skip


@pytest.mark.parametrize("words", DAMAGE)
def test_what_is_wrong_is_named(runs: Any, words: str) -> None:
    name, damage = DAMAGE[words]
    good = trace_of(runs, name)
    entries = [(at, entry_of(event)) for at, event in damage(list(good.events))]
    records = [Record(e.kind, e.key, e.data, at, tokens=e.tokens) for at, e in entries]
    found = said(replace(good, read=lambda: records))
    assert any(words in each for each in found), found
    assert all(each.startswith(good.episode) for each in found)


def with_record(trace: Trace, kind: str, **fields: Any) -> Trace:
    records = list(trace.records)
    place = next(n for n, each in enumerate(records) if each.kind == kind)
    records[place] = replace(records[place], **fields)
    return replace(trace, read=lambda: records)


def test_a_record_that_cannot_be_read_is_named_and_the_others_are_looked_at(runs: Any) -> None:
    good = trace_of(runs, "good")
    torn = with_record(good, "call_ended", data='{"call": "')
    found = list(verify(torn, runs.store))
    assert [each.record.split()[0] for each in found if "cannot be read" in each.message] == [
        "call_ended"
    ]
    assert any("no call for the slot made" in each.message for each in found)
    later = with_record(good, "composed", schema=99)
    assert "written by a later LLMI" in said(later)[0]
    moved = with_record(good, "charged", key="elsewhere")
    assert any(
        "charged elsewhere: its key is not that of what it says" in each for each in said(moved)
    )


def test_counts_of_a_vendor_that_differ_from_the_ids_are_a_note(runs: Any) -> None:
    good = trace_of(runs, "tokens")
    events = changed(list(good.events), "model_ended", output_tokens=85, input_tokens=3)
    entries = [(at, entry_of(event)) for at, event in events]
    records = [Record(e.kind, e.key, e.data, at, tokens=e.tokens) for at, e in entries]
    odd = replace(good, read=lambda: records)
    assert said(odd) == []
    (note,) = said(odd, "note")
    assert "the vendor counts 85 tokens written, and 84 ids are on record" in note


def test_a_charge_that_was_never_settled_is_a_note(runs: Any) -> None:
    good = trace_of(runs, "good")
    calls = {event.call for _, event in good.events if isinstance(event, CallEnded)}
    records = [
        Record(each.kind, each.key, each.data, at, tokens=each.tokens)
        for at, event in good.events
        if not (isinstance(event, Charged) and event.settled and event.call in calls)
        for each in [entry_of(event)]
    ]
    owing = replace(good, read=lambda: records)
    assert said(owing) == []
    assert any("never settled" in each for each in said(owing, "note"))


def test_pictures_and_files_are_there_and_are_what_their_digests_say(
    runs: Any, tmp_path: Path
) -> None:
    home = runs.copy(tmp_path / "home")
    trace = trace_of(home, "good")
    kept, changed_one = (slot.verdict for slot in trace.slots)
    assert isinstance(kept, Kept)
    assert isinstance(changed_one, Kept)
    home.store.path(kept.digest).unlink()
    home.store.path(changed_one.digest).write_bytes(random_png(seed=12345))
    home.store.path(trace.attachments[0].digest).write_bytes(b"")
    found = said(trace)
    assert f"slot_settled 0: the picture {kept.digest} is not in the store" in found[1]
    assert "are others than its digest says" in found[2]
    assert "the attachment ships.csv" in found[0]
    assert len(found) == 3


def test_a_picture_that_was_not_kept_and_is_gone_is_a_note(runs: Any, tmp_path: Path) -> None:
    home = runs.copy(tmp_path / "home")
    trace = trace_of(home, "mended")
    kept = {slot.verdict.digest for slot in trace.slots if isinstance(slot.verdict, Kept)}
    (spare, *_) = [p.digest for a in trace.attempts for p in a.pictures if p.digest not in kept]
    home.store.path(spare).unlink()
    assert said(trace) == []
    assert [spare in each for each in said(trace, "note")] == [True]


def test_a_size_that_is_not_the_pictures_is_named(runs: Any) -> None:
    good = trace_of(runs, "good")
    events = verdict(list(good.events), width=1)
    records = [
        Record(e.kind, e.key, e.data, at) for at, e in ((at, entry_of(x)) for at, x in events)
    ]
    assert any(
        "has 64x48 pixels, and its record says 1x48" in each
        for each in said(replace(good, read=lambda: records))
    )


def written_to(trace: Trace, out: Path, formats: Sequence[str]) -> Trace:
    """As if its run had written its document there."""
    document = trace.document()
    assert document is not None
    write_document(
        document, ArtifactStore(out) if trace.pictures is None else trace.pictures, out, formats
    )
    entry = entry_of(Ordered(order={"out": str(out)}))
    records = [*trace.records, Record(entry.kind, entry.key, entry.data, trace.ended)]
    return replace(trace, read=lambda: records)


def test_the_document_in_the_runs_folder_is_the_one_on_record(runs: Any, tmp_path: Path) -> None:
    trace = written_to(trace_of(runs, "mended"), tmp_path, ("html", "md", "json"))
    assert [*verify(trace, runs.store)] == []
    path = tmp_path / "document.json"
    data = json.loads(path.read_text())
    data["blocks"][1]["caption"] = "Mine"
    path.write_text(json.dumps(data))
    (found,) = said(trace)
    assert "is another document than the records make: blocks[1].caption differs" in found
    path.write_text("{")
    assert "cannot be read" in said(trace)[0]
    path.write_text(json.dumps({**data, "episode": "of another run"}))
    page = tmp_path / "report.html"
    page.write_text(page.read_text().replace("Harbours", "Ports").replace("Mended", "Other"))
    assert said(trace) == []
    assert "report.html is another page than this version writes" in said(trace, "note")[0]
    page.unlink()
    path.unlink()
    assert [*verify(trace, runs.store)] == []


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
def test_columns_that_say_something_else_than_the_records_are_named(
    runs: Any, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    export(traces(runs.root), path, pictures="inside")
    assert [f for trace in traces(path) for f in verify(trace, trace.pictures)] == []
    export(traces(runs.root), tmp_path / "a.jsonl", pictures="inside")
    lies = {
        "usd": -99.0,
        "reward": 5.0,
        "prompt": "Of whales.",
        "state": "open",
        "draft": None,
        "member": 7,
    }
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_bytes().splitlines()]
    row = next(each for each in rows if each["episode"] == runs.names["member 1"])
    call = {**row["calls"][0], "raw": "# Another"}
    rewards = [{**row["rewards"][0], "judge": "me"}, *row["rewards"][1:]]
    lies |= {"calls": [call, *row["calls"][1:]], "rewards": rewards}
    if name == "a.jsonl":
        path.write_text(json.dumps({**row, **lies}) + "\n")
    else:
        schema = tables.schema_of(COLUMNS, "llmi-trace", 1, images=False)
        with tables.rows_to(path, schema) as writer:
            writer.write({**row, **lies, "pictures": [], "attachments": []})
    (trace,) = traces(path)
    found = said(trace)
    names = [
        "calls[0].raw",
        "rewards[0].judge",
        *(each for each in lies if each not in ("calls", "rewards")),
    ]
    assert len(found) == len(names)
    for column in names:
        assert any(f"row: its column {column} says" in each for each in found), column
    assert any("says 5.0, and its records 0.5" in each for each in found)


def test_a_finding_is_one_line_whatever_is_on_record() -> None:
    assert str(Finding("e", "call_ended \x1b[31m\n", "x" * 10_000)).startswith(
        "e: call_ended : xxx"
    )
    assert len(str(Finding("e", "r", "x\n" * 10_000))) <= 500


@pytest.mark.parametrize(
    "spoiled", [b"no frame", b"\0" * 80, "{", '{"value": []}'], ids=["no frame", "zeros", "{", "[]"]
)
def test_a_damaged_reward_is_found_and_the_run_stays(
    spoiled: object, runs: Any, tmp_path: Path
) -> None:
    home = runs.copy(tmp_path / "home")
    name, before = next((each, trace_of(home, each)) for each in home.names)
    document, journal = before.document(), journal_beside(home.store)
    give(journal, before.episode, Rewarded(component="text", value=0.5, reason="Well put. " * 9))
    give(journal, before.episode, Rewarded(value=0.25))
    with sqlite3.connect(journal.path) as connection:
        update = (
            "UPDATE records SET data = ? WHERE kind = 'rewarded' AND key = 'text' AND episode = ?"
        )
        assert connection.execute(update, (spoiled, before.episode)).rowcount == 1
    connection.close()
    trace = trace_of(home, name)
    assert [each.given.value for each in trace.rewards] == [
        *(each.given.value for each in before.rewards),
        0.25,
    ]
    assert (trace.document(), trace.state) == (document, before.state)
    (found,) = said(trace)
    assert "rewarded" in found
    assert "it cannot be read: a record of the type rewarded is damaged (" in found
    give(journal, before.episode, Rewarded(component="text", value=0.75))
    assert trace_of(home, name).rewards[-1].given.value == 0.75
