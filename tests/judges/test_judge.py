"""A judge's score is the median of the votes that count; a judge that failed is missing, never a score."""

from __future__ import annotations

from llmi_agent.config.options import Options
from llmi_agent.contract.judging import Exhibit, Judge, Shown
from llmi_agent.host.registry import registry_of
from llmi_agent.judges import PictureJudge, TextJudge
from llmi_agent.run.adviser import Adviser
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import ScriptedModel, ballot_for, random_png


async def test_a_text(store: ArtifactStore) -> None:
    model = ScriptedModel(script=lambda m: ballot_for(m, lambda a, e, f: 4 if e == "text" else 2))
    judge: Judge = TextJudge(Adviser.of(model, registry_of(), store))
    scores = await judge.judge(Exhibit("Write.", "# A\n\nText.", ""))
    assert [(s.component, s.value, s.error) for s in scores] == [
        ("text", 0.75, ""),
        ("tag", 0.25, ""),
    ]


async def test_pictures(store: ArtifactStore) -> None:
    model = ScriptedModel(script=lambda m: ballot_for(m, lambda a, e, f: int(e) + 2))
    adviser = Adviser.of(model, registry_of(), store, options=Options(vision=True))
    judge: Judge = PictureJudge(adviser)
    one, two = (store.put(random_png(seed=n)) for n in (1, 2))
    figures = (Shown(1, 0, "search", "A", one), Shown(2, 3, "code", "B", two))
    exhibit = Exhibit("Write.", "", "# A\n\n[Figure 1: A]\n\n[Figure 2: B]", figures, store)
    scores = await judge.judge(exhibit)
    assert {(s.slot, s.value) for s in scores} == {(0, 0.5), (3, 0.75), (None, 0.625)}
