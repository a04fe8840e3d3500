"""The sum: theirs to the last digit, and ours, from which what does not apply is left out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from llmi_agent.contract.judging import Demand, Score
from llmi_agent.rewards import PROFILES, Facts, combined, paper, profile_of, rule_scores
from llmi_agent.rewards.draft_facts import DraftFacts
from llmi_agent.rewards.profile import OF_PICTURES
from llmi_agent.rewards.slot_facts import SlotFacts
from llmi_agent.testing import FakeTool, slot

PROSE = "# Ships\n\nThey carry most of what the world trades, and few people see one.\n\n"


def votes(facts: Facts, text: int, tag: int, *pictures: int) -> list[Score]:
    """Judges' scores as they gave them, from 1 to 5."""
    said = {"text": text, "tag": tag, **dict(zip(OF_PICTURES, pictures, strict=False))}
    return [Score(component=name, value=(vote - 1) / 4) for name, vote in said.items()]


@pytest.mark.parametrize("demanded", [-1, 0, 1, 2, 3, 99])
@pytest.mark.parametrize("shown", [1, 2, 3])
async def test_the_papers_sum_is_theirs(write: Any, demanded: int, shown: int) -> None:
    text = PROSE + "".join(slot("search", f"S{n}", query=f"ship {n}") for n in range(shown))
    done = await write(text, FakeTool("s", "search"), pictures=demanded)
    for said in ((1, 5, 2, 3, 4), (4, 2, 5, 5, 1), (5, 5, 5, 5, 5), (1, 1, 1, 1, 1)):
        scored = done.under("paper", *votes(done.facts, *said))
        theirs = paper.total(
            count_score=paper.count_score(shown, demanded),
            **dict(zip(("text", "tag", *OF_PICTURES), said, strict=True)),
            text_weight=1.4,
            tag_weight=0.6,
        )
        assert scored.total.value == pytest.approx(theirs, abs=1e-9)


async def test_theirs_for_no_pictures_and_for_too_many(write: Any) -> None:
    bare = await write(PROSE, FakeTool("s", "search"), pictures=0)
    scored = bare.under("paper", *votes(bare.facts, 4, 3))
    best = {"image_quality": 5, "task_relevance": 5, "text_image_relevance": 5}
    known = {"text": 4, "tag": 3, "text_weight": 1.4, "tag_weight": 0.6}
    assert scored.total.value == pytest.approx(paper.total(count_score=1, **known, **best))
    text = PROSE + "".join(slot("search", f"S{n}", query=f"ship {n}") for n in range(11))
    many = await write(text, FakeTool("s", "search"), pictures=99)
    scored = many.under("paper", *votes(many.facts, 4, 3, 5, 5, 5))
    worst = dict.fromkeys(best, 1)
    assert scored.total.value == pytest.approx(paper.total(count_score=1, **known, **worst))


async def test_theirs_of_a_document_without_prose(write: Any) -> None:
    done = await write(slot("search", "S", query="ship"), FakeTool("s", "search"), pictures=1)
    scored = done.under("paper", *votes(done.facts, 5, 5, 5, 5, 5))
    said = {"text": 1, "tag": 5, **dict.fromkeys(OF_PICTURES, 5)}
    theirs = paper.total(count_score=1, **said, text_weight=1.4, tag_weight=0.6)
    assert scored.total.value == pytest.approx(theirs)


async def test_theirs_counts_what_was_realised(write: Any) -> None:
    """Duplicates count, and what the infrastructure lost does not: that is what their code does."""
    text = PROSE + slot("search", "S", query="ship") * 2
    done = await write(text, FakeTool("s", "search"), pictures=2)
    assert done.under("paper").value("count") == 1
    assert done.under("llmi").value("count") == 0.5


async def test_r_tool_can_be_summed(write: Any) -> None:
    text = PROSE + slot("search", "S", query="ship")
    done = await write(text, FakeTool("s", "search"), pictures=1, kinds=["code", "search"])
    weighed = profile_of("paper", {"weights": {"kinds": 1.0}})
    assert done.under(weighed).total.value == pytest.approx(0.2 / 0.6)


async def test_components_of_plugins_are_summed(write: Any) -> None:
    done = await write(PROSE + slot("search", "S", query="s"), FakeTool("s", "search"), pictures=1)
    weighed = profile_of("llmi", {"weights": {"count": 1, "aesthetics": 3}})
    seen = done.under(weighed, Score(component="aesthetics", value=0.5))
    assert seen.total.value == pytest.approx((1 + 3 * 0.5) / 4)
    assert seen.total.reason == "0.25 count 1 + 0.75 aesthetics 0.5"
    ill = done.under(weighed, Score(component="aesthetics", value=None, error="it is ill"))
    assert (ill.total.value, ill.total.error) == (None, "aesthetics: it is ill")
    lacking = done.under(weighed, Score(component="other", value=1.0))
    assert "aesthetics: nobody has scored it" in lacking.total.error
    of_a_slot = done.under(weighed, Score(component="aesthetics", slot=0, value=1.0))
    assert of_a_slot.total.value is None, "the one of the whole is the component"


async def test_nobody_overrules_the_rules(write: Any) -> None:
    done = await write(PROSE, FakeTool("s", "search"), pictures=1)
    sly = done.under(
        profile_of("llmi", {"weights": {"count": 1}}), Score(component="count", value=1.0)
    )
    assert sly.total.value == 0


async def test_where_nothing_applies_there_is_no_total(write: Any) -> None:
    done = await write(PROSE, FakeTool("s", "search"))
    assert done.under(profile_of("rules", {"weights": {"count": 1}})).total.error == (
        "nothing of the profile applies to it"
    )


async def test_the_gate_and_the_weights_of_pictures_are_settings(write: Any) -> None:
    done = await write(PROSE + slot("search", "S", query="s"), FakeTool("s", "search"), pictures=2)
    assert done.value("pictures") == pytest.approx(0.6 * 0.5)
    assert done.under(profile_of("llmi", {"gated": False})).value("pictures") == pytest.approx(0.6)
    quality = profile_of("llmi", {"picture_weights": {"image_quality": 1}, "gated": False})
    judged = (
        Score(component="image_quality", slot=0, value=0.1),
        Score(component="task_relevance", slot=0, value=None, error="not asked"),
    )
    assert done.under(quality, *judged).value("pictures") == pytest.approx(0.1)


SLOTS = st.builds(
    SlotFacts,
    slot=st.just(0),
    kind=st.sampled_from(["search", "code"]),
    described=st.booleans(),
    fault=st.none(),
    why=st.just("why"),
    repairs=st.integers(0, 3),
    picture=st.booleans(),
    placeholder=st.booleans(),
    duplicate_of=st.sampled_from([None, 0]),
    valid=st.sampled_from([True, True, False, None]),
    counts=st.sampled_from([True, True, False]),
    earns=st.sampled_from(["earned", "minimum", "missing"]),
)
DRAFTS = st.builds(
    DraftFacts,
    cut=st.sampled_from([None, None, "policy", "infrastructure"]),
    cut_why=st.just("it is cut"),
    prose=st.booleans(),
    repetition=st.floats(0, 1),
)
DEMANDS = st.none() | st.builds(
    Demand,
    pictures=st.sampled_from([-1, 0, 1, 3, 99]),
    kinds=st.sampled_from([(), ("code",), ("code", "search")]),
)
SHARES = st.none() | st.floats(0, 1)


@settings(max_examples=200, deadline=None)
@given(
    drafts=DRAFTS,
    slots=st.lists(SLOTS, max_size=5),
    demand=DEMANDS,
    text=SHARES,
    picture=SHARES,
    name=st.sampled_from([*PROFILES]),
)
def test_a_total_is_from_0_to_1_or_says_why_there_is_none(
    drafts: DraftFacts,
    slots: list[SlotFacts],
    demand: Demand | None,
    text: float | None,
    picture: float | None,
    name: str,
) -> None:
    numbered = tuple(SlotFacts(**{**vars(each), "slot": n}) for n, each in enumerate(slots))
    facts = Facts(episode="e", demand=demand, draft=drafts, slots=numbered)
    said = {"text": text, "tag": text, **dict.fromkeys(OF_PICTURES, picture)}
    judged = [
        Score(component=each, value=value, error="" if value is not None else "it failed")
        for each, value in said.items()
    ]
    profile = PROFILES[name]
    scores = combined(profile, facts, rule_scores(facts, profile), judged)
    assert scores[-1].component == "total"
    assert [each.component for each in scores].count("total") == 1
    for each in scores:
        assert each.value is None or 0 <= each.value <= 1 + 1e-9
        assert (each.value is None) == bool(each.error)
    if drafts.lost:
        assert scores[-1].value is None
