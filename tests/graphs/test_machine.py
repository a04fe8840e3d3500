"""What graphs stand on: several may stand on the same, and a graph of one's own may ask its models for anything."""

from __future__ import annotations

import asyncio
from typing import Any, TypedDict

import pytest
from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph

from llmi_agent.base.errors import PolicyError
from llmi_agent.document.model import Document
from llmi_agent.records.codec import events_of
from llmi_agent.records.events import Halted
from llmi_agent.run.answer import Question
from llmi_agent.run.seeds import member_seed
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel, slot
from llmi_graphs import Machine, assemble, interleave

DRAFT = "# T\n\n" + slot("search", query="a")


def answer(messages: list[BaseMessage]) -> str:
    return "Four of five." if "judge" in str(messages[-1].text) else DRAFT


def machine(store: ArtifactStore) -> Machine:
    tool: Any = FakeTool("s", "search")
    return assemble(model=ScriptedModel(script=answer), tools=[tool], store=store, secrets={})


async def test_two_graphs_stand_on_one_machine(store: ArtifactStore) -> None:
    shared = machine(store)
    graphs: list[Any] = [interleave(shared), interleave(shared, InMemorySaver())]
    config = {"configurable": {"thread_id": "t"}}
    answers = await asyncio.gather(
        *(each.ainvoke({"messages": [HumanMessage("Write.")]}, config) for each in graphs * 3)
    )
    documents = [Document.model_validate(each["document"]) for each in answers]
    assert len({each.episode for each in documents}) == 6
    assert all(len(each.figures) == 1 for each in documents)


async def test_a_graph_of_ones_own_asks_for_another_purpose_and_it_is_on_record(
    store: ArtifactStore,
) -> None:
    shared = machine(store)

    class Judged(TypedDict, total=False):
        episode: str
        seed: int
        verdict: str

    async def judge(state: Judged, config: RunnableConfig) -> Judged:
        session = await shared.session(state, config, new=True)
        question = Question("judge", [HumanMessage("Please judge this.")], slot=2)
        return {"verdict": await shared.policy.answer(question, session, config)}

    graph = StateGraph(Judged)
    graph.add_node("judge", judge)
    graph.add_edge(START, "judge")
    graph.add_edge("judge", END)
    own = graph.compile().with_config(callbacks=[shared.sessions])
    told = await own.ainvoke({"episode": "j1", "seed": 0})
    assert told["verdict"] == "Four of five."
    known = shared.journal("j1").known
    call = known.answer("judge", 2)
    assert call is not None
    assert known.text(call) == "Four of five."
    (asked,) = known.conversation(known.asked[call].messages)
    assert asked["data"]["content"] == "Please judge this."


async def test_members_have_seeds_of_their_own(store: ArtifactStore) -> None:
    shared = machine(store)
    graph: Any = interleave(shared)
    for member in range(3):
        request = {"messages": [HumanMessage("Write.")], "group": "g", "member": member}
        await graph.ainvoke(request)
    await graph.ainvoke({**request, "seed": 5})
    known = [shared.journal(each).known.opened for each in shared.toolkit.journal.group("g")]
    seeds = [each.seed for each in known if each]
    assert seeds == [*(member_seed(0, member) for member in range(3)), 5]


async def test_a_run_without_a_document_says_on_record_why(store: ArtifactStore) -> None:
    def refuse(messages: list[BaseMessage]) -> str:
        raise RuntimeError("out of ink")

    shared = assemble(model=ScriptedModel(script=refuse), tools=[], store=store, secrets={})
    graph: Any = interleave(shared)
    with pytest.raises(PolicyError):
        await graph.ainvoke({"messages": [HumanMessage("Write.")]})
    (episode,) = shared.toolkit.journal.episodes()
    *_, (_, last) = events_of(shared.toolkit.journal.read(episode))
    assert isinstance(last, Halted)
    assert "out of ink" in last.message


async def test_a_second_turn_names_the_episode_before_it(store: ArtifactStore) -> None:
    shared = machine(store)
    graph: Any = interleave(shared, InMemorySaver())
    config = {"configurable": {"thread_id": "t"}}
    first = await graph.ainvoke({"messages": [HumanMessage("Write.")]}, config)
    second = await graph.ainvoke({"messages": [HumanMessage("Again.")]}, config)
    opened = shared.journal(second["document"]["episode"]).known.opened
    assert opened is not None
    assert opened.parent == first["document"]["episode"]
