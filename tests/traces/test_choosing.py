"""Of many traces, those that are meant: in a journal and elsewhere alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from llmi_agent.base.errors import InputError
from llmi_agent.records.events import Rewarded
from llmi_agent.records.journal import journal_beside
from llmi_agent.records.overview import Chosen
from llmi_agent.traces.choosing import one, overviews, starting, traces
from llmi_agent.traces.places import InJournal, Source
from llmi_agent.traces.rewarding import give
from llmi_agent.traces.trace import Trace


@dataclass(frozen=True)
class Elsewhere:
    """As an exported file: its traces, and nothing that could be asked for a list."""

    found: tuple[Trace, ...]

    @property
    def name(self) -> str:
        return "elsewhere"

    @property
    def pictures(self) -> None:
        return None

    def traces(self) -> Iterator[Trace]:
        yield from self.found


def journal_of(home: Any) -> InJournal:
    return InJournal(journal_beside(home.store), home.store)


@pytest.fixture(params=["journal", "elsewhere"])
def place(runs: Any, request: pytest.FixtureRequest) -> Source:
    source = journal_of(runs)
    return source if request.param == "journal" else Elsewhere(tuple(traces(source)))


CHOICES: dict[str, tuple[Chosen, set[str]]] = {
    "state": (Chosen(state="halted"), {"halted"}),
    "open": (Chosen(state="open"), {"cut"}),
    "model": (Chosen(model="sampl"), {"tokens"}),
    "kind": (Chosen(kind="code"), {"mended"}),
    "failure": (Chosen(failure="unreachable"), {"mended"}),
    "model failure": (Chosen(failure="model"), {"halted", "restarted"}),
    "split": (Chosen(split="train"), {"good"}),
    "group": (Chosen(group="a-group"), {"member 0", "member 1", "member 2"}),
    "text": (Chosen(text="AND AGAIN"), {"continued"}),
    "rewarded": (Chosen(rewarded=True), {"member 0", "member 1", "member 2"}),
    "least": (Chosen(component="total", least=0.5), {"member 1", "member 2"}),
    "between": (Chosen(component="total", least=0.5, most=0.5), {"member 1"}),
    "none": (Chosen(kind="no such"), set()),
}


@pytest.mark.parametrize("choice", CHOICES)
def test_a_choice_is_the_same_wherever_the_runs_are(runs: Any, place: Source, choice: str) -> None:
    chosen, names = CHOICES[choice]
    meant = {runs.names[name] for name in names}
    assert {each.episode for each in overviews(place, chosen)} == meant
    assert {each.episode for each in traces(place, chosen)} == meant


def test_a_list_says_the_same_wherever_the_runs_are(runs: Any) -> None:
    source = journal_of(runs)
    there = [each._replace(began=0, last=0, number=0) for each in overviews(source)]
    here = [
        each._replace(began=0, last=0, number=0)
        for each in overviews(Elsewhere(tuple(traces(source))))
    ]
    assert sorted(there) == sorted(here)


def test_the_newest_come_first_and_the_limit_is_of_all_places(runs: Any) -> None:
    source = journal_of(runs)
    every = tuple(traces(source))
    began = [each.began for each in overviews(source)]
    assert began == sorted(began, reverse=True)
    both = [Elsewhere(every[:5]), source, Elsewhere(every)]
    listed = list(overviews(both, limit=4))
    assert [each.began for each in listed] == sorted((t.began for t in every), reverse=True)[:4]
    assert (
        len({each.episode for each in overviews(both)}) == len(every) == len(list(overviews(both)))
    )
    newest = {each.episode for each in listed}
    assert {each.episode for each in traces(both, limit=4)} == newest
    assert len(list(traces(both))) == len(every)


def test_one_is_found_by_the_beginning_of_its_id(runs: Any, place: Source) -> None:
    episode = runs.names["good"]
    assert one(place, episode).episode == one(place, episode[:10]).episode == episode
    for start in ("", "nothing", "%", "_"):
        with pytest.raises(InputError, match="there is no run"):
            one(place, start)
    assert list(starting(place, "zz")) == []


def test_several_that_begin_so_are_named(runs: Any) -> None:
    first = next(traces(journal_of(runs)))
    twins = Elsewhere((replace(first, episode="abc1"), replace(first, episode="abc2")))
    with pytest.raises(InputError, match="2 runs begin with 'abc': abc1, abc2; write more"):
        one(twins, "abc")
    longer = Elsewhere((*twins.found, replace(first, episode="abc")))
    assert one(longer, "abc").episode == "abc"


def test_one_that_cannot_be_read_is_listed_as_that(runs: Any) -> None:
    first, second, *_ = traces(journal_of(runs))
    broken = replace(first, read=lambda: [replace(first.records[0], data="{")])
    place = Elsewhere((broken, second))
    listed = {each.episode: each for each in overviews(place)}
    assert listed[first.episode].state == "unreadable"
    assert "is damaged" in listed[first.episode].prompt
    assert [each.episode for each in overviews(place, Chosen(state="unreadable"))] == [
        first.episode
    ]
    assert [each.episode for each in overviews(place, Chosen(model="Scripted"))] == [second.episode]


def test_the_last_reward_holds(runs: Any, tmp_path: Any) -> None:
    home = runs.copy(tmp_path / "home")
    episode = home.names["member 0"]
    give(journal_beside(home.store), episode, Rewarded(component="total", value=0.9))
    for place in (journal_of(home), Elsewhere(tuple(traces(journal_of(home))))):
        (listed,) = overviews(place, Chosen(episode=episode))
        assert listed.reward == 0.9
