"""Lists of episodes: each row says what the episode's records say, whoever wrote them and however it ended."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.base.errors import InputError
from llmi_agent.contract.tool import Failed
from llmi_agent.records import access
from llmi_agent.records.codec import entry_of
from llmi_agent.records.costs import Charge
from llmi_agent.records.episode import EpisodeJournal
from llmi_agent.records.events import (
    CallEnded,
    CallStarted,
    Charged,
    Composed,
    Event,
    Halted,
    ModelEnded,
    ModelStarted,
    ModelText,
    Opened,
    Ordered,
    Resumed,
    Rewarded,
    SlotPlanned,
    SlotSettled,
)
from llmi_agent.records.journal import Journal
from llmi_agent.records.listing import PAGE
from llmi_agent.records.outcome import Dropped
from llmi_agent.records.overview import Chosen, Overview
from llmi_agent.records.record import Entry
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.traces.trace import Trace

DATA = Path(__file__).parent / "data"
DIGEST = "ab" * 32
OPENED = Opened(
    prompt="On Tides", model="a/Model", split="train", group="g", member=2, graph="x", setup="s"
)
EVENTS: tuple[Event, ...] = (
    ModelStarted(call="m", purpose="draft", model="a/Model", messages=()),
    ModelEnded(call="m", accepted=False, error="no", input_tokens=10),
    ModelStarted(call="n", purpose="draft", model="a/Model", messages=()),
    ModelText(call="n", start=0, text="# T"),
    SlotPlanned(slot=0, origin="o", span=(0, 1), kind="code"),
    SlotPlanned(slot=1, origin="p", span=(1, 2), kind="search"),
    ModelEnded(call="n", accepted=True, input_tokens=10**30, output_tokens=7),
    Charged(call="n", charge=Charge(call="model", name="a", purpose="draft", usd=0.5, basis="known"), settled=True),
    CallStarted(call="c", slot=0, attempt=0, kind="code", tool="t", inputs=(DIGEST,)),
    CallStarted(call="d", slot=1, attempt=0, kind="search", tool="t", cached=True),
    CallEnded(call="c", slot=0, attempt=0, tool="t", outcome=Failed("quota", "x")),
    SlotSettled(slot=0, origin="o", verdict=Dropped(reason="timeout", message="x")),
)  # fmt: skip


@pytest.fixture
def journal(store: ArtifactStore) -> Iterator[Journal]:
    own = Journal(store.root / "journal.db")
    yield own
    own.close()


def run(journal: Journal, store: ArtifactStore, episode: str, *events: Event) -> EpisodeJournal:
    """A run that is let go of."""
    own = EpisodeJournal.held(journal, store, episode)
    for event in events:
        own.say(event)
    own.release()
    own.flush()
    return own


def found(journal: Journal, **fields: Any) -> list[str]:
    return [each.episode for each in journal.overviews(Chosen(**fields))]


def only(journal: Journal) -> Overview:
    (one,) = journal.overviews()
    return one


def spoil(journal: Journal, statement: str, *values: Any) -> None:
    """As another program would."""
    with closing(sqlite3.connect(journal.path)) as connection, connection:
        connection.execute(statement, values)


def stale(journal: Journal) -> int:
    with closing(sqlite3.connect(journal.path)) as connection:
        return int(connection.execute("SELECT count(*) FROM episodes WHERE stale").fetchone()[0])


def test_a_row_says_what_happened(store: ArtifactStore, journal: Journal) -> None:
    journal.write("e", *map(entry_of, ()))
    own = EpisodeJournal.held(journal, store, "e")
    own.say(OPENED)
    journal.write("e", entry_of(Ordered(order={"out": "/reports"})))
    for event in (*EVENTS, Composed(title="T")):
        own.say(event)
    own.release()
    own.flush()
    assert stale(journal) == 0, "who closes an episode writes its row"
    one = only(journal)
    assert one._replace(began=0, last=0) == Overview(
        "e", 0, 0, "done", 1, "a/Model", "On Tides", "g", 2, "train", "x", "s", "", "/reports", 2, 0, 1, 1,
        ",code,search,", ",model,quota,timeout,", 1, 2, 2**63 - 1, 7, 0, 0.5, 0, None, 0, 1,
    )  # fmt: skip


def test_the_row_that_is_closed_is_the_one_that_is_read_from_the_records(
    store: ArtifactStore, journal: Journal
) -> None:
    for number, end in enumerate(((Composed(title="T"),), (Halted(message="x"),), ())):
        run(journal, store, f"e{number}", OPENED, *EVENTS, *end)
    before = list(journal.overviews())
    assert [each.state for each in before] == ["open", "halted", "done"]
    spoil(journal, "UPDATE episodes SET stale = 1, prompt = 'spoilt', state = 'open', kinds = ','")
    assert list(journal.overviews()) == before
    assert stale(journal) == 0


def test_a_run_that_was_killed_or_goes_on_is_read_through(
    store: ArtifactStore, journal: Journal
) -> None:
    own = EpisodeJournal.held(journal, store, "e")
    own.say(OPENED)
    own.flush()
    assert (stale(journal), only(journal).prompt, stale(journal)) == (1, "On Tides", 0)
    for event in EVENTS:
        own.say(event)
    own.flush()
    assert (stale(journal), only(journal).kinds) == (1, ",code,search,")
    run(journal, store, "f", OPENED, Halted(message="x"))
    run(journal, store, "f", Resumed(), Composed(title="T"))
    assert [each.state for each in journal.overviews()] == ["done", "open"]


def test_who_lets_go_late_does_not_write_over_the_next_life(
    store: ArtifactStore, journal: Journal
) -> None:
    first = EpisodeJournal(journal, store, "e")
    first.say(OPENED)
    first.flush()
    second = EpisodeJournal(journal, store, "e")
    second.say(Resumed())
    second.say(Composed(title="T"))
    second.flush()
    first.release()
    journal.close()
    assert only(journal).state == "done"


@pytest.mark.parametrize("name", ["journal_version_1.sql", "former_runs.sql"])
def test_a_file_of_an_older_llmi_is_listed(
    store: ArtifactStore, journal: Journal, name: str
) -> None:
    store.root.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(journal.path)) as connection:
        connection.executescript((DATA / name).read_text())
    listed = list(journal.overviews())
    assert [each.episode for each in listed] == journal.episodes()
    assert "done" in {each.state for each in listed}
    assert all(each.prompt and each.model and not each.stale for each in listed)
    assert journal.digests(), "of what it mentions, too"
    journal.close()
    before = journal.path.read_bytes()
    assert list(Journal(journal.path).overviews()) == listed
    assert journal.path.read_bytes() == before, "nothing is worked out twice"


def test_what_an_older_llmi_adds_or_forgets_is_seen(store: ArtifactStore, journal: Journal) -> None:
    run(journal, store, "e", OPENED, *EVENTS)
    run(journal, store, "f", OPENED)
    columns = "(episode, kind, key, data, at, reuse, schema)"
    add = f"INSERT INTO records {columns} VALUES ('e', 'composed', '', ?, 5.0, NULL, 2)"
    spoil(journal, add, f'{{"title": "{"cd" * 32}"}}')
    spoil(journal, "DELETE FROM records WHERE episode = 'f'")
    assert [(each.episode, each.state) for each in journal.overviews()] == [("e", "done")]
    assert {DIGEST, "cd" * 32} <= journal.digests()


@pytest.mark.parametrize(
    "data", ["{", "nul\0", 7, None, b"\xff", b"(\xb5/\xfd garbage", "[" * 100_000, '"' + "9" * 9999]
)
def test_one_that_cannot_be_read_hinders_no_other(
    store: ArtifactStore, journal: Journal, data: object
) -> None:
    for episode in ("a", "b", "c"):
        run(journal, store, episode, OPENED, *EVENTS)
    spoil(journal, "PRAGMA ignore_check_constraints = ON")
    if data is None:
        data = b""
    spoil(journal, "UPDATE records SET data = ? WHERE episode = 'b' AND kind = 'charged'", data)
    listed = {each.episode: each for each in journal.overviews()}
    assert {name: each.state for name, each in listed.items()} == {
        "a": "open",
        "b": "unreadable",
        "c": "open",
    }
    assert "is damaged" in listed["b"].prompt
    assert DIGEST in journal.digests()


def test_text_that_is_none_hinders_no_other(store: ArtifactStore, journal: Journal) -> None:
    for episode in ("a", "b"):
        run(journal, store, episode, OPENED, *EVENTS)
    spoil(
        journal,
        "UPDATE records SET data = CAST(x'ff22' AS TEXT) WHERE episode = 'b' AND kind = 'charged'",
    )
    assert [each.state for each in journal.overviews()] == ["unreadable", "open"]


def test_a_later_llmis_run_is_listed_as_such(store: ArtifactStore, journal: Journal) -> None:
    run(journal, store, "e", OPENED)
    spoil(journal, "UPDATE records SET schema = 99")
    one = only(journal)
    assert one.state == "unreadable"
    assert "written by a later LLMI" in one.prompt


CHOSEN: list[tuple[dict[str, Any], str]] = [
    ({}, "ab"),
    ({"state": "done"}, "a"),
    ({"model": "MODEL"}, "ab"),
    ({"model": "b/"}, "b"),
    ({"kind": "code"}, "a"),
    ({"kind": "cod"}, ""),
    ({"failure": "quota"}, "a"),
    ({"failure": "model"}, "a"),
    ({"split": "train"}, "a"),
    ({"split": ""}, "b"),
    ({"group": "g"}, "a"),
    ({"text": "tIdEs"}, "a"),
    ({"text": "100%_"}, "b"),
    ({"text": "\ud800"}, ""),
    ({"text": "'"}, ""),
    ({"episode": "b"}, "b"),
    ({"since": 1.0}, "ab"),
    ({"until": 1.0}, ""),
    ({"rewarded": True}, "a"),
    ({"rewarded": False}, "b"),
    ({"least": 0.7}, "a"),
    ({"least": 0.71}, ""),
    ({"most": 0.7}, "a"),
    ({"component": "count"}, "a"),
    ({"component": "count", "most": 0.1}, ""),
    ({"component": "other"}, ""),
    ({"kind": "code", "text": "100"}, ""),
]


@pytest.mark.parametrize(("fields", "expected"), CHOSEN, ids=str)
@pytest.mark.parametrize("closed", [True, False])
def test_what_is_chosen(
    store: ArtifactStore, journal: Journal, fields: dict[str, Any], expected: str, closed: bool
) -> None:
    run(journal, store, "a", OPENED, *EVENTS, Composed(title="T"))
    run(journal, store, "b", Opened(prompt="A 100%_ sure thing", model="b/model"))
    for component, value in (("total", 0.2), ("total", 0.7), ("count", 0.5)):
        journal.write("a", entry_of(Rewarded(scope="episode", component=component, value=value)))
    if not closed:
        spoil(journal, "UPDATE episodes SET stale = 1, kinds = '', failures = '', prompt = ''")
    assert "".join(sorted(found(journal, **fields))) == expected


def test_the_last_total_counts_and_nothing_is_rewritten(
    store: ArtifactStore, journal: Journal
) -> None:
    run(journal, store, "a", OPENED, Composed(title="T"))
    for value, scope, status in (
        (0.2, "episode", "ok"),
        (0.9, "slot", "ok"),
        (None, "episode", "error"),
    ):
        about = "0" if scope == "slot" else ""
        journal.write(
            "a",
            entry_of(
                Rewarded(scope=scope, about=about, component="total", value=value, status=status)
            ),  # type: ignore[arg-type]
        )
    assert (only(journal).reward, only(journal).stale, only(journal).state) == (0.2, 0, "done")
    assert [each.kind for each in journal.read("a")].count("rewarded") == 3


@pytest.mark.parametrize("closed", [True, False])
def test_a_component_is_found_in_every_scope(
    store: ArtifactStore, journal: Journal, closed: bool
) -> None:
    run(journal, store, "a", OPENED, *EVENTS, Composed(title="T"))
    run(journal, store, "b", OPENED, *EVENTS, Composed(title="T"))
    for episode, scope, about, value in (
        ("a", "slot", "0", 0.9),
        ("a", "slot", "0", 0.2),
        ("a", "slot", "1", 0.6),
        ("b", "call", "c", 0.9),
    ):
        given = Rewarded(component="visual", scope=scope, about=about, value=value)  # type: ignore[arg-type]
        journal.write(episode, entry_of(given))
    if not closed:
        spoil(journal, "UPDATE episodes SET stale = 1")
    for bounds, expected in (
        ({}, "ab"),
        ({"least": 0.5}, "ab"),
        ({"least": 0.7}, "b"),
        ({"most": 0.3}, "a"),
        ({"least": 0.3, "most": 0.5}, ""),
        ({"least": 0.9, "most": 0.9}, "b"),
    ):
        fitting = found(journal, component="visual", **bounds)
        assert "".join(sorted(fitting)) == expected, bounds
    assert found(journal, least=0.0) == found(journal, component="total") == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": "bogus"}, "there is no state 'bogus'; there are done, halted, open, unreadable"),
        ({"failure": "quotas"}, "there is no failure 'quotas'; there are bad_params, .*, model$"),
    ],
)
def test_what_there_is_not_cannot_be_chosen(fields: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Chosen(**fields)  # type: ignore[arg-type]


LATER: tuple[tuple[Event, ...], ...] = (
    (Resumed(model="a/Model", options={}),),
    (Ordered(order={"out": "x"}),),
    (Resumed(model="a/Model", options={}), Halted(message="x")),
)


@pytest.mark.parametrize("later", LATER, ids=str)
@pytest.mark.parametrize("closed", [True, False])
def test_what_was_given_before_a_run_went_on_does_not_count(
    store: ArtifactStore, journal: Journal, later: tuple[Event, ...], closed: bool
) -> None:
    run(journal, store, "a", OPENED, Composed(title="T"))
    rewards = Rewarded(value=0.5), Rewarded(component="taste", value=0.5)
    journal.write("a", *map(entry_of, rewards))
    assert only(journal).reward == 0.5
    if closed:
        run(journal, store, "a", *later)
    else:
        journal.write("a", *map(entry_of, later))
    assert only(journal).reward is None
    asked: tuple[dict[str, Any], ...] = (
        {"rewarded": True}, {"component": "total"}, {"least": 0.0}, {"component": "taste"},
    )  # fmt: skip
    assert [found(journal, **each) for each in asked] == [[], [], [], []]
    assert found(journal, rewarded=False) == ["a"]
    assert not any(each.current for each in Trace("a", partial(journal.read, "a")).rewards)
    journal.write("a", entry_of(rewards[0]))
    assert only(journal).reward == 0.5
    assert found(journal, rewarded=True) == found(journal, least=0.5) == ["a"]


def test_tokens_are_read_where_they_are_asked_for(journal: Journal) -> None:
    journal.write(
        "e",
        entry_of(OPENED),
        Entry("model_ended", "m", '{"call": "m", "accepted": true}', tokens=b"\0\1"),
    )
    assert [each.tokens for each in journal.read("e")] == [None, b"\0\1"]
    assert [each.tokens for each in journal.read("e", tokens=False)] == [None, None]
    assert only(journal).sampled == 1


def test_many_are_listed_page_by_page_both_ways(journal: Journal) -> None:
    number = 2 * PAGE + 7
    for n in range(number):
        written = journal.append(f"e{n}", entry_of(Opened(prompt=f"p{n}")))
    written.result(60)
    names = [f"e{n}" for n in range(number)]
    assert [each.episode for each in journal.overviews(oldest=True)] == names
    assert found(journal) == names[::-1]
    assert [each.episode for each in journal.overviews(limit=3)] == names[:-4:-1]
    assert [e.episode for e in journal.overviews(Chosen(text="p1"), limit=2)] == ["e199", "e198"]
    half = journal.overviews()
    for _ in range(PAGE):
        next(half)
    journal.forget([f"e{number - PAGE}", f"e{number - PAGE - 1}"])
    assert next(half).episode == f"e{number - PAGE - 2}", "the list goes on where it was"


def test_a_kept_database_is_listed_all_the_same(store: ArtifactStore, journal: Journal) -> None:
    run(journal, store, "a", OPENED, *EVENTS, Composed(title="T"))
    before = list(journal.overviews())
    spoil(journal, "UPDATE episodes SET stale = 1, kinds = '', state = 'open'")
    other = sqlite3.connect(journal.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    assert list(journal.overviews()) == before
    assert found(journal, kind="code") == ["a"]
    assert time.monotonic() - began < 30
    other.close()
    assert stale(journal) == 1, "it was a table of its own"
    assert list(journal.overviews()) == before


def test_a_folder_that_may_only_be_read_is_listed_from_a_copy(
    store: ArtifactStore, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(journal, store, "a", OPENED, *EVENTS)
    spoil(journal, "UPDATE episodes SET stale = 1")
    connect = access.connect

    def refuse(path: Path) -> sqlite3.Connection:
        if path == journal.path:
            raise access.LlmiError("a folder that may only be read")
        return connect(path)

    monkeypatch.setattr(access, "connect", refuse)
    monkeypatch.setattr(access, "only_read", lambda path: path == journal.path)
    locked = Journal(journal.path)
    assert only(locked).kinds == ",code,search,"
    with pytest.raises(access.LlmiError, match="only be read"):
        locked.forget(["a"])
    assert stale(journal) == 1


def test_several_bring_rows_up_to_date_while_somebody_writes(
    store: ArtifactStore, journal: Journal
) -> None:
    for number in range(60):
        journal.write(f"e{number}", *map(entry_of, (OPENED, *EVENTS)))
    stopped, errors = threading.Event(), list[BaseException]()

    def list_all() -> None:
        try:
            own = Journal(journal.path)
            while not stopped.is_set():
                assert len(list(own.overviews(Chosen(kind="code")))) >= 60
        except BaseException as error:  # noqa: BLE001 - told to the test
            errors.append(error)

    crowd = [threading.Thread(target=list_all) for _ in range(3)]
    for each in crowd:
        each.start()
    chance = random.Random(3)
    for number in range(100):
        episode = f"e{chance.randrange(60)}"
        journal.write(
            episode,
            Entry("model_text", f"k@{number}", f'{{"call": "k", "start": {number}, "text": "x"}}'),
        )
        if number % 10 == 0:
            run(journal, store, f"n{number}", OPENED, *EVENTS, Composed(title="T"))
    stopped.set()
    for each in crowd:
        each.join(60)
    assert errors == []
    assert len([each for each in journal.overviews() if each.state == "done"]) == 10
    assert stale(journal) == 0
    assert len(found(journal, kind="code")) == 70
