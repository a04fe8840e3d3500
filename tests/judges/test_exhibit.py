"""What is judged of an episode: its first draft as it was written, and the document that was handed over."""

from __future__ import annotations

from functools import partial
from typing import Any

from langchain_core.messages import HumanMessage

from llmi_agent.config.options import Options
from llmi_agent.contract.judging import Demand
from llmi_agent.contract.tool import Failed, Image, Produced, Provenance, ToolRetry
from llmi_agent.document.model import Document
from llmi_agent.judges import exhibit_of
from llmi_agent.records.journal import journal_beside
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel, random_png, slot
from llmi_agent.traces import Trace, export, traces
from llmi_graphs import build_graph

ONE, TWO = slot("search", "One", query="a"), slot("diffusion", "Two", prompt="b")
DRAFT = f"# T\n\nA \N{SNOWMAN}.\n\n{ONE}\n\nB.\n\n{TWO}\n\nC."


async def run(store: ArtifactStore, script: list[str], *tools: FakeTool, **request: Any) -> Trace:
    graph = build_graph(
        model=ScriptedModel(script=script),
        tools=tools or [FakeTool("s", "search"), FakeTool("d", "diffusion")],
        store=store,
        secrets={},
        options=Options(retry_wait=0.0, fallbacks=False),
    )
    state = await graph.ainvoke({"messages": [HumanMessage("Write.")], **request})
    episode = Document.model_validate(state["document"]).episode
    return Trace(episode, partial(journal_beside(store).read, episode), store)


async def test_a_run_that_went_well(store: ArtifactStore) -> None:
    trace = await run(store, [DRAFT], demand={"pictures": 2, "kinds": ["search"]})
    exhibit = exhibit_of(trace)
    assert (exhibit.prompt, exhibit.draft) == ("Write.", DRAFT)
    assert exhibit.text == "# T\n\nA \N{SNOWMAN}.\n\n[Figure 1: One]\n\nB.\n\n[Figure 2: Two]\n\nC."
    assert [(f.figure, f.slot, f.kind, f.caption) for f in exhibit.figures] == [
        (1, 0, "search", "One"),
        (2, 1, "diffusion", "Two"),
    ]
    assert exhibit.demand == Demand(2, ("search",))
    assert exhibit.pictures is store
    assert all(store.read(each.digest) for each in exhibit.figures)


async def test_a_missing_figure_is_said_and_a_placeholder_is_marked(store: ArtifactStore) -> None:
    image = Image(random_png(), Provenance("p", placeholder=True))
    trace = await run(
        store,
        [DRAFT],
        FakeTool("s", "search", [Failed("refused", "no")]),
        FakeTool("d", "diffusion", [Produced((image,))]),
    )
    exhibit = exhibit_of(trace)
    assert "[Missing figure: One]" in exhibit.text
    assert "[Figure 1: Two]" in exhibit.text
    assert [(f.figure, f.slot, f.placeholder) for f in exhibit.figures] == [(1, 1, True)]


async def test_repairs_and_reasoning_leave_the_first_draft_as_it_was(store: ArtifactStore) -> None:
    draft = f"<think>Hm.</think>{DRAFT}"
    trace = await run(
        store,
        [draft, slot("search", "One", query="c")],
        FakeTool("s", "search", [ToolRetry("other words"), Failed("unreachable", "no")]),
        FakeTool("d", "diffusion"),
    )
    exhibit = exhibit_of(trace)
    assert exhibit.draft == draft
    assert "Hm." not in exhibit.text


async def test_an_exported_run_is_judged_as_the_run(store: ArtifactStore, tmp_path: Any) -> None:
    trace = await run(store, [DRAFT])
    path = tmp_path / "runs.jsonl"
    export(traces(journal_beside(store)), path)
    (again,) = traces(path)
    one, other = exhibit_of(trace), exhibit_of(again)
    assert (one.prompt, one.draft, one.text, one.figures) == (
        other.prompt,
        other.draft,
        other.text,
        other.figures,
    )
