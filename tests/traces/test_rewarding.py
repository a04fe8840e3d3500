"""Rewards are given to the run that is meant, and what cannot be kept is refused before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmi_agent.base.errors import InputError
from llmi_agent.records.codec import entry_of
from llmi_agent.records.events import Composed, Opened, Rewarded
from llmi_agent.records.journal import Journal
from llmi_agent.traces.rewarding import give


@pytest.fixture
def journal() -> Journal:
    own = Journal.in_memory()
    for episode in ("abc1", "abc2", "abc", "xyz1"):
        own.write(episode, *map(entry_of, (Opened(prompt="p"), Composed(title="T"))))
    return own


def rewards(journal: Journal) -> dict[str, int]:
    found = {
        each: [record.kind for record in journal.read(each)].count("rewarded")
        for each in journal.episodes()
    }
    return {each: count for each, count in found.items() if count}


def test_the_beginning_of_an_id_will_do(journal: Journal) -> None:
    give(journal, "xy", Rewarded(value=1))
    give(journal, "abc", Rewarded(value=0.5), Rewarded(component="taste", value=-2.0))
    assert rewards(journal) == {"xyz1": 1, "abc": 2}
    with pytest.raises(InputError, match=r"3 runs begin with 'ab': .*; write more of the id"):
        give(journal, "ab", Rewarded(value=0.5))
    for start in ("", "abc12", "%"):
        with pytest.raises(InputError, match=r"there is no run .* to reward"):
            give(journal, start, Rewarded(value=0.5))
    assert rewards(journal) == {"xyz1": 1, "abc": 2}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"value": "x"}, "its value is 'x', which is no number"),
        ({"value": True}, "its value is True, which is no number"),
        ({"value": [1]}, "which is no number"),
        ({"value": 10**400}, "its value is too large"),
        ({"value": float("nan")}, "nan is no number to learn from"),
        ({"value": 1.0, "component": "c" * 201}, "its component has 201 characters; at most 200"),
        ({"value": 1.0, "component": 7}, "its component is 7, which is no text"),
        ({"value": 1.0, "component": "\ud800"}, "half a surrogate pair"),
        ({"value": 1.0, "component": ""}, "it has no name"),
        ({"value": 1.0, "judge": "j" * 1001}, "its judge has 1,001 characters"),
        ({"value": 1.0, "profile": None}, "its profile is None, which is no text"),
        ({"value": None, "status": "error", "error": "e" * 10_001}, "its error has 10,001"),
        ({"value": 1.0, "status": "fine"}, "its status is 'fine'"),
        ({"value": 1.0, "scope": "run"}, "there is no scope 'run'; there are episode, slot, call"),
        ({"value": 1.0, "scope": "slot", "about": 0}, "its about is 0, which is no text"),
        ({"value": 1.0, "scope": "slot", "about": "0"}, "there is no slot '0' in it"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_nothing_is_written(
    journal: Journal, fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words) as raised:
        give(journal, "xyz1", Rewarded(value=0.5), Rewarded(**fields))
    assert len(str(raised.value)) < 500
    assert rewards(journal) == {}


def test_a_journal_is_named_by_its_home(tmp_path: Path) -> None:
    own = Journal(tmp_path / "artifacts" / "journal.db")
    own.write("abc1", *map(entry_of, (Opened(prompt="p"), Composed(title="T"))))
    give(tmp_path, "abc", Rewarded(value=0.5))
    assert rewards(own) == {"abc1": 1}
    own.close()
