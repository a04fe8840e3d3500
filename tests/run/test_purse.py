"""A purse: what several episodes share, in one process and in those after it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from llmi_agent.base.errors import UnavailableError
from llmi_agent.config.options import ModelPrice, Options
from llmi_agent.document.model import Document
from llmi_agent.host.registry import registry_of
from llmi_agent.records.codec import entry_of
from llmi_agent.records.costs import Charge
from llmi_agent.records.events import Charged, Opened
from llmi_agent.records.journal import journal_beside
from llmi_agent.run.adviser import Adviser
from llmi_agent.run.purse import Purse, Purses
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, Hang, OpenAIServer, ScriptedModel, slot
from llmi_graphs import build_graph

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore:.*Pydantic.*:UserWarning"
)

DRAFT = f"# The fox\n\nIt is red.\n\n{slot('search', 'A fox', query='fox')}\n"
PRICES: dict[str, Any] = {"openai/a": ModelPrice(input=1, output=4), "s": 0.001}
GROUP = Options(retry_wait=0.01, prices=PRICES, max_tokens=1000, group_budget=0.012)
"""Enough for two drafts at once, of 0.0042 USD at most, and for what five really cost."""


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer([DRAFT], chunk=9, pause=0.01) as running:
        yield running


def graph_of(server: OpenAIServer, store: ArtifactStore, options: Options = GROUP) -> Any:
    return build_graph(
        model="openai/a", api_base=f"{server.url}/v1", tools=[FakeTool("s", "search", usd=0.001)],
        store=store, secrets={}, options=options,
    )  # fmt: skip


def member(number: int, group: str = "g", **more: Any) -> dict[str, Any]:
    return {"messages": [HumanMessage("Fox.")], "group": group, "member": number, **more}


async def test_members_at_once_wait_for_what_others_give_back(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    graph = graph_of(server, store)
    states = await asyncio.gather(*(graph.ainvoke(member(number)) for number in range(5)))
    documents = [Document.model_validate(state["document"]) for state in states]
    assert [len(each.figures) for each in documents] == [1] * 5
    assert [each.cut for each in documents] == [""] * 5
    assert 0.0 < sum(each.costs.usd for each in documents) <= 0.012
    assert [seen.json["max_tokens"] for seen in server.seen] == [1000] * 5


async def test_what_the_group_has_spent_counts_in_a_later_process_and_names_the_flag(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    tight = GROUP.model_copy(update={"group_budget": 0.004})
    await graph_of(server, store, tight).ainvoke(member(0))
    asked = len(server.seen)
    graph = graph_of(server, store, GROUP.model_copy(update={"group_budget": 0.0012}))
    with pytest.raises(
        UnavailableError, match=r"^the group's budget leaves \$0\.00.*--group-budget"
    ):
        await graph.ainvoke(member(1))
    assert len(server.seen) == asked
    await graph_of(server, store, tight).ainvoke(member(0, "another"))
    assert len(server.seen) == asked + 1


async def test_the_groups_budget_is_named_where_it_cuts_the_answer(
    store: ArtifactStore,
) -> None:
    with OpenAIServer(["# The fox\n\n" + "x" * 6_000], chunk=9) as server:
        options = GROUP.model_copy(update={"group_budget": 0.0025, "budget": 1.0})
        state = await graph_of(server, store, options).ainvoke(member(0))
    assert "the group's budget allowed" in state["document"]["cut"]
    assert state["document"]["cut"].endswith("raise it with --group-budget")


async def test_a_member_that_is_stopped_keeps_nobody_waiting(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    graph = graph_of(server, store, GROUP.model_copy(update={"group_budget": 0.008}))
    server.fault(Hang(60))
    first = asyncio.ensure_future(graph.ainvoke(member(0)))
    async with asyncio.timeout(20):
        while not server.seen:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
        second = asyncio.ensure_future(graph.ainvoke(member(1)))
        await asyncio.sleep(0.3)
        assert len(server.seen) == 1, "there is not enough for two at once"
        first.cancel()
        state = await second
    assert len(state["document"]["blocks"]) > 1


async def test_a_member_that_goes_on_is_counted_once(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    graph = graph_of(server, store)
    state = await graph.ainvoke(member(0))
    again = await graph.ainvoke({"resume": state["document"]["episode"]})
    assert again["document"]["costs"] == state["document"]["costs"]
    purse = await Purses(journal_beside(store), 1.0).of("g")
    assert purse is not None
    assert 1.0 - purse.left == pytest.approx(again["document"]["costs"]["usd"])


async def test_what_was_set_aside_and_never_settled_stays_spent(store: ArtifactStore) -> None:
    charge = Charge(call="model", name="openai/a", purpose="draft")
    journal = journal_beside(store)
    cut = Charged(call="model-0", charge=charge, reserved=0.25)
    journal.write("e", entry_of(Opened(prompt="x", group="g")), entry_of(cut))
    purse = await Purses(journal, 1.0).of("g")
    assert purse is not None
    assert purse.left == 0.75
    assert not purse.due("another"), "nobody waits for it: its process is gone"


async def test_a_group_has_one_purse_however_many_ask_for_it_first(store: ArtifactStore) -> None:
    purses = Purses(journal_beside(store), 1.0)
    found = await asyncio.gather(*(purses.of("g") for _ in range(20)))
    assert len({id(each) for each in found}) == 1
    assert await purses.of("") is None
    assert await Purses(journal_beside(store), None).of("g") is None


async def test_advisers_that_share_a_purse_are_refused_together_and_hold_nothing_afterwards(
    store: ArtifactStore,
) -> None:
    options = Options(prices={"scripted": ModelPrice(input=0, output=100)}, max_tokens=1_000)
    purse = Purse(0.25)

    class Priced(ScriptedModel):
        model: str = "scripted"

    def adviser() -> Adviser:
        model = Priced(script=["Yes. " * 400])
        return Adviser.of(model, registry_of(), store, options=options, secrets={}, budget=purse)

    one, other = adviser(), adviser()
    question = [HumanMessage("Is it good?")]
    await asyncio.gather(one.ask("judge", question), other.ask("judge", question))
    spent = one.costs.usd + other.costs.usd
    assert spent > 0.05
    assert purse.left == pytest.approx(0.25 - spent)
    assert not purse.due("")
    answers = [one.ask("judge", question) for _ in range(10)]
    found = await asyncio.gather(*answers, return_exceptions=True)
    assert any(isinstance(each, UnavailableError) for each in found)
    assert purse.left == pytest.approx(0.25 - one.costs.usd - other.costs.usd)
