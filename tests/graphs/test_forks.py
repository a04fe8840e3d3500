"""A fork of a thread that asks for something else is answered anew; the same request is not."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from langchain_core.messages import BaseMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from llmi_agent.contract.tool import Attachment
from llmi_agent.document.model import Document
from llmi_agent.records.journal import journal_beside
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel, slot
from llmi_graphs import build_graph

THREAD: Any = {"configurable": {"thread_id": "t"}}


def echo(messages: list[BaseMessage]) -> str:
    prompt = messages[-1].text.partition("\n")[0]
    return f"# About {prompt}\n\n" + slot("search", query="a")


class Fork:
    """A thread with one document, to be forked."""

    def __init__(self, store: ArtifactStore) -> None:
        self.store = store
        self.model = ScriptedModel(script=echo)
        self.tool = FakeTool("s", "search")
        self.graph: Any = build_graph(
            model=self.model,
            tools=[self.tool],
            store=store,
            secrets={},
            checkpointer=InMemorySaver(),
        )

    async def begin(self) -> Document:
        message = HumanMessage("cats", id="prompt")
        answer = await self.graph.ainvoke({"messages": [message], "seed": 1}, THREAD)
        return Document.model_validate(answer["document"])

    async def before(self, node: str) -> Any:
        """The checkpoint from which the node would run."""
        states = [each async for each in self.graph.aget_state_history(THREAD)]
        return next(each.config for each in states if node in each.next)

    async def again(self, config: Any) -> Document:
        answer = await self.graph.ainvoke(None, config)
        return Document.model_validate(answer["document"])


@pytest.fixture
def fork(store: ArtifactStore) -> Fork:
    return Fork(store)


async def test_an_edited_prompt_is_answered_anew(fork: Fork) -> None:
    first = await fork.begin()
    edited = {"messages": [HumanMessage("dogs", id="prompt")]}
    config = await fork.graph.aupdate_state(await fork.before("plan"), edited)
    second = await fork.again(config)
    assert (first.title, second.title) == ("About cats", "About dogs")
    assert second.prompt == "dogs"
    assert first.episode != second.episode
    assert len(fork.model.asked) == len(fork.tool.calls) == 2
    assert {first.episode, second.episode} == set(journal_beside(fork.store).episodes())


async def test_a_fork_is_gone_on_with_as_any_run(fork: Fork) -> None:
    await fork.begin()
    edited = {"messages": [HumanMessage("dogs", id="prompt")]}
    config = await fork.graph.aupdate_state(await fork.before("plan"), edited)
    second = await fork.again(config)
    assert (await fork.again(config)).blocks == second.blocks
    resumed = await fork.graph.ainvoke(
        {"resume": second.episode}, {"configurable": {"thread_id": "another"}}
    )
    assert resumed["document"]["prompt"] == "dogs"
    assert len(fork.model.asked) == 2


async def test_the_same_request_is_not_asked_again(fork: Fork) -> None:
    first = await fork.begin()
    second = await fork.again(await fork.before("plan"))
    third = await fork.again(await fork.before("slot"))
    assert first.blocks == second.blocks == third.blocks
    assert len(fork.model.asked) == len(fork.tool.calls) == 1


@pytest.mark.parametrize("node", ["plan", "slot"])
@pytest.mark.parametrize("what", ["seed", "attachments"])
async def test_a_call_is_made_again_if_what_it_starts_from_has_changed(
    fork: Fork, node: str, what: str
) -> None:
    first = await fork.begin()
    other = Attachment("b.csv", "text/csv", fork.store.put(b"a,b\n1,2\n"), 8)
    changed: dict[str, Any] = {"seed": 2, "attachments": [asdict(other)]}
    as_node = {"plan": "open", "slot": "plan"}[node]
    config = await fork.graph.aupdate_state(
        await fork.before(node), {what: changed[what]}, as_node=as_node
    )
    second = await fork.again(config)
    assert len(fork.tool.calls) == 2
    assert first.episode != second.episode
