"""A fork of a thread that asks for something else is answered anew; the same request is not."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGenerationChunk
from langgraph.checkpoint.memory import InMemorySaver

from llmi_agent.contract.tool import Attachment, ToolRetry
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


class Cutting(ScriptedModel):
    """Its drafts end early, and say so."""

    async def _astream(self, *arguments: Any, **more: Any) -> Any:
        async for chunk in super()._astream(*arguments, **more):
            yield chunk
        yield ChatGenerationChunk(
            message=AIMessageChunk(content="", response_metadata={"finish_reason": "length"})
        )


async def test_a_fork_after_the_draft_has_it_on_record_with_all_that_is_said_of_it(
    store: ArtifactStore,
) -> None:
    fork = Fork(store)

    def answer(messages: list[BaseMessage]) -> str:
        if "could not be filled" in messages[-1].text:
            return slot("search", "Mended", query="b")
        return echo(messages)

    fork.model = Cutting(script=answer)
    fork.tool = FakeTool("s", "search", [ToolRetry("vague"), FakeTool("s", "search").picture] * 2)
    fork.graph = build_graph(
        model=fork.model,
        tools=[fork.tool],
        store=store,
        secrets={},
        checkpointer=InMemorySaver(),
    )
    first = await fork.begin()
    assert first.cut
    config = await fork.graph.aupdate_state(await fork.before("slot"), {"seed": 2}, as_node="plan")
    second = await fork.again(config)
    assert (second.cut, second.policy) == (first.cut, first.policy)
    assert [each.caption for each in second.figures] == ["Mended"]
    _, repair, again = fork.model.asked
    assert [(each.type, each.text) for each in again] == [(each.type, each.text) for each in repair]
    assert len([each for each in second.costs.charges if each.purpose == "draft"]) == 0
    records = journal_beside(store).read(second.episode)
    assert records[0].kind == "opened"
    asked = len(fork.model.asked)
    resumed = await fork.graph.ainvoke(
        {"resume": second.episode}, {"configurable": {"thread_id": "another"}}
    )
    assert Document.model_validate(resumed["document"]).blocks == second.blocks
    assert len(fork.model.asked) == asked
    assert len(fork.tool.calls) == 4


async def test_a_draft_that_was_edited_in_the_thread_is_on_record_as_it_was_edited(
    fork: Fork,
) -> None:
    await fork.begin()
    before = await fork.before("slot")
    (state,) = [
        each async for each in fork.graph.aget_state_history(THREAD) if each.config == before
    ]
    text, picture = state.values["draft"]
    draft = [{**text, "text": "# About dogs\n\n"}, picture, {**text, "text": "The end."}]
    config = await fork.graph.aupdate_state(before, {"draft": draft}, as_node="plan")
    document = await fork.again(config)
    assert document.title == "About dogs"
    assert [each.type for each in document.blocks] == ["text", "figure", "text"]
