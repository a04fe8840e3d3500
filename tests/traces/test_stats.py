"""What is counted is true: the same numbers come of the records by another way."""

from __future__ import annotations

import json
import statistics
from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from llmi_agent.cli.traces_tables import percent, table, tables
from llmi_agent.records.codec import entry_of
from llmi_agent.records.costs import Charge
from llmi_agent.records.events import Resumed
from llmi_agent.records.journal import journal_beside
from llmi_agent.traces.choosing import traces
from llmi_agent.traces.places import InJournal
from llmi_agent.traces.stats import Cost, Spread, Stats, quantile, stats
from llmi_agent.traces.stats_plain import plain, usd


@pytest.fixture(scope="module")
def counted(runs: Any) -> tuple[Stats, dict[str, list[dict[str, Any]]]]:
    """The numbers, and all records as plain JSON by their kinds, with the episode and the time of each."""
    journal = journal_beside(runs.store)
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for episode in journal.episodes():
        for each in journal.read(episode):
            rows[each.kind].append({**json.loads(each.data), "episode": episode, "at": each.at})
    return stats(traces(InJournal(journal, runs.store))), rows


def test_runs_and_their_states(counted: Any, runs: Any) -> None:
    found, rows = counted
    assert found.runs == len(runs.names)
    done = {each["episode"] for each in rows["composed"]}
    halted = {each["episode"] for each in rows["halted"]} - done
    assert found.states == Counter(
        done=len(done), halted=len(halted), open=found.runs - len(done) - len(halted)
    )
    began = [each["at"] for each in rows["opened"]]
    assert found.began == (min(began), max(began))


def test_slots_by_kind(counted: Any) -> None:
    found, rows = counted
    # A draft that was void later has its slots on record, too: those of the last draft count.
    planned = {
        (each["episode"], each["slot"]): each["kind"] or "(unreadable)"
        for each in rows["slot_planned"]
    }
    settled = {(each["episode"], each["slot"]): each["verdict"] for each in rows["slot_settled"]}
    for kind, own in found.kinds.items():
        slots = [key for key, of in planned.items() if of == kind]
        verdicts = [settled[key] for key in slots if key in settled]
        kept = [each for each in verdicts if each["status"] == "kept"]
        assert own.slots == len(slots)
        assert (own.kept, own.missing) == (len(kept), len(verdicts) - len(kept))
        assert own.open == len(slots) - len(verdicts)
        assert own.first == sum(each["attempts"] == 1 for each in kept)
        assert own.stood_in == sum(bool(each["instead_of"]) for each in kept)
    assert sum(own.slots for own in found.kinds.values()) == len(planned)


def test_calls_of_tools_and_their_times(counted: Any) -> None:
    found, rows = counted
    ends = {each["call"]: each for each in rows["call_ended"]}
    calls = defaultdict(list)
    for each in rows["call_started"]:
        calls[each["tool"], each["kind"]].append(each)
    assert calls.keys() == found.tools.keys()
    for key, own in found.tools.items():
        made = [each for each in calls[key] if not each["cached"]]
        ended = [ends[each["call"]] for each in made if each["call"] in ends]
        failed = [each for each in ended if "reason" in each["outcome"]]
        assert own.calls == len(made)
        assert own.found == len(calls[key]) - len(made)
        assert (own.failed, own.worked) == (len(failed), len(ended) - len(failed))
        assert own.cut == len(made) - len(ended)
        took = [ends[e["call"]]["at"] - e["at"] for e in made if e["call"] in ends]
        spread = Spread.of(own.seconds)
        assert spread.count == len(took)
        if took:
            assert spread.median == pytest.approx(statistics.median(took))
    assert sum(own.found for own in found.tools.values()) == 1
    assert sum(own.cut for own in found.tools.values()) >= 1
    reasons = Counter(
        e["outcome"]["reason"] for e in rows["call_ended"] if "reason" in e["outcome"]
    )
    told = Counter[str]()
    for (reason, _), count in found.failures.items():
        told[reason] += count
    assert told == reasons


def test_calls_of_models(counted: Any) -> None:
    found, rows = counted
    ends = {(each["episode"], each["call"]): each for each in rows["model_ended"]}
    asked = defaultdict(list)
    for each in rows["model_started"]:
        asked[each["model"], each["purpose"]].append(each)
    for key, own in found.models.items():
        ended = [
            ends[e["episode"], e["call"]] for e in asked[key] if (e["episode"], e["call"]) in ends
        ]
        assert own.calls == len(asked[key])
        assert own.accepted == sum(each["accepted"] for each in ended)
        assert own.refused == sum(not each["accepted"] for each in ended)
        assert (own.input_counted, own.output_counted) == (0, 0)
    sampled = [own.sampled for (model, _), own in found.models.items() if model == "Sampling"]
    assert sampled == [1]
    assert {each["input_tokens"] for each in plain(found)["models"]} == {None}


def test_costs_by_what_is_known_of_them(counted: Any) -> None:
    found, rows = counted
    last = {(each["episode"], each["call"]): each["charge"] for each in rows["charged"]}
    charges = [each for each in last.values() if each]
    for basis, money, calls in (
        ("known", found.cost.known, found.cost.known_calls),
        ("estimated", found.cost.estimated, found.cost.estimated_calls),
    ):
        own = [
            each["usd"] for each in charges if each["basis"] == basis and each["usd"] is not None
        ]
        assert (money, calls) == (pytest.approx(sum(own)), len(own))
    assert found.cost.unknown_calls == sum(each["usd"] is None for each in charges) > 0


def test_rewards_that_were_given_again_count_once_and_none_is_not_zero(counted: Any) -> None:
    found, _ = counted
    assert found.rewarded == 3
    values = {key: (list(own.values), own.errors, own.runs) for key, own in found.rewards.items()}
    assert values == {
        ("episode", "total", "rules-1", ""): ([0.25, 0.5, 0.75], 0, 3),
        ("episode", "taste", "", "j"): ([], 3, 3),
        ("slot", "taste", "", "j"): ([0.25, 0.5, 0.75], 0, 3),
    }
    told = {(e["scope"], e["component"]): e for e in plain(found)["rewards"]}
    assert told["episode", "taste"]["missing_share"] == 1.0
    assert told["episode", "taste"]["value"]["mean"] is None
    assert told["episode", "total"]["value"] == {
        "count": 3, "mean": 0.5, "least": 0.25, "lower": 0.375, "median": 0.5, "upper": 0.625,
        "p95": pytest.approx(0.725), "most": 0.75,
    }  # fmt: skip


def test_rewards_of_an_earlier_state_stand_apart(runs: Any, tmp_path: Any) -> None:
    home = runs.copy(tmp_path / "home")
    journal = journal_beside(home.store)
    journal.write(home.names["member 0"], entry_of(Resumed(model="m", options={})))
    found = stats(traces(InJournal(journal, home.store)))
    assert (found.rewarded, found.outdated, plain(found)["outdated_rewards"]) == (2, 1, 1)
    assert list(found.rewards["episode", "total", "rules-1", ""].values) == [0.5, 0.75]
    assert "Rewarded before they went on, which does not count: 1 run" in list(tables(found))


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40))
def test_quantiles_are_those_of_the_standard_library(values: list[float]) -> None:
    own = sorted(values)
    for share, expected in zip(
        (0.25, 0.5, 0.75), statistics.quantiles(own, method="inclusive"), strict=True
    ):
        assert quantile(own, share) == pytest.approx(expected, abs=1e-6)
    twentieths = statistics.quantiles(own, n=20, method="inclusive")
    assert quantile(own, 0.95) == pytest.approx(twentieths[-1], abs=1e-6)


def test_nothing_is_no_number() -> None:
    assert Spread.of([]) == Spread(0)
    assert Spread.of([]).median is None
    assert percent(0, 0) == "-"
    empty = plain(stats([]))
    assert (empty["runs"], empty["began"], empty["kinds"]) == (0, None, [])
    assert next(tables(Stats())) == "0 runs"


def test_costs_say_what_is_known_estimated_and_unknown() -> None:
    cost = Cost()
    for basis, money in (("known", 0.5), ("estimated", 0.25), ("unknown", None)):
        cost.take(Charge(call="tool", name="t", purpose="p", usd=money, basis=basis))
    assert usd(cost) == "$0.5 known (1), $0.25 estimated (1), unknown of 1"
    assert usd(Cost()) == "none"


def test_a_run_that_cannot_be_read_is_counted_as_that_and_named(runs: Any) -> None:
    source = InJournal(journal_beside(runs.store), runs.store)
    first, second, *_ = traces(source)
    broken = replace(first, read=lambda: [replace(first.records[0], data="{")])
    found = stats([broken, second])
    assert (found.runs, found.states["unreadable"], found.states["done"]) == (2, 1, 1)
    assert first.episode in found.unreadable[0]


def test_traces_are_not_kept(runs: Any) -> None:
    held: list[Any] = []

    def one_by_one() -> Any:
        import weakref

        for each in traces(InJournal(journal_beside(runs.store), runs.store)):
            assert sum(ref() is not None for ref in held) <= 1
            held.append(weakref.ref(each))
            yield each

    assert stats(one_by_one()).runs == len(held) == len(runs.names)


def test_tables_stand_in_columns_whatever_the_names_are() -> None:
    lines = list(table(("tool", "n"), [("a\x1b[31m\nb", "1"), ("x" * 99, "22")]))
    assert lines[1] == "  " + "a b".ljust(40) + "   1"
    assert all(line.isprintable() for line in lines)


def test_the_tables_have_a_line_for_each(counted: Any) -> None:
    found, _ = counted
    lines = list(tables(found))
    for words in (
        "Kinds, as the drafts",
        "Tools",
        "Models",
        "Failed calls",
        "Missing figures",
        "Rewards (3 of",
    ):
        assert any(line.startswith(words) for line in lines)
    assert any("not counted" in line for line in lines)
