"""How much is kept of a run: all with its tokens, all without them, or nothing."""

from __future__ import annotations

import gc
import sqlite3
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langgraph.checkpoint.memory import InMemorySaver

from llmi_agent.base.errors import ConfigError, InputError
from llmi_agent.config.options import Options
from llmi_agent.contract.judging import Demand
from llmi_agent.contract.policy import TOKENS, WEIGHTS
from llmi_agent.records.codec import events_of
from llmi_agent.records.events import CallStarted, ModelEnded, Opened
from llmi_agent.records.journal import journal_beside
from llmi_agent.records.known import Known
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel, slot
from llmi_agent.traces.parts import tokens_of_span
from llmi_graphs import build_graph

DRAFT = f"# The harbour 🐢\n\nIt is old.\n\n{slot('search', 'A harbour', query='harbour')}\n"
REQUEST = {"messages": [HumanMessage("The old harbour.")]}


class Sampling(BaseChatModel):
    """Writes in pieces of three characters, each of one token, whose id is how many came before it."""

    weights: str = ""

    @property
    def _llm_type(self) -> str:
        return "sampling"

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        for number, start in enumerate(range(0, len(DRAFT), 3)):
            said: dict[str, Any] = {
                TOKENS: {"completion": [number], "logprobs": [-0.1 - number / 3]}
            }
            if self.weights:
                said[WEIGHTS] = self.weights
            piece = AIMessageChunk(DRAFT[start : start + 3], response_metadata=said)
            yield ChatGenerationChunk(message=piece)


def graph_of(store: ArtifactStore, model: Any = None, **given: Any) -> Any:
    tools = [FakeTool("s", "search"), FakeTool("c", "code", executes_code=True)]
    return build_graph(
        model=model or Sampling(), tools=tools, store=store, **{"secrets": {}, **given}
    )


def of_type(store: ArtifactStore, kind: type) -> list[Any]:
    journal = journal_beside(store)
    found = [each for name in journal.episodes() for each in events_of(journal.read(name))]
    return [event for _, event in found if isinstance(event, kind)]


def kept_on_disk(root: Path, words: bytes) -> list[str]:
    """The episodes of every record in every file below, and the files that hold the words, or a lock."""
    files = [path for path in root.rglob("*") if path.is_file()]
    found = [path.name for path in files if words in path.read_bytes()]
    found += [path.name for path in files if path.name == "running.lock"]
    for path in root.rglob("journal.db"):
        with sqlite3.connect(path) as connection:
            found += [each for (each,) in connection.execute("SELECT episode FROM records")]
        connection.close()
    return found


async def test_the_document_is_the_same_however_much_is_kept(tmp_path: Path) -> None:
    documents, kept = [], {}
    for record in ("full", "events", "none"):
        store = ArtifactStore(tmp_path / record)
        document = (await graph_of(store, record=record).ainvoke(REQUEST))["document"]
        documents.append((document["title"], [each["type"] for each in document["blocks"]]))
        kept[record] = of_type(store, ModelEnded)
    assert documents[0] == documents[1] == documents[2]
    ((full,), (events,)) = kept["full"], kept["events"]
    assert full.tokens.completion == (*range(len(full.tokens.pieces)),)
    assert full.tokens.logprobs[2] == -0.1 - 2 / 3
    assert sum(length for _, length in full.tokens.pieces) == len(DRAFT)
    assert events.tokens is None
    assert kept["none"] == []


async def test_a_slots_tokens_are_those_of_the_pieces_under_its_span(store: ArtifactStore) -> None:
    await graph_of(store, record="full").ainvoke(REQUEST)
    (ended,) = of_type(store, ModelEnded)
    begin, end = DRAFT.index("<imgen>"), DRAFT.index("</imgen>") + len("</imgen>")
    under = tokens_of_span(ended.tokens, (begin, end))
    assert under is not None
    assert DRAFT[begin:end] in DRAFT[under[0] * 3 : under[1] * 3]
    assert (under[1] - under[0]) * 3 <= end - begin + 4


async def test_nothing_is_written_where_nothing_is_kept(tmp_path: Path, own_home: Path) -> None:
    store = ArtifactStore(tmp_path / "store")
    told: list[Any] = []
    graph = graph_of(store, options=Options(record="none"))
    async for each in graph.astream(REQUEST, stream_mode="custom"):
        told.append(each)
    assert told[0]["type"] == "opened"
    assert told[0]["record"] == "none"
    assert told[-1]["type"] == "document"
    assert kept_on_disk(tmp_path, b"old harbour") == kept_on_disk(own_home, b"old harbour") == []


async def test_nothing_of_an_episode_stays_in_the_process(store: ArtifactStore) -> None:
    graph = graph_of(store, record="none")
    others = known()
    for _ in range(12):
        await graph.ainvoke(REQUEST)
    assert not [each for each in known() if not any(each is other for other in others)]


def known() -> list[Known]:
    """All that there is in this process, other tests' too."""
    gc.collect()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some objects of torch warn when they are looked at
        return [each for each in gc.get_objects() if isinstance(each, Known)]


async def test_an_episode_of_which_nothing_is_kept_cannot_be_gone_on_with(
    store: ArtifactStore,
) -> None:
    graph = graph_of(store, record="none")
    episode = (await graph.ainvoke(REQUEST))["document"]["episode"]
    with pytest.raises(InputError, match=r'no run .*with record="none" nothing is kept'):
        await graph.ainvoke({"resume": episode})
    with pytest.raises(InputError, match=r'no document .*with record="none" nothing is kept'):
        await graph.ainvoke({**REQUEST, "continues": episode})


@pytest.mark.parametrize("saved", [True, False], ids=["thread", "messages only"])
async def test_a_follow_up_finds_the_last_documents_figures(
    store: ArtifactStore, saved: bool
) -> None:
    edit = slot("edit", "In blue", img_index=0, prompt="blue")
    model = ScriptedModel(script=[DRAFT, f"# In blue\n\n{edit}\n"])
    tools = [FakeTool("s", "search"), FakeTool("e", "edit")]
    graph: Any = build_graph(
        model=model,
        tools=tools,
        store=store,
        secrets={},
        record="none",
        checkpointer=InMemorySaver() if saved else None,
    )
    thread: Any = {"configurable": {"thread_id": "1"}} if saved else {}
    first = await graph.ainvoke(REQUEST, thread)
    (figure,) = [each for each in first["document"]["blocks"] if each["type"] == "figure"]
    said = [] if saved else first["messages"]
    asked = {"messages": [*said, HumanMessage("Make it blue.")]}
    second = await graph.ainvoke(asked, thread)
    assert [each["type"] for each in second["document"]["blocks"]].count("figure") == 1
    assert tools[1].calls[0].inputs == (figure["digest"],)
    assert not of_type(store, Opened)


async def test_an_episode_on_record_is_read_and_nothing_is_added(store: ArtifactStore) -> None:
    first = (await graph_of(store).ainvoke(REQUEST))["document"]
    journal = journal_beside(store)
    before = journal.read(first["episode"])
    again = (await graph_of(store, record="none").ainvoke({"resume": first["episode"]}))["document"]
    assert again["blocks"] == first["blocks"]
    assert journal.read(first["episode"]) == before
    with journal.hold(first["episode"]):
        """Nobody has it any more."""


async def test_what_is_kept_and_the_pace_decide_nothing_of_the_setup(store: ArtifactStore) -> None:
    for record in ("full", "events"):
        await graph_of(store, record=record).ainvoke(REQUEST)
    paced = Options(limits={"model": 3}, concurrency={"search": 1}, retry_wait=0.1)
    for options in (paced, Options(weights="step-3"), Options(repairs=1)):
        await graph_of(store, options=options).ainvoke(REQUEST)
    full, events, slow, weighted, fewer = reversed(of_type(store, Opened))
    assert [each.options["record"] for each in (full, events)] == ["full", "events"]
    assert full.setup == events.setup == slow.setup
    assert len({full.setup, weighted.setup, fewer.setup}) == 3


def test_what_cannot_be_kept_or_needs_what_is_not_is_refused(store: ArtifactStore) -> None:
    with pytest.raises(ConfigError, match="record cannot be 'some'; known: 'full', 'events'"):
        graph_of(store, record="some")
    with pytest.raises(ConfigError, match="leave out group_budget"):
        graph_of(store, record="none", options=Options(group_budget=3))


async def test_a_request_cannot_say_what_is_kept(store: ArtifactStore) -> None:
    with pytest.raises(InputError, match="cannot set the option 'record'"):
        await graph_of(store).ainvoke({**REQUEST, "options": {"record": "none"}})


async def test_a_call_says_whether_it_runs_the_policys_code(store: ArtifactStore) -> None:
    model = ScriptedModel(script=[f"{DRAFT}\n{slot('code', 'A plot', code='plt.plot([1])')}\n"])
    await graph_of(store, model).ainvoke(REQUEST)
    ran = {each.kind: each.executes_code for each in of_type(store, CallStarted)}
    assert ran == {"search": False, "code": True}


@pytest.mark.parametrize(
    ("said", "stated", "known"),
    [
        ("", "", ""),
        ("", "step-3", "step-3"),
        ("v7", "", "v7"),
        ("v7", "step-3", "v7"),
    ],
)
async def test_the_version_of_the_weights_is_the_servers_else_the_users(
    store: ArtifactStore, said: str, stated: str, known: str
) -> None:
    await graph_of(store, Sampling(weights=said), options=Options(weights=stated)).ainvoke(REQUEST)
    (ended,) = of_type(store, ModelEnded)
    assert ended.weights == known


async def test_a_stand_ins_weights_are_not_the_first_models(store: ArtifactStore) -> None:
    options = Options(weights="step-3", model_retries=0)
    mute = ScriptedModel(script=[""])
    graph = graph_of(store, mute, fallback=[Sampling()], options=options)
    await graph.ainvoke(REQUEST)
    _, second = of_type(store, ModelEnded)
    assert (second.accepted, second.weights) == (True, "")


async def test_what_is_demanded_is_on_record_and_not_told_to_the_model(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    model = ScriptedModel(script=[DRAFT])
    graph = graph_of(store, model)
    await graph.ainvoke({**REQUEST, "demand": {"pictures": 77, "kinds": ["search"]}})
    (opened,) = of_type(store, Opened)
    assert opened.demand == Demand(77, ("search",))
    assert "77" not in str(model.asked)
    (episode,) = journal_beside(store).episodes()
    await graph.ainvoke({"resume": episode})
    assert len(of_type(store, Opened)) == 1


@pytest.mark.parametrize(
    "demand",
    ["two", 3, {"pictures": -2}, {"images": 2}, {"kinds": "code"}, {"pictures": 1, "kinds": [1]}],
)
async def test_a_demand_that_is_none_is_refused(tmp_path: Path, demand: Any) -> None:
    graph = graph_of(ArtifactStore(tmp_path))
    with pytest.raises(InputError, match="demand"):
        await graph.ainvoke({**REQUEST, "demand": demand})
