"""An episode that is found more than once: what all copies say, or that they contradict each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.base.errors import InputError
from llmi_agent.records.codec import entry_of
from llmi_agent.records.events import Opened, Rewarded
from llmi_agent.records.journal import Journal
from llmi_agent.records.overview import Chosen
from llmi_agent.traces.choosing import one, traces
from llmi_agent.traces.verify import verify


def journal(folder: Path, *events: Any) -> Journal:
    """One with the episode `e`."""
    folder.mkdir()
    found = Journal(folder / "journal.db")
    found.write("e", *(replace(entry_of(each), at=float(n)) for n, each in enumerate(events, 1)))
    return found


OPENED = Opened(prompt="Foxes", setup="s", model="m")


def given(value: float) -> Rewarded:
    return Rewarded(value=value, profile="p")


def test_copies_that_only_add_are_read_as_one(tmp_path: Path) -> None:
    less = journal(tmp_path / "less", OPENED)
    more = journal(tmp_path / "more", OPENED, given(0.5))
    for places in ([less, more], [more, less], [less, less, more]):
        (found,) = traces(places)
        assert [each.given.value for each in found.rewards] == [0.5]
        assert len(one(places, "e").rewards) == 1
        assert len(list(traces(places, Chosen(rewarded=True)))) == 1


def test_copies_that_contradict_each_other_cannot_be_read(tmp_path: Path) -> None:
    first = journal(tmp_path / "one", OPENED)
    other = journal(tmp_path / "two", replace(OPENED, prompt="Bears"))
    for found in (next(traces([first, other])), one([first, other], "e")):
        with pytest.raises(
            InputError, match=r"the run e is found 2 times.*contradict.*differ in record 1 of 1"
        ):
            found.records  # noqa: B018
        (finding,) = verify(found)
        assert (finding.record, finding.level) == ("records", "error")
