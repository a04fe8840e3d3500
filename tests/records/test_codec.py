"""Records that are damaged, or that a later LLMI wrote, are said to be so, whoever reads them."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from llmi_agent.base.errors import InputError, LlmiError
from llmi_agent.config.options import Options
from llmi_agent.host.plugins import PluginHost
from llmi_agent.host.registry import Registered, Registry
from llmi_agent.records.codec import ended_of, entry_of, events_of
from llmi_agent.records.events import EVENTS, ModelEnded, Rewarded, Tokens
from llmi_agent.records.journal import Journal, journal_beside
from llmi_agent.records.record import SCHEMA, Entry, Record
from llmi_agent.runner.episodes import Episodes
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel, slot
from llmi_graphs import build_graph

FORMER = ("opened", "order", "asked", "drafted", "answer", "started", "job", "charge", "finished")
WRONG = (
    "",
    "{",
    "null",
    "7",
    '"x"',
    "[]",
    "[1]",
    "{}",
    '{"prompt": 1}',
    "[1, 2, 3]",
    '{"\\ud800": 1}',
)


@pytest.mark.parametrize("data", WRONG)
@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        *((kind, SCHEMA) for kind in EVENTS),
        *((kind, 1) for kind in (*FORMER, "verdict", "composed")),
    ],
)
def test_a_record_is_read_or_said_to_be_damaged(kind: str, schema: int, data: str) -> None:
    for record in (Record(kind, "", data, 0.0, schema), Record(kind, "0:0", data, 0.0, schema)):
        try:
            list(events_of([record], strict=True))
        except InputError as error:
            assert f"a record of the type {kind} is damaged (" in str(error)  # noqa: PT017
            assert "\n" not in str(error)  # noqa: PT017


@pytest.mark.parametrize(("data", "schema"), [*((each, SCHEMA) for each in WRONG), ("{}", 99)])
def test_a_reward_that_cannot_be_read_is_left_out_and_that_is_said(
    data: str, schema: int, caplog: pytest.LogCaptureFixture
) -> None:
    good = entry_of(Rewarded(component="text", value=0.5))
    records = [
        Record("rewarded", "tag", data, 0.0, schema),
        Record("rewarded", "text", good.data, 1.0),
    ]
    assert [(at, event.key) for at, event in events_of(records)] == [(1.0, "text")]
    (said,) = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert "the reward 'tag' is left out: a record of the type " in said
    with pytest.raises(InputError, match=r"a record of the type .?rewarded"):
        list(events_of(records, strict=True))


@pytest.mark.parametrize("schema", [1, SCHEMA])
@pytest.mark.parametrize("data", ["{", "null", '{"candidates": 7}'])
def test_so_is_one_that_stands_by_itself(schema: int, data: str) -> None:
    kind = "finished" if schema == 1 else "call_ended"
    with pytest.raises(InputError, match="is damaged"):
        ended_of(Record(kind, "k", data, 0.0, schema))


@pytest.mark.parametrize(("kind", "schema"), [("opened", SCHEMA + 1), ("strange", SCHEMA)])
def test_what_a_later_one_wrote_is_not_guessed_at(kind: str, schema: int) -> None:
    with pytest.raises(InputError, match="written by a later LLMI than this one; install"):
        list(events_of([Record(kind, "", '{"prompt": "x"}', 0.0, schema)]))


def graph(store: ArtifactStore, tool: FakeTool) -> Any:
    installed = Registered(tool.spec, "p", distribution="p", version="1", make=lambda: tool)
    return build_graph(
        model=ScriptedModel(script=["# T\n\n" + slot("search", "One", query="a")]),
        tools=Registry([installed], PluginHost(strict=True)),
        store=store,
        secrets={},
        options=Options(cache=True),
    )


def changed(journal: Journal, kind: str, data: str) -> None:
    journal._tables.change(
        lambda connection: connection.execute(
            "UPDATE records SET data = ? WHERE kind = ?", (data, kind)
        )
    )


async def test_a_damaged_result_of_another_run_is_not_found_and_ends_nothing(
    store: ArtifactStore,
) -> None:
    request: Any = {"messages": [HumanMessage("Write.")]}
    await graph(store, FakeTool("s", "search")).ainvoke(request)
    changed(journal_beside(store), "call_ended", "{")
    again = FakeTool("s", "search")
    answer = await graph(store, again).ainvoke(request)
    assert len(again.calls) == 1
    assert answer["document"]["blocks"][1]["type"] == "figure"


async def test_a_damaged_run_is_listed_as_such_and_not_gone_on_with(store: ArtifactStore) -> None:
    runs = graph(store, FakeTool("s", "search"))
    await runs.ainvoke({"messages": [HumanMessage("Write.")]})
    changed(journal_beside(store), "draft_read", "{")
    (listed,) = Episodes(store).listed(9)
    assert not listed.readable
    assert "draft_read is damaged" in listed.prompt
    with pytest.raises(InputError, match=f"the run {listed.episode} cannot be read: a record"):
        await runs.ainvoke({"resume": listed.episode})


async def test_flipped_bits_are_read_as_something_or_said(store: ArtifactStore) -> None:
    runs = graph(store, FakeTool("s", "search"))
    await runs.ainvoke({"messages": [HumanMessage("Write.")]})
    (episode,) = journal_beside(store).episodes()
    records = journal_beside(store).read(episode)
    chance = random.Random(5)
    said = 0
    for _ in range(300):
        broken = list(records)
        number = chance.randrange(len(records))
        data = bytearray(records[number].data.encode())
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        broken[number] = replace(records[number], data=data.decode("utf-8", "replace"))
        try:
            list(events_of(broken))
        except InputError:
            said += 1
    assert said > 30


async def test_a_file_that_is_damaged_is_said_to_be(store: ArtifactStore) -> None:
    await graph(store, FakeTool("s", "search")).ainvoke({"messages": [HumanMessage("Write.")]})
    journal = journal_beside(store)
    (episode,) = journal.episodes()
    journal._tables.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    journal.close()
    data = bytearray(journal.path.read_bytes())
    for at in range(100, len(data), 41):
        data[at] ^= 0x5A
    for name in ("", "-wal", "-shm"):
        journal.path.with_name(journal.path.name + name).unlink(missing_ok=True)
    journal.path.write_bytes(data)
    for read in (
        lambda: journal.read(episode),
        journal.digests,
        lambda: journal.forget_runs(9e9),
        lambda: journal.write("e", Entry("opened")),
        lambda: Episodes(store).listed(9),
    ):
        with pytest.raises(LlmiError, match=r"the records in .*journal\.db are damaged: .*; move"):
            read()
    journal.close()


def test_a_run_that_is_forgotten_while_it_is_listed_is_left_out(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = journal_beside(store)
    monkeypatch.setattr(journal, "episodes", lambda *_, **__: ["gone"])
    assert Episodes(store, journal).listed(9) == []
    with pytest.raises(InputError, match="was forgotten just now"):
        Episodes(store, journal).recall("gone")


def test_what_cannot_be_packed_is_said_and_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    entry = entry_of(ModelEnded(call="a", accepted=True, tokens=Tokens((2**40,))))
    assert entry.tokens is None
    assert "out of range" in caplog.text
