"""Facts are those of the first draft, whoever reads them, however the run went on."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from llmi_agent.base.errors import InputError, LlmiError
from llmi_agent.config.options import Options
from llmi_agent.contract.tool import Failed, ToolRetry
from llmi_agent.records.journal import journal_beside
from llmi_agent.rewards import facts_of
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel, slot
from llmi_agent.traces.trace import Trace
from llmi_graphs import build_graph

PROSE = "# Ships\n\nThey carry most of what the world trades, and few people see one.\n\n"
GOOD, OTHER = slot("search", "A ship", query="ship"), slot("code", "A plot", code="plt.plot([1])")
QUICK = Options(retry_wait=0.0, retries=0, repairs=0, debug_rounds=1, model_retries=0)
THREAD: Any = {"configurable": {"thread_id": "t"}}


def graph_of(store: ArtifactStore, script: Any, *tools: FakeTool, **more: Any) -> Any:
    given = {"store": store, "secrets": {}, "options": QUICK, **more}
    return build_graph(model=ScriptedModel(script=script), tools=list(tools), **given)


async def test_a_run_that_is_resumed_is_worth_what_it_came_to(
    store: ArtifactStore, read: Any
) -> None:
    """Its first life ends without money for the plot; the second one makes it, after a repair."""
    prices = {"ScriptedModel": {"input": 0, "output": 0}, "s": 0.0, "c": 2.0}
    poor = Options.model_validate({**vars(QUICK), "budget": 1.0, "prices": prices})
    drawn = FakeTool("x", "code").picture
    tools = [
        FakeTool("s", "search"),
        FakeTool("c", "code", [ToolRetry("NameError"), drawn], executes_code=True),
    ]
    first = graph_of(store, [PROSE + GOOD + OTHER], *tools, options=poor)
    demand = {"pictures": 2, "kinds": ["code"]}
    answer = await first.ainvoke({"messages": [HumanMessage("x")], "demand": demand})
    episode = answer["document"]["episode"]
    before = read(episode)
    assert (before.value("count"), before.value("earned", 1)) == (1, None)
    again = graph_of(store, [slot("code", "A plot", code="plt.plot([2])")], *tools)
    await again.ainvoke({"resume": episode})
    after = read(episode)
    assert (after.value("count"), after.value("kinds"), after.value("earned", 1)) == (1, 1, 1)
    assert after.value("validity", 1) == 0.5, "the repair is on record once"
    assert after.facts.draft == before.facts.draft


async def test_a_draft_is_read_in_the_dialect_of_the_life_that_wrote_it(
    store: ArtifactStore, read: Any
) -> None:
    """Its first life is told of JSON and ends without a draft, its second of Python literals; the third changes nothing."""
    python = Options.model_validate({**vars(QUICK), "dialect": "python"})
    broken = graph_of(store, [""], FakeTool("s", "search"))
    with suppress(LlmiError):
        await broken.ainvoke({"messages": [HumanMessage("x")], "demand": {"pictures": 1}})
    (episode,) = journal_beside(store).episodes()
    literal = [PROSE + GOOD.replace('"', "'")]
    later = graph_of(store, literal, FakeTool("s", "search"), options=python)
    await later.ainvoke({"resume": episode})
    assert read(episode).value("validity") == 1
    await graph_of(store, literal, FakeTool("s", "search")).ainvoke({"resume": episode})
    assert read(episode).value("validity") == 1


async def forked(store: ArtifactStore, graph: Any, node: str) -> str:
    """The episode of a thread that asks for something else from this node on."""
    await graph.ainvoke({"messages": [HumanMessage("cats", id="p")]}, THREAD)
    states = [each async for each in graph.aget_state_history(THREAD)]
    config = next(each.config for each in states if node in each.next)
    edited = await graph.aupdate_state(config, {"messages": [HumanMessage("dogs", id="p")]})
    answer = await graph.ainvoke(None, edited)
    episode: str = answer["document"]["episode"]
    return episode


async def test_a_draft_that_no_model_wrote_in_the_run_is_missing(
    store: ArtifactStore, read: Any
) -> None:
    """A fork writes its draft down anew, so that nobody can tell any more how it was written."""
    lenient = PROSE + GOOD.replace("imgen", "IMGEN")
    graph = graph_of(store, [lenient], FakeTool("s", "search"), checkpointer=InMemorySaver())
    done = read(await forked(store, graph, "slot"))
    assert done.trace.known.given is not None
    assert done.facts.slots == ()
    assert done.total.value is None
    assert "forked" in done.total.error
    assert {each.value for each in done.rules} == {None}


async def test_a_fork_that_its_model_answers_is_scored(store: ArtifactStore, read: Any) -> None:
    graph = graph_of(store, [PROSE + GOOD], FakeTool("s", "search"), checkpointer=InMemorySaver())
    done = read(await forked(store, graph, "plan"))
    assert done.total.value == pytest.approx((0.1 + 0.3 * 0.8 + 0.3 * 0.6) / 0.7)


async def test_a_run_without_a_draft_yet_is_missing(store: ArtifactStore) -> None:
    graph = graph_of(store, [PROSE + GOOD], FakeTool("s", "search"))
    episode = (await graph.ainvoke({"messages": [HumanMessage("x")]}))["document"]["episode"]
    records = journal_beside(store).read(episode)
    facts = facts_of(Trace(episode, lambda: records[:4]))
    assert facts.draft.blame == "infrastructure"
    assert "going on, or was cut" in facts.draft.why


def test_what_cannot_be_read_is_said() -> None:
    with pytest.raises(InputError, match="no beginning on record"):
        facts_of(Trace("x", tuple))


async def test_facts_do_not_need_the_pictures(store: ArtifactStore, read: Any, write: Any) -> None:
    done = await write(PROSE + GOOD + GOOD, FakeTool("s", "search"), pictures=2)
    pictures = [path for path in store.root.rglob("*") if path.suffix in (".png", ".jpg", "")]
    for path in pictures:
        if path.is_file() and "journal" not in path.name:
            path.unlink()
    assert done.facts.slots[0].picture
    assert read(done.trace.episode).facts == done.facts


async def test_calls_are_scored_by_who_is_to_blame(write: Any) -> None:
    code = FakeTool("c", "code", [ToolRetry("no")], executes_code=True)
    search = FakeTool("s", "search", [Failed("quota", "used up")])
    done = await write([PROSE + GOOD + OTHER, "I cannot."], search, code, pictures=2, options=QUICK)
    scored = {(each.component, each.value) for each in done.rules if each.call}
    assert scored == {("worked", None), ("worked", 0.0), ("repaired", 0.0)}
    assert {each.call for each in done.rules if each.call} == {
        *(each.call for each in done.trace.attempts),
        *(each.call for each in done.trace.calls if each.purpose == "repair"),
    }
