"""From a trace to its rewards: judges and plugins that answer, fail, hang; what is on record is not asked again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from llmi_agent import ArtifactStore, ConfigError, InputError, journal_beside, registry_of
from llmi_agent.contract import Demand, Exhibit, RewardSpec, Score, hookimpl
from llmi_agent.rewards import Profile, Scored, Scorer, profile_of
from llmi_agent.testing import FakeTool, ScriptedModel, slot
from llmi_agent.traces import Trace, give, traces
from llmi_graphs import build_graph

DRAFT = f"""# The fox

The fox is red.

{slot("search", "A fox", query="fox")}

It sleeps by day.
"""
WORDS = ("text", "tag")
PICTURES = ("image_quality", "task_relevance", "text_image_relevance")


class Fixed:
    """Gives what it is told to."""

    def __init__(
        self,
        components: Sequence[str] = WORDS,
        value: float | None = 0.75,
        rubric: str = "r1",
        *,
        pause: float = 0.0,
        error: Exception | None = None,
    ) -> None:
        self.components = tuple(components)
        self.rubric = rubric
        self.name = "fixed"
        self.asked: list[Exhibit] = []
        self.most = self._now = 0
        self._value, self._pause, self._error = value, pause, error

    async def judge(self, exhibit: Exhibit) -> Sequence[Score]:
        self.asked.append(exhibit)
        self._now += 1
        self.most = max(self.most, self._now)
        await asyncio.sleep(self._pause)
        self._now -= 1
        if self._error:
            raise self._error
        told: dict[str, Any] = {"value": self._value, "judge": "fixed-1", "rubric": self.rubric}
        told |= {"error": "it is down"} if self._value is None else {"reason": "so so"}
        scores = [Score(component=each, **told) for each in self.components]
        if self.components == PICTURES:
            scores += [
                Score(component=each, slot=shown.slot, **told)
                for shown in exhibit.figures
                for each in PICTURES
            ]
        return scores


def judges(**given: Any) -> tuple[Fixed, Fixed]:
    return Fixed(WORDS, **given), Fixed(PICTURES, **given)


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "store")


async def ran(store: ArtifactStore, times: int = 1, **request: Any) -> Any:
    graph = build_graph(
        model=ScriptedModel(script=[DRAFT]),
        tools=[FakeTool("s", "search")],
        store=store,
        secrets={},
    )
    for _ in range(times):
        answer = await graph.ainvoke({"messages": [HumanMessage("A fox")], **request})
    return answer


def all_of(store: ArtifactStore) -> list[Trace]:
    return list(traces(journal_beside(store)))


async def test_a_trace_gets_rules_judges_and_a_total(store: ArtifactStore) -> None:
    await ran(store, demand={"pictures": 1, "kinds": ["search"]})
    (trace,) = all_of(store)
    scored = await Scorer("llmi", judges()).score(trace)
    assert scored.of("count") == scored.of("validity") == scored.of("kinds") == 1
    assert scored.of("text") == 0.75
    assert scored.total is not None
    assert 0.75 < scored.total < 1
    assert {each.profile for each in scored.rewards} == {scored.rewards[-1].profile}
    assert scored.rewards[-1].component == "total"
    assert {each.scope for each in scored.rewards} >= {"episode", "slot", "call"}
    give(journal_beside(store), trace.episode, *scored.rewards)


@pytest.mark.parametrize(
    "named",
    [
        lambda answer: answer,
        lambda answer: answer["document"],
        lambda answer: answer["document"]["episode"],
    ],
)
async def test_a_fresh_rollout_is_found_where_it_is_on_record(
    store: ArtifactStore, named: Callable[[Any], Any]
) -> None:
    answer = await ran(store)
    scorer = Scorer("rules", place=journal_beside(store))
    what = named(answer)
    if isinstance(what, dict) and "episode" in what:
        what = {"document": what}
    assert (await scorer.score(what)).total is not None


async def test_what_names_no_run_is_refused(store: ArtifactStore) -> None:
    await ran(store)
    scorer = Scorer("rules", place=journal_beside(store))
    with pytest.raises(InputError, match="no run"):
        await scorer.score({"messages": []})
    with pytest.raises(InputError, match="ffff"):
        await scorer.score("ffff")
    with pytest.raises(InputError, match="place"):
        await Scorer("rules").score("ffff")


async def test_a_judge_that_fails_in_whatever_way_is_missing(store: ArtifactStore) -> None:
    await ran(store, demand={"pictures": 1})
    (trace,) = all_of(store)
    words, pictures = judges()
    for broken, why in (
        (Fixed(WORDS, None), "it is down"),
        (Fixed(WORDS, error=RuntimeError("a bug")), "a bug"),
        (Fixed(WORDS, pause=9.0), "more than"),
    ):
        scored = await Scorer("llmi", (broken, pictures), deadline=0.2).score(trace)
        assert scored.total is None
        assert why in scored.missing
        assert scored.of("count") == 1
        text = next(each for each in scored.rewards if each.component == "text")
        assert (text.value, text.status) == (None, "error")
    assert (await Scorer("llmi", (words, pictures)).score(trace)).total is not None


async def test_what_is_on_record_of_the_same_version_is_not_asked_again(
    store: ArtifactStore,
) -> None:
    await ran(store)
    place = journal_beside(store)
    (trace,) = all_of(store)
    first = await Scorer("llmi", judges()).score(trace)
    give(place, trace.episode, *first.rewards)
    asked = judges()
    again = await Scorer("llmi", asked).score(all_of(store)[0])
    assert again.found
    assert again.rewards == first.rewards
    assert not asked[0].asked
    other = judges(rubric="r2")
    assert not (await Scorer("llmi", other).score(all_of(store)[0])).found
    assert len(other[0].asked) == 1
    forced = await Scorer("llmi", asked).score(all_of(store)[0], again=True)
    assert not forced.found
    assert len(asked[0].asked) == 1


async def test_a_total_that_was_missing_is_tried_again(store: ArtifactStore) -> None:
    await ran(store)
    (trace,) = all_of(store)
    down = judges(value=None)
    scored = await Scorer("llmi", down).score(trace)
    give(journal_beside(store), trace.episode, *scored.rewards)
    assert not (await Scorer("llmi", judges()).score(all_of(store)[0])).found


async def test_only_what_is_new_is_put_on_record(store: ArtifactStore) -> None:
    await ran(store)
    place = journal_beside(store)
    for attempt in range(3):
        down = judges(value=None)
        scored = await Scorer("llmi", down).score(all_of(store)[0])
        assert bool(scored.new) == (attempt == 0)
        give(place, scored.episode, *scored.new)
    scored = await Scorer("llmi", judges()).score(all_of(store)[0])
    assert {each.component for each in scored.new} >= {"text", "total"}
    assert "whole" not in {each.component for each in scored.new}
    give(place, scored.episode, *scored.new)
    found = await Scorer("llmi", judges()).score(all_of(store)[0])
    assert found.found
    about = [(each.scope, each.about, each.component) for each in found.rewards]
    assert len(set(about)) == len(about)
    assert {each.status for each in found.rewards} == {"ok"}
    assert sorted(about) == sorted((e.scope, e.about, e.component) for e in scored.rewards)


async def test_many_are_scored_a_few_at_once(store: ArtifactStore) -> None:
    await ran(store, times=12)
    asked = judges(pause=0.02)
    scorer = Scorer("llmi", asked, concurrency=3)
    found = [each async for each in scorer.score_all(all_of(store))]
    assert {each.episode for each in found} == {each.episode for each in all_of(store)}
    assert all(each.total is not None for each in found)
    assert asked[0].most <= 3


async def test_who_stops_listening_stops_the_judges(store: ArtifactStore) -> None:
    await ran(store, times=4)
    asked = judges(pause=0.05)
    scoring = Scorer("llmi", asked, concurrency=4).score_all(all_of(store))
    await anext(scoring)
    await scoring.aclose()
    before = len(asked[0].asked)
    await asyncio.sleep(0.15)
    assert len(asked[0].asked) == before
    assert not [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]


async def test_a_demand_that_is_not_on_record_can_be_said(store: ArtifactStore) -> None:
    await ran(store)
    (trace,) = all_of(store)
    scorer = Scorer("rules")
    assert (await scorer.score(trace, demand=Demand(3))).of("count") == pytest.approx(1 / 3)
    (scored,) = [e async for e in scorer.score_all([trace], demands={"A fox": Demand(-1)})]
    assert scored.of("count") == 0


async def test_a_damaged_trace_is_data(store: ArtifactStore) -> None:
    await ran(store)

    def broken() -> Any:
        raise InputError("a record is damaged")

    found = [e async for e in Scorer("rules").score_all([Trace("e1", broken), *all_of(store)])]
    wrong = next(each for each in found if each.episode == "e1")
    assert wrong == Scored("e1", error="a record is damaged")
    assert wrong.total is None
    assert len(found) == 2


def test_a_profile_without_its_judges_is_refused() -> None:
    with pytest.raises(ConfigError, match="text"):
        Scorer("llmi")
    with pytest.raises(ConfigError, match="profile"):
        Scorer("no-such")


def brevity(trace: Trace) -> float:
    """A reward of a plugin's."""
    return 1 / len(trace.draft or "x")


async def slots_of(trace: Trace) -> list[Score]:
    """One with scores of slots beside it."""
    return [
        Score(component="calm", value=0.5),
        *(Score(component="calm", value=0.25, slot=each.slot) for each in trace.slots),
    ]


def wrong(trace: Trace) -> Any:
    raise SystemExit(3)


def none(trace: Trace) -> Any:
    return "good"


def three(trace: Trace) -> int:
    return 3


class Plugin:
    def __init__(self, *names: str) -> None:
        self.names = names

    @hookimpl
    def llmi_rewards(self) -> list[RewardSpec]:
        known = {"calm": "slots_of", "range": "three"}
        return [RewardSpec(name, "", f"{__name__}:{known.get(name, name)}") for name in self.names]


def profile_with(**weights: float) -> Profile:
    own = profile_of("rules").weights
    return profile_of("rules", {"weights": {**own, **weights}})


async def test_plugins_add_components(store: ArtifactStore) -> None:
    await ran(store)
    (trace,) = all_of(store)
    registry = registry_of(hooks=[Plugin("brevity", "calm")])
    plain = await Scorer("rules", registry=registry).score(trace)
    assert plain.of("calm") is None
    beside = await Scorer(profile_with(brevity=0, calm=0), registry=registry).score(trace)
    assert beside.of("brevity") == pytest.approx(1 / len(DRAFT))
    assert beside.of("calm") == 0.5
    assert [e.value for e in beside.rewards if (e.component, e.scope) == ("calm", "slot")] == [0.25]
    assert beside.total == plain.total
    heavy = Scorer(profile_with(calm=1000), registry=registry)
    assert (await heavy.score(trace)).total == pytest.approx(0.5, abs=0.01)
    assert heavy.version != Scorer("rules", registry=registry).version
    with pytest.raises(ConfigError, match="calm"):
        Scorer(profile_with(calm=1000))


async def test_a_plugin_that_fails_is_missing(store: ArtifactStore) -> None:
    await ran(store)
    (trace,) = all_of(store)
    registry = registry_of(hooks=[Plugin("wrong", "none", "range")])
    scored = await Scorer(profile_with(wrong=0, none=0, range=0), registry=registry).score(trace)
    errors = {e.component: e.error for e in scored.rewards if e.status == "error"}
    assert "SystemExit" in errors["wrong"]
    assert "good" in errors["none"]
    assert "3, which is not from 0 to 1" in errors["range"]
    assert scored.total is not None  # nobody weighs them
    weighed = Scorer(profile_with(wrong=1), registry=registry)
    assert (await weighed.score(trace)).total is None


async def test_the_guides_example_rewards(
    store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")
    part = guide[guide.index("## A component of the reward") :]
    (tmp_path / "llmi_thrift.py").write_text(part.split("```python\n")[1].split("```")[0])
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = registry_of(hooks=[__import__("llmi_thrift")])
    await ran(store)
    scored = await Scorer(profile_with(thrift=0.1), registry=registry).score(all_of(store)[0])
    thrift = next(each for each in scored.rewards if each.component == "thrift")
    assert (thrift.value, thrift.error) == (None, "the cost of a call is unknown")
