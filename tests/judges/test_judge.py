"""A judge's score is the median of the votes that count; a judge that failed is missing; nobody pays twice for a judgement."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from llmi_agent.base.errors import ConfigError
from llmi_agent.config.options import Options
from llmi_agent.contract.judging import Judge, Score
from llmi_agent.host.registry import discover, registry_of
from llmi_agent.judges import Memory, PictureJudge, TextJudge, judges_of
from llmi_agent.records.codec import entry_of
from llmi_agent.records.events import Rewarded
from llmi_agent.records.journal import Journal, journal_beside
from llmi_agent.run.adviser import Adviser
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import ScriptedModel, asked_of

from .conftest import DRAFT, exhibit_with, marks, scripted, values


async def test_a_text_is_judged_by_its_draft_alone(store: ArtifactStore) -> None:
    adviser, model = scripted(store, marks(4, 2))
    judge: Judge = TextJudge(adviser)
    scores = await judge.judge(exhibit_with(store, 1))
    assert [(s.component, s.value) for s in scores] == [("text", 0.75), ("tag", 0.25)]
    asked = asked_of(model.asked[0])
    assert (asked.request, asked.document) == ("Of harbours.", DRAFT)
    assert asked.pictures == []


async def test_what_a_model_thought_is_no_part_of_its_draft(store: ArtifactStore) -> None:
    adviser, model = scripted(store, marks(4))
    await TextJudge(adviser).judge(exhibit_with(store, 0, draft=f"<think>Five!</think>{DRAFT}"))
    assert asked_of(model.asked[0]).document == DRAFT


async def test_each_figure_is_judged_and_their_mean_is_the_documents(store: ArtifactStore) -> None:
    adviser, model = scripted(store, marks(3, 4, 5, reason="Sharp."))
    judge: Judge = PictureJudge(adviser)
    scores = await judge.judge(exhibit_with(store, 3))
    for component in judge.components:
        found = {s.slot: s.value for s in scores if s.component == component}
        assert found == {0: 0.5, 2: 0.75, 4: 1.0, None: 0.75}
    whole = [s for s in scores if s.slot is None]
    assert {s.reason for s in whole} == {"Figure 1: Sharp.; Figure 2: Sharp.; Figure 3: Sharp."}
    assert len(asked_of(model.asked[0]).pictures) == 3


async def test_figures_without_a_slot_count_for_the_document(store: ArtifactStore) -> None:
    adviser, _ = scripted(store, marks(3, 5))
    plain = exhibit_with(store, 2)
    shown = replace(plain, figures=tuple(replace(each, slot=None) for each in plain.figures))
    scores = await PictureJudge(adviser).judge(shown)
    assert [(s.slot, s.value) for s in scores] == [(None, 0.75)] * 3


async def test_placeholders_are_not_judged(store: ArtifactStore) -> None:
    adviser, model = scripted(store, marks(5))
    plain = exhibit_with(store, 2)
    first = replace(plain.figures[0], placeholder=True)
    scores = await PictureJudge(adviser).judge(replace(plain, figures=(first, plain.figures[1])))
    assert {s.slot for s in scores} == {2, None}
    assert list(asked_of(model.asked[0]).entries) == ["2"]
    assert await PictureJudge(adviser).judge(replace(plain, figures=(first,))) == ()
    assert await PictureJudge(adviser).judge(exhibit_with(store, 0)) == ()
    assert len(model.asked) == 1


async def test_one_picture_in_two_places_is_judged_in_both(store: ArtifactStore) -> None:
    adviser, _ = scripted(store, marks(2, 4))
    plain = exhibit_with(store, 1)
    again = replace(plain.figures[0], figure=2, slot=5)
    scores = await PictureJudge(adviser).judge(replace(plain, figures=(*plain.figures, again)))
    assert {(s.slot, s.value) for s in scores} == {(0, 0.25), (5, 0.75), (None, 0.5)}


@pytest.mark.parametrize(
    ("given", "counted", "value"),
    [
        ([4, 4, 4], [4, 4, 4], 0.75),
        ([1, 5, 5], [1, 5, 5], 1.0),
        ([1, 5], [1, 5], 0.5),
        ([2, None, 3], [2, 3], 0.375),
        ([2, None], [2], 0.25),
        ([None, None, 5], [], None),
        ([None, 5, None, 5], [5, 5], 1.0),
        ([None], [], None),
    ],
)
async def test_the_median_of_the_votes_that_count(
    given: list[int | None], counted: list[int], value: float | None, store: ArtifactStore
) -> None:
    adviser, model = scripted(store, *("I cannot." if n is None else marks(n) for n in given))
    (text, _) = await TextJudge(adviser, votes=len(given)).judge(exhibit_with(store, 0))
    assert len(model.asked) == len(given)
    assert text.value == value
    if value is None:
        assert "no ballot of this question; it begins: I cannot." in text.error
        return
    assert sorted(text.votes) == (sorted(counted) if len(given) > 1 else [])


async def test_failures_are_said_once_with_their_count(store: ArtifactStore) -> None:
    adviser, _ = scripted(store, "I cannot.", "I will not.", "I cannot.", marks(5), marks(6))
    (text, _) = await TextJudge(adviser, votes=5).judge(exhibit_with(store, 0))
    assert text.error.startswith("4 of 5 votes do not count: ")
    assert text.error.count("I cannot.") == 1
    assert "(2 times); " in text.error
    assert "the score 6" in text.error


async def test_the_reason_is_that_of_a_vote_near_the_median(store: ArtifactStore) -> None:
    adviser, _ = scripted(
        store, marks(1, reason="Bad."), marks(4, reason="Good."), marks(5, reason="Best.")
    )
    (text, _) = await TextJudge(adviser, votes=3).judge(exhibit_with(store, 0))
    assert (text.value, text.reason) == (0.75, "Good.")


async def test_nothing_to_judge_is_missing_and_not_asked(store: ArtifactStore) -> None:
    adviser, model = scripted(store, marks(5))
    scores = await TextJudge(adviser).judge(exhibit_with(store, 0, draft="<think>Hm.</think> \n"))
    assert [s.error for s in scores] == ["there is no text to judge"] * 2
    assert not model.asked


class Wild(ScriptedModel):
    """Raises what nobody expects."""

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        raise ZeroDivisionError("of all things")
        yield ChatGenerationChunk(message=AIMessageChunk(""))

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError


async def test_a_judge_never_raises(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    adviser = Adviser.of(Wild(script=[""]), registry_of(), store, secrets={})
    scores = await TextJudge(adviser).judge(exhibit_with(store, 0))
    assert all("of all things" in s.error and s.value is None for s in scores)

    async def broken(*args: Any, **kwargs: Any) -> None:
        raise MemoryError("no room")

    adviser, _ = scripted(store, marks(5))
    monkeypatch.setattr("llmi_agent.judges.of_pictures.gallery", broken)
    scores = await PictureJudge(adviser).judge(exhibit_with(store, 1))
    assert {s.error for s in scores} == {"the judge failed: MemoryError: no room"}


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"votes": 0}, "1 to 99"),
        ({"votes": 100}, "1 to 99"),
        ({"deadline": 0}, "seconds above 0"),
        ({"deadline": float("nan")}, "seconds above 0"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], why: str, store: ArtifactStore) -> None:
    adviser, _ = scripted(store, marks(5))
    with pytest.raises(ConfigError, match=why):
        TextJudge(adviser, **settings)


def test_models_that_cannot_judge(store: ArtifactStore) -> None:
    program = Adviser.of("offline", discover(), store, secrets={})
    with pytest.raises(
        ConfigError, match="offline is a program, which writes documents and judges"
    ):
        TextJudge(program)
    blind, _ = scripted(store, marks(5), vision=False)
    with pytest.raises(ConfigError, match="set vision = true"):
        PictureJudge(blind)
    TextJudge(blind)


def test_a_blind_stand_in_makes_a_blind_adviser(store: ArtifactStore) -> None:
    one = ScriptedModel(script=["a"], profile={"image_inputs": True})
    other = ScriptedModel(script=["a"])
    assert Adviser.of(one, registry_of(), store, secrets={}).sees
    both = Adviser.of(one, registry_of(), store, fallback=[other], secrets={})
    assert not both.sees
    program = Adviser.of(one, discover(), store, fallback=["offline"], secrets={})
    assert not program.language_model


async def test_a_deadline_begins_with_the_turn(store: ArtifactStore) -> None:
    async def answer(messages: Any) -> str:
        await asyncio.sleep(0.1)
        return marks(4)(messages)

    class Slow(ScriptedModel):
        async def _astream(self, messages: Any, *a: Any, **k: Any) -> AsyncIterator[Any]:
            yield ChatGenerationChunk(message=AIMessageChunk(await answer(messages)))

    options = Options(limits={"model": 1})
    adviser = Adviser.of(Slow(script=[""]), registry_of(), store, options=options, secrets={})
    judge = TextJudge(adviser, deadline=1.5)
    exhibits = [exhibit_with(store, 0, prompt=f"Of {n}.") for n in range(20)]
    scores = await asyncio.gather(*map(judge.judge, exhibits))
    assert {value for some in scores for value in values(some)} == {0.75}


async def test_the_same_question_is_asked_once(store: ArtifactStore) -> None:
    adviser, model = scripted(store, marks(4))
    judge, exhibit = TextJudge(adviser, votes=2), exhibit_with(store, 0)
    several = await asyncio.gather(*(judge.judge(exhibit) for _ in range(20)))
    assert len(set(several)) == 1
    assert len(model.asked) == 2
    assert await judge.judge(replace(exhibit, text="Elsewhere", figures=())) == several[0]
    assert len(model.asked) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda judge, exhibit: (judge, replace(exhibit, prompt="Other.")),
        lambda judge, exhibit: (judge, replace(exhibit, draft=exhibit.draft + ".")),
        lambda judge, exhibit: (judge.seeded(1), exhibit),
        lambda judge, exhibit: (TextJudge(judge.adviser, votes=3, memory=judge._memory), exhibit),
    ],
)
async def test_another_question_is_asked_anew(change: Any, store: ArtifactStore) -> None:
    adviser, model = scripted(store, marks(4))
    judge, exhibit = TextJudge(adviser), exhibit_with(store, 0)
    await judge.judge(exhibit)
    asked = len(model.asked)
    other, changed = change(judge, exhibit)
    await other.judge(changed)
    assert len(model.asked) > asked


async def test_other_sampling_or_another_model_is_another_question(store: ArtifactStore) -> None:
    exhibit, keys = exhibit_with(store, 0), set()
    for name, options in (("a", {}), ("b", {}), ("a", {"temperature": 0.5}), ("a", {"seed": 2})):
        adviser, model = scripted(store, marks(4), **options)
        object.__setattr__(adviser._policy.models[0], "name", name)
        keys.add(TextJudge(adviser).key(exhibit))
        assert model.asked == []
    assert len(keys) == 4


async def test_a_picture_that_changed_is_another_question(store: ArtifactStore) -> None:
    adviser, _ = scripted(store, marks(4))
    judge, one = PictureJudge(adviser), exhibit_with(store, 2)
    swapped = tuple(
        replace(a, digest=b.digest) for a, b in zip(one.figures, one.figures[::-1], strict=True)
    )
    moved = (one.figures[0], replace(one.figures[1], slot=7))
    keys = {judge.key(replace(one, figures=figures)) for figures in (one.figures, swapped, moved)}
    assert len(keys) == 3


async def test_what_failed_is_asked_again(store: ArtifactStore) -> None:
    adviser, _ = scripted(store, "I cannot.", marks(4))
    judge, exhibit = TextJudge(adviser), exhibit_with(store, 0)
    assert values(await judge.judge(exhibit)) == [None, None]
    assert values(await judge.judge(exhibit)) == [0.75, 0.75]


async def test_when_the_one_who_asks_is_stopped_the_next_one_asks(store: ArtifactStore) -> None:
    gate, begun = asyncio.Event(), asyncio.Event()
    calls = []

    class Slow(ScriptedModel):
        async def _astream(self, messages: Any, *a: Any, **k: Any) -> AsyncIterator[Any]:
            calls.append(1)
            begun.set()
            if len(calls) == 1:
                await gate.wait()
            yield ChatGenerationChunk(message=AIMessageChunk(marks(4)(messages)))

    adviser = Adviser.of(Slow(script=[""]), registry_of(), store, secrets={})
    judge, exhibit = TextJudge(adviser), exhibit_with(store, 0)
    first = asyncio.create_task(judge.judge(exhibit))
    second = asyncio.create_task(judge.judge(exhibit))
    await begun.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert values(await second) == [0.75, 0.75]
    assert len(calls) == 2


def test_a_judge_serves_several_loops(store: ArtifactStore) -> None:
    adviser, model = scripted(store, marks(4))
    judge, exhibit = TextJudge(adviser), exhibit_with(store, 0)
    assert asyncio.run(judge.judge(exhibit)) == asyncio.run(judge.judge(exhibit))
    assert len(model.asked) == 1


async def test_the_memory_is_bounded(store: ArtifactStore) -> None:
    adviser, model = scripted(store, marks(4))
    judge = TextJudge(adviser, memory=Memory(2))
    exhibits = [exhibit_with(store, 0, prompt=f"Of {n}.") for n in range(3)]
    for each in (*exhibits, exhibits[2], exhibits[1], exhibits[0]):
        await judge.judge(each)
    assert len(model.asked) == 4


@pytest.fixture
def journal(store: ArtifactStore) -> Journal:
    return journal_beside(store)


def on_record(journal: Journal, scores: Sequence[Score]) -> None:
    """As whoever gives rewards puts them there."""
    journal.write(
        "an-episode",
        *(
            entry_of(
                Rewarded(
                    component=s.component,
                    value=s.value,
                    scope="episode" if s.slot is None else "slot",
                    about="" if s.slot is None else str(s.slot),
                    status="error" if s.value is None else "ok",
                    error=s.error,
                    judge=s.judge,
                    rubric=s.rubric,
                    reason=s.reason,
                    votes=s.votes,
                    reuse=s.reuse,
                )
            )
            for s in scores
        ),
    )


async def test_a_judgement_on_record_is_found_by_another_process(
    store: ArtifactStore, journal: Journal
) -> None:
    exhibit = exhibit_with(store, 2)
    for kind in (TextJudge, PictureJudge):
        adviser, model = scripted(store, marks(4, 2))
        judge = kind(adviser, votes=3, remember=journal)
        scores = await judge.judge(exhibit)
        assert len(model.asked) == 3
        on_record(journal, scores)
        later, asked = scripted(store, marks(1))
        found = await kind(later, votes=3, remember=journal).judge(exhibit)
        assert {s.component: s for s in found} == {s.component: s for s in scores}
        assert sorted(map(str, found)) == sorted(map(str, scores))
        assert not asked.asked
        await kind(later, votes=5, remember=journal).judge(exhibit)
        assert len(asked.asked) == 5


async def test_half_a_judgement_on_record_is_judged_anew(
    store: ArtifactStore, journal: Journal
) -> None:
    exhibit = exhibit_with(store, 0)
    adviser, model = scripted(store, marks(4))
    judge = TextJudge(adviser, remember=journal, memory=Memory(0))
    scores = await judge.judge(exhibit)
    on_record(journal, scores[:1])
    await judge.judge(exhibit)
    assert len(model.asked) == 2


async def test_a_judgement_without_a_picture_is_found_by_nobody(store: ArtifactStore) -> None:
    adviser, _ = scripted(store, marks(4))
    exhibit = exhibit_with(store, 2)
    assert all(s.reuse for s in await PictureJudge(adviser).judge(exhibit))
    store.path(exhibit.figures[0].digest).unlink()
    scores = await PictureJudge(adviser).judge(exhibit)
    assert {s.slot for s in scores if s.value is not None} == {2, None}
    assert {s.reuse for s in scores} == {None}


def test_judges_by_the_models_names(store: ArtifactStore) -> None:
    model = ScriptedModel(script=[""])
    options = Options(vision=True)
    text, pictures = judges_of(
        registry_of(), store, text=model, pictures=model, options=options, secrets={}
    )
    assert isinstance(text, TextJudge)
    assert isinstance(pictures, PictureJudge)
    assert text.adviser is pictures.adviser
    assert judges_of(registry_of(), store) == ()


async def test_one_budget_for_all(store: ArtifactStore) -> None:
    def paid(name: str) -> ScriptedModel:
        class Paid(ScriptedModel):
            model_name: str = name

        return Paid(script=marks(4), chunk=100_000)

    options = Options(vision=True, prices={"a": "1000/1000", "b": "1000/1000"}, max_tokens=300)  # type: ignore[dict-item]
    text, pictures = judges_of(
        registry_of(),
        store,
        text=paid("a"),
        pictures=paid("b"),
        budget=3.0,
        options=options,
        secrets={},
    )
    exhibit = exhibit_with(store, 1)
    assert None not in values(await text.judge(exhibit))
    scores = await pictures.judge(exhibit)
    assert set(values(scores)) == {None}
    assert "budget" in scores[0].error
