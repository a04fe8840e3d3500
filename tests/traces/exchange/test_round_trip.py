"""What is exported and imported elsewhere is the same there: generated episodes, and runs of every kind."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from llmi_agent.contract.tool import Attachment, Failed
from llmi_agent.records.codec import entry_of
from llmi_agent.records.costs import Charge
from llmi_agent.records.events import (
    CallEnded,
    CallStarted,
    Charged,
    DraftRead,
    Event,
    Halted,
    Message,
    ModelEnded,
    ModelStarted,
    ModelText,
    Opened,
    Resumed,
    Rewarded,
    SlotPlanned,
    SlotSettled,
    Tokens,
)
from llmi_agent.records.journal import Journal, journal_beside
from llmi_agent.records.outcome import Dropped, Finished
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.traces import traces
from llmi_agent.traces.exchange.exporting import export
from llmi_agent.traces.exchange.importing import import_traces
from llmi_agent.traces.places import InJournal

WORDS = st.text(max_size=12)
NUMBERS = st.floats(-50, 0)
IDS = st.lists(st.integers(0, 2**32 - 1), max_size=5)


@st.composite
def sampled(draw: st.DrawFn) -> Tokens:
    completion = draw(IDS)
    odd = st.sampled_from([-math.inf, math.inf, -0.0, 5e-324, -1e-300])
    probabilities = st.lists(NUMBERS | odd, min_size=len(completion), max_size=len(completion))
    return Tokens(
        tuple(completion),
        draw(st.none() | IDS.map(tuple)),
        draw(st.none() | probabilities.map(tuple)),
        draw(st.sampled_from(["", "raw_logprobs"])),
        draw(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=3).map(tuple)),
    )


@st.composite
def happened(draw: st.DrawFn) -> list[Event]:
    """What may be on record of an episode, in any order that no run would have it in."""
    calls = st.sampled_from(["m1", "m2", "m3"])
    slots = st.integers(0, 2)
    message = Message.of({"type": "human", "data": {"content": draw(WORDS)}})
    begun: set[str] = set()
    endings: list[str] = []

    def ended(call: str) -> ModelEnded | None:
        if call in endings or call not in begun:
            return None
        endings.append(call)
        return ModelEnded(
            call=call,
            accepted=draw(st.booleans()),
            raw=draw(st.none() | WORDS),
            reasoning=draw(WORDS),
            input_tokens=draw(st.none() | st.integers(0, 2**70)),
            withheld=draw(st.booleans()),
            tokens=draw(st.none() | sampled()),
        )

    def one() -> Event | None:  # noqa: PLR0911
        match draw(st.integers(0, 11)):
            case 0:
                purpose = draw(st.sampled_from(["draft", "repair", "else"]))
                asked = (message.digest, draw(st.sampled_from(["m1", "gone"])))
                options = draw(st.dictionaries(WORDS, st.none() | NUMBERS | WORDS, max_size=2))
                call = draw(calls)
                begun.add(call)
                return ModelStarted(
                    call=call, purpose=purpose, model=draw(WORDS), messages=asked, sampling=options
                )
            case 1:
                return ModelText(call=draw(calls), start=0, text=draw(WORDS))
            case 2:
                return ended(draw(calls))
            case 3:
                span = draw(st.tuples(st.integers(0, 9), st.integers(0, 9)))
                return SlotPlanned(
                    slot=draw(slots), origin="o", span=span, kind=draw(WORDS), reason=draw(WORDS)
                )
            case 4:
                return CallStarted(
                    call=draw(WORDS),
                    slot=draw(slots),
                    attempt=0,
                    kind="search",
                    tool="t",
                    params={draw(WORDS): [draw(NUMBERS)]},
                )
            case 5:
                outcome = draw(
                    st.sampled_from(
                        [
                            Finished(candidates=(), note="n"),
                            Failed("quota", "used up"),
                            Failed("crashed", "x"),
                        ]
                    )
                )
                return CallEnded(
                    call=draw(WORDS),
                    slot=draw(slots),
                    attempt=0,
                    tool="t",
                    outcome=outcome,
                    reuse="t:key",
                )
            case 6:
                usd = draw(st.none() | st.floats(0, 9))
                charge = Charge(call="tool", name="t", purpose="search", slot=draw(slots), usd=usd)
                return Charged(call=draw(WORDS), charge=charge, settled=draw(st.booleans()))
            case 7:
                return SlotSettled(
                    slot=draw(slots),
                    origin="o",
                    verdict=Dropped(reason="quota", message=draw(WORDS)),
                )
            case 8:
                return DraftRead(texts=((0, 3),))
            case 9:
                return draw(st.sampled_from([Halted(message="why"), Resumed(model="m")]))
            case 10:
                return Rewarded(
                    component=draw(st.sampled_from(["total", "taste"])),
                    value=draw(st.none() | NUMBERS),
                )
            case _:
                return message

    table = Attachment("a.csv", "text/csv", "ab" * 32, 3)
    opened = Opened(
        prompt=draw(WORDS),
        group=draw(WORDS),
        member=draw(st.none() | slots),
        split=draw(WORDS),
        attachments=(table,),
    )
    return [opened, *filter(None, (one() for _ in range(draw(st.integers(0, 14)))))]


def kept(journal: Journal, episode: str, events: list[Event], at: float) -> None:
    journal.write(episode, *(replace(entry_of(e), at=at + n / 7) for n, e in enumerate(events)))


@given(st.lists(happened(), min_size=1, max_size=3))
@settings(
    max_examples=12,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_episode_is_the_same_in_another_home(
    tmp_path_factory: pytest.TempPathFactory, episodes: list[list[Event]]
) -> None:
    folder = tmp_path_factory.mktemp("x")
    store = ArtifactStore.in_memory()
    for number, events in enumerate(episodes):
        kept(journal_beside(store), f"e{number}", events, 1e9 + number)
    here = InJournal(journal_beside(store))
    for name in ("a.jsonl", "a.parquet"):
        (folder / "b").mkdir(exist_ok=True)
        done = export(here.traces(), folder / name)
        assert (done.unreadable, done.rows) == (0, len(episodes)), done.named
        other = ArtifactStore.in_memory()
        checked = import_traces(folder / name, ArtifactStore.in_memory())
        assert checked.new + checked.refused == len(episodes), "whatever is on record is judged"
        taken = import_traces(folder / name, other, unchecked=True)
        assert taken.named == []
        assert (taken.new, taken.refused) == (len(episodes), 0)
        there = journal_beside(other)
        for trace in here.traces():
            assert there.read(trace.episode) == list(trace.records)
            assert bits(there, trace.episode) == bits(here.journal, trace.episode)
        export(InJournal(there).traces(), folder / "b" / name)
        again = import_traces(folder / "b" / name, other, unchecked=True)
        assert (again.same, again.new, again.completed) == (len(episodes), 0, 0)
        assert not there.reusables()
    assert (folder / "b" / "a.jsonl").read_bytes() == (folder / "a.jsonl").read_bytes()
    one, two = (pq.read_table(folder / each / "a.parquet") for each in ("", "b"))
    assert one.equals(two)
    assert one.num_rows == len((folder / "a.jsonl").read_text().splitlines())
    for line in (folder / "a.jsonl").read_bytes().splitlines():
        json.loads(line, parse_constant=pytest.fail)


def bits(journal: Journal, episode: str) -> list[Any]:
    """Token arrays, to the last bit."""
    from llmi_agent.records.arrays import unpack

    found = [unpack(each.tokens) for each in journal.read(episode) if each.tokens]
    return [(t, [struct.pack("<d", p) for p in t.logprobs or ()]) for t in found]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.parquet"])
@pytest.mark.parametrize("how", ["beside", "inside"])
def test_runs_of_every_kind_are_the_same_in_another_home(
    runs: Any, tmp_path: Path, name: str, how: Any
) -> None:
    first, second = tmp_path / "first" / name, tmp_path / "second" / name
    done = export(traces(runs.root), first, pictures=how)
    known = [trace.episode for trace in traces(runs.root)]
    assert (done.unreadable, done.absent, done.rows) == (0, 0, len(known))
    home = tmp_path / "home"
    taken = import_traces(first, ArtifactStore(home / "artifacts"))
    assert (taken.new, taken.refused, taken.absent) == (len(known), 0, 0), taken.named
    export(traces(home), second, pictures=how)
    if name.endswith(".parquet"):
        assert pq.read_table(first).equals(pq.read_table(second))
        assert pq.read_schema(first).metadata == pq.read_schema(second).metadata
    else:
        assert first.read_bytes() == second.read_bytes()
    files = [
        sorted(each.relative_to(f.parent) for each in f.parent.rglob("*.*"))
        for f in (first, second)
    ]
    assert files[0] == files[1]
    for trace, other in zip(traces(runs.root), traces(second), strict=True):
        assert trace.episode == other.episode
        assert trace.records == other.records
        assert trace.document() == other.document()
        assert (trace.calls, trace.slots, trace.rewards) == (
            other.calls,
            other.slots,
            other.rewards,
        )
