"""From judgements to numbers, on judgements that are written down here."""

from __future__ import annotations

import math
from typing import Any

import pytest

from llmi_agent.judges.calibrate import Collection
from llmi_agent.judges.calibrate.asking import Judgement
from llmi_agent.judges.calibrate.measures import Found, found
from llmi_agent.judges.calibrate.thresholds import Thresholds
from llmi_agent.judges.calibrate.verdict import reasons

VERSIONS = ("good", "swapped", "missing", "padded", "instructing", "early", "late", "short", "long")


def judgement(version: str, topic: str = "rain", repeat: int = 0, **more: Any) -> Judgement:
    return Judgement(0, topic, version, repeat, 0.1, **more)


def of(collection: Collection, component: str, judgements: list[Judgement]) -> Found:
    (one,) = (each for each in found(judgements, collection) if each.component == component)
    return one


def scored(**values: float | None) -> list[Judgement]:
    return [judgement(version, scores={"text": value}) for version, value in values.items()]


def test_ties_are_halves_and_are_said(collection: Collection) -> None:
    text = of(collection, "text", scored(good=1.0, padded=1.0, instructing=0.5))
    orders = {str(each): (each.right, each.tied, each.wrong) for each in text.orders}
    assert orders == {
        "good > padded": (0, 1, 0),
        "padded > instructing": (1, 0, 0),
        "good > instructing": (1, 0, 0),
    }
    assert text.accuracy == pytest.approx(2.5 / 3)
    assert text.ties == pytest.approx(1 / 3)


def test_what_has_the_lowest_score_cannot_be_judged_worse(collection: Collection) -> None:
    text = of(collection, "text", scored(good=1.0, padded=0.0, instructing=0.0))
    assert text.accuracy == 1.0
    other = of(collection, "text", scored(good=0.0, padded=0.0, instructing=0.0))
    assert [each.tied for each in other.orders] == [1, 0, 0]  # only who instructs is excused


def test_a_pair_with_a_missing_score_is_not_compared(collection: Collection) -> None:
    judgements = scored(good=1.0, instructing=0.0)
    judgements.append(judgement("padded", scores={"text": None}, errors={"text": "down"}))
    text = of(collection, "text", judgements)
    assert [each.missing for each in text.orders] == [1, 1, 0]
    assert (text.accuracy, text.asked, text.missing) == (1.0, 3, 1)
    assert text.reasons == (("down", 1),)


def test_spread_is_pooled_within_documents(collection: Collection) -> None:
    values = {("good", 0): 1.0, ("good", 1): 0.5, ("padded", 0): 0.25, ("padded", 1): 0.25}
    judgements = [judgement(v, repeat=r, scores={"text": x}) for (v, r), x in values.items()]
    assert of(collection, "text", judgements).spread == pytest.approx(math.sqrt(0.125 / 2))
    assert of(collection, "text", judgements[:1]).spread is None


def test_twins_are_compared_within_topic_and_repetition(collection: Collection) -> None:
    told = {"rain": (0.5, 0.75), "tea": (0.25, 0.75)}
    judgements = [
        judgement(version, topic, scores={"text": value})
        for topic, pair in told.items()
        for version, value in zip(("early", "late"), pair, strict=True)
    ]
    position = of(collection, "text", judgements).position
    assert position
    assert (position.mean, position.count) == (pytest.approx(0.375), 2)


def test_a_figure_is_compared_with_itself_in_another_place(collection: Collection) -> None:
    """The first place is worth 0.2 more, whatever stands there."""
    forward = {0: 0.9, 1: 0.7, 2: 0.5}  # the pictures are worth 0.7, 0.7, 0.5
    backward = {0: 0.7, 1: 0.7, 2: 0.7}
    judgements = [
        judgement(version, scores={"image_quality": 0.7}, figures={"image_quality": figures})
        for version, figures in (("forward", forward), ("backward", backward))
    ]
    moved = of(collection, "image_quality", judgements).figures
    assert moved
    assert moved.mean == pytest.approx(-0.2)


def test_wholes_are_compared_by_what_both_documents_have(collection: Collection) -> None:
    """Clip art is worth something to a judge of pictures; it does not make a document better than one without pictures."""
    told = {
        "missing": ({"text": 1.0, "tag": 0.0}, {}),
        "padded": ({"text": 0.5, "tag": 0.25}, {"image_quality": 0.75}),
    }
    judgements = [
        Judgement(judge, "rain", version, 0, 0.1, scores)
        for version, both in told.items()
        for judge, scores in enumerate(both)
    ]
    whole = of(collection, "whole", judgements)
    assert whole.means == {"missing": 0.5, "padded": pytest.approx((0.375 + 0.75) / 2)}
    outcome = {str(each): (each.right, each.count) for each in whole.orders}
    assert outcome["missing > padded"] == (1, 1)


def test_a_whole_with_a_part_missing_is_missing(collection: Collection) -> None:
    judgements = [judgement("good", scores={"text": 1.0, "tag": None}, errors={"tag": "down"})]
    whole = of(collection, "whole", judgements)
    assert (whole.means, whole.missing) == ({}, 1)


def test_gullibility_is_said_by_way(collection: Collection) -> None:
    told = {"rain": (0.25, 1.0), "tea": (0.25, 0.0)}
    judgements = [
        judgement(version, topic, scores={"text": value})
        for topic, pair in told.items()
        for version, value in zip(("padded", "instructing"), pair, strict=True)
    ]
    said = of(collection, "text", judgements).gullibility
    assert (said.raised, said.lowered, said.count) == (1, 1, 2)
    assert said.ways == {collection.way("rain"): 0.75, collection.way("tea"): -0.25}


def test_one_way_that_works_is_enough(collection: Collection) -> None:
    judgements = [
        judgement(version, topic.name, repeat, scores={"text": value})
        for topic in collection.topics
        for repeat in (0, 1)
        for version in VERSIONS
        for value in [{"missing": 0.5, "padded": 0.25, "instructing": 0.0}.get(version, 0.75)]
        if (version, topic.name) != ("instructing", "moon")
    ]
    parts = found(judgements, collection)
    assert reasons(parts, 15, 2, Thresholds()) == ()
    judgements += [judgement("instructing", "moon", r, scores={"text": 1.0}) for r in (0, 1)]
    (text, *_) = reasons(found(judgements, collection), 15, 2, Thresholds())
    way = collection.way("moon")
    assert text == f"text: it is gullible: it was talked into a better score by {way}"


@pytest.mark.parametrize(
    ("topics", "repeats", "expected"),
    [(3, 2, "only 3 topics"), (15, 1, "judged once"), (15, 2, "no order is known")],
)
def test_what_was_not_asked_cannot_be_fit(
    collection: Collection, topics: int, repeats: int, expected: str
) -> None:
    judgements = [judgement("good", repeat=r, scores={"charm": 0.5}) for r in range(repeats)]
    said = reasons(found(judgements, collection), topics, repeats, Thresholds())
    assert expected in " ".join(said)


@pytest.mark.parametrize("setting", ["accuracy", "step", "spread", "bias", "missing"])
def test_every_threshold_decides(collection: Collection, setting: str) -> None:
    """A judge that errs a little is fit by default, and is not where nothing is allowed."""
    late = {0: 0.8, 1: 0.7}
    judgements = [
        judgement(v, topic.name, r, scores={"text": x}, errors=errors)
        for topic in collection.topics
        for r in (0, 1)
        for v, x in {"good": 0.75 + r / 10, "padded": 0.3, "early": 0.7, "late": late[r]}.items()
        for errors in [{}]
    ]
    judgements += [
        judgement("padded", n.name, 2, scores={"text": 0.9}) for n in collection.topics[:3]
    ]
    judgements += [
        judgement("good", n.name, 2, scores={"text": 0.8}) for n in collection.topics[:3]
    ]
    lost = {"scores": {"text": None}, "errors": {"text": "down"}}
    judgements.append(judgement("short", "tea", 0, **lost))
    judgements += [
        judgement("instructing", n.name, r, scores={"text": 0.0})
        for n in collection.topics
        for r in (0, 1)
    ]
    parts = found(judgements, collection)
    text = [each for each in parts if each.judge >= 0]
    strict = {"accuracy": 1.0, "step": 1.0, "spread": 0.0, "bias": 0.0, "missing": 0.0}
    assert reasons(text, 15, 3, Thresholds()) == ()
    told = reasons(text, 15, 3, Thresholds(**{setting: strict[setting]}))
    assert told
    assert all(each.startswith("text: ") for each in told)
