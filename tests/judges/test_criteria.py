"""The checklist: yes, partly or no to each criterion, of any list, and the mean of them."""

from __future__ import annotations

from typing import Any

import pytest

from llmi_agent.base.errors import ConfigError, InputError
from llmi_agent.contract.judging import Judge
from llmi_agent.judges import Checklist, criteria_of
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import asked_of

from .conftest import exhibit_with, marks, scripted, values

ROW = {
    "id": "1",
    "prompt": "Of harbours.",
    "r1": "Is it about harbours?",
    "r2": "Is there a map?",
    "r10": "Is it short?",
}
QUESTIONS = ["Is it about harbours?", "Is there a map?"]


async def test_each_criterion_and_their_mean(store: ArtifactStore) -> None:
    adviser, model = scripted(store, marks("yes", "partly", "no", reason="So it is."))
    judge: Judge = Checklist(adviser, criteria_of(ROW))
    scores = await judge.judge(exhibit_with(store, 1))
    assert [s.component for s in scores] == list(judge.components)
    assert dict(zip(judge.components, values(scores), strict=True)) == {
        "criteria.r1": 1.0,
        "criteria.r2": 0.5,
        "criteria.r10": 0.0,
        "criteria": 0.5,
    }
    assert scores[-1].reason == "r1 yes: So it is.; r2 partly: So it is.; r10 no: So it is."
    asked = asked_of(model.asked[0])
    assert "r10: Is it short?" in asked.rubric
    assert asked.document == exhibit_with(store, 1).text
    assert len(asked.pictures) == 1


async def test_a_blind_model_reads_alone(store: ArtifactStore) -> None:
    adviser, model = scripted(store, marks("yes"), vision=False)
    exhibit = exhibit_with(store, 60)
    assert values(await Checklist(adviser, QUESTIONS).judge(exhibit)) == [1.0, 1.0, 1.0]
    assert asked_of(model.asked[0]).pictures == []
    with pytest.raises(ConfigError, match="takes pictures"):
        Checklist(adviser, QUESTIONS, pictures=True)


async def test_it_looks_at_fifty_pictures_and_not_at_more(store: ArtifactStore) -> None:
    adviser, model = scripted(store, marks("yes"))
    judge = Checklist(adviser, QUESTIONS)
    assert values(await judge.judge(exhibit_with(store, 50))) == [1.0] * 3
    assert values(await judge.judge(exhibit_with(store, 51))) == [0.0] * 3
    assert len(model.asked) == 1
    without = Checklist(adviser, QUESTIONS, pictures=False)
    assert values(await without.judge(exhibit_with(store, 51))) == [1.0] * 3


async def test_a_picture_that_is_not_there_leaves_all_open(store: ArtifactStore) -> None:
    adviser, model = scripted(store, marks("yes"))
    exhibit = exhibit_with(store, 2)
    store.path(exhibit.figures[0].digest).unlink()
    scores = await Checklist(adviser, QUESTIONS).judge(exhibit)
    assert values(scores) == [None] * 3
    assert not model.asked


async def test_two_votes_that_differ_meet_halfway(store: ArtifactStore) -> None:
    adviser, _ = scripted(store, marks("yes"), marks("partly"))
    scores = await Checklist(adviser, ["A?"], votes=2).judge(exhibit_with(store, 0))
    assert values(scores) == [0.75, 0.75]
    assert scores[0].votes == (1.0, 0.5)
    assert scores[-1].reason.startswith("1 0.75: ")


async def test_a_document_without_text_is_missing(store: ArtifactStore) -> None:
    adviser, _ = scripted(store, marks("yes"))
    scores = await Checklist(adviser, QUESTIONS).judge(exhibit_with(store, 0, text=" "))
    assert {s.error for s in scores} == {"there is no text to judge"}


def test_other_criteria_are_another_rubric(store: ArtifactStore) -> None:
    adviser, _ = scripted(store, marks("yes"))
    lists: list[Any] = [["A?"], ["B?"], ["A?", "B?"], {"r1": "A?"}]
    assert len({Checklist(adviser, each).rubric for each in lists}) == 4


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (ROW, {k: v for k, v in ROW.items() if k.startswith("r")}),
        (
            {"checklist": {"Facts": ["A?", "B?"], "Looks": ["C?"]}},
            {"1": "A?", "2": "B?", "3": "C?"},
        ),
        ({"checklist": ["A?"], "prompt": "p"}, {"1": "A?"}),
        (["A?", "B?"], {"1": "A?", "2": "B?"}),
        ({"about": "A?", "looks": "B?"}, {"about": "A?", "looks": "B?"}),
        ({"r1": "A?", "r11": "no"}, {"r1": "A?"}),
    ],
)
def test_criteria_as_benchmarks_have_them(row: Any, found: dict[str, str]) -> None:
    assert criteria_of(row) == found


@pytest.mark.parametrize(
    "row", [{}, [], {"checklist": {}}, {"checklist": None}, [1], {"checklist": {"a": [None]}}]
)
def test_no_criteria_are_an_error(row: Any) -> None:
    with pytest.raises(InputError, match="criteri"):
        criteria_of(row)


@pytest.mark.parametrize(
    "criteria",
    [
        [],
        ["A?"] * 101,
        "A?",
        [""],
        ["x" * 1_001],
        {"A": "a"},
        {"a b": "a"},
        {"": "a"},
        [1],
        {"a": None},
    ],
)
def test_criteria_that_cannot_be_asked(criteria: Any, store: ArtifactStore) -> None:
    adviser, _ = scripted(store, marks("yes"))
    with pytest.raises(ConfigError):
        Checklist(adviser, criteria)
