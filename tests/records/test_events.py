"""Events: each is recorded as it was said, read back as it was recorded, and has its row in the docs."""

from __future__ import annotations

import time
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.base.errors import InputError
from llmi_agent.contract.judging import Demand
from llmi_agent.contract.tool import Attachment, Failed, Provenance
from llmi_agent.records import events
from llmi_agent.records.codec import entry_of, events_of
from llmi_agent.records.costs import Charge
from llmi_agent.records.events import EVENTS, Event
from llmi_agent.records.known import Known
from llmi_agent.records.outcome import Candidate, Dropped, Finished, Kept
from llmi_agent.records.record import SCHEMA, Record

PAGE = Path(__file__).parents[2] / "docs" / "events.md"
DIGEST = "ab" * 32
CREDIT = Provenance("a fake", seed=7, licence="CC-BY-4.0", placeholder=True)
PICTURE: dict[str, Any] = {
    "digest": DIGEST,
    "media_type": "image/png",
    "width": 4,
    "height": 3,
    "provenance": CREDIT,
}
KEPT = Kept(**PICTURE, kind="search", tool="t", caption="C", params={"query": "é"}, attempts=2)

WHOLE: dict[str, Event] = {
    "opened": events.Opened(
        prompt="Write \N{SNOWMAN}.",
        message="m",
        seed=-3,
        attachments=(Attachment("a.csv", "text/csv", DIGEST, 9),),
        inputs=(events.Input(DIGEST, "image/png", "a picture", CREDIT),),
        earlier=("d1", "d2"),
        model="openai/a",
        bindings={"search": "t"},
        options={"repairs": 2, "folders": ["x"]},
        asked={"temperature": 0.5},
        group="g",
        member=0,
        parent="e0",
        split="train",
        demand=Demand(2, ("code",)),
        graph="interleave",
        setup="0123",
        llmi="1.0",
    ),
    "resumed": events.Resumed(
        model="b", bindings={"code": "c"}, options={"repairs": 1}, setup="4", llmi="1"
    ),
    "ordered": events.Ordered(order={"out": "o", "formats": ["html"]}),
    "message": events.Message.of({"type": "human", "data": {"content": "x"}}),
    "model_started": events.ModelStarted(
        call="model-0",
        purpose="repair",
        model="openai/a",
        messages=("d1", "model-0"),
        sampling={"temperature": 0.2, "stop": ["END"]},
        slot=1,
        attempt=2,
        parent="model-0",
        again=1,
        language_model=False,
    ),
    "model_text": events.ModelText(call="model-0", start=3, text="piece\n"),
    "model_ended": events.ModelEnded(
        call="model-0",
        accepted=True,
        answered_by="a-2026",
        finish_reason="stop",
        cut="why",
        error="what",
        first=12.5,
        input_tokens=3,
        output_tokens=4,
        raw="raw\x00",
        reasoning="hm",
        withheld=True,
        tokens=events.Tokens((1, 2), (9,), (-0.1, -12.000000000000002), "raw_logprobs", ((2, 5),)),
        weights="step-7",
    ),
    "restarted": events.Restarted(model="b", message="again"),
    "slot_planned": events.SlotPlanned(
        slot=1, origin="o", span=(3, 70), kind="search", description="D", reason="R"
    ),
    "draft_given": events.DraftGiven(
        text="T", model="m", language_model=False, cut="why", messages=("d1",)
    ),
    "draft_read": events.DraftRead(texts=((0, 3), (70, 70)), wrapper=(0, 99)),
    "call_started": events.CallStarted(
        call="k",
        slot=1,
        attempt=2,
        kind="search",
        tool="t",
        version="llmi-t 1.0",
        description="D",
        params={"query": "x", "n": 1.5, "none": None},
        inputs=(DIGEST,),
        seed=5,
        cached=True,
        executes_code=True,
    ),
    "call_job": events.CallJob(call="k", job="prediction-7"),
    "call_ended": events.CallEnded(
        call="k",
        slot=1,
        attempt=2,
        tool="t",
        outcome=Finished(candidates=(Candidate(**PICTURE, blank=True),), note="n", usd=0.1),
        by="hook",
        reuse="t:1",
    ),
    "charged": events.Charged(
        call="k",
        charge=Charge(call="tool", name="t", purpose="search", slot=1, usd=0.3, basis="known"),
        reserved=0.4,
        settled=True,
    ),
    "slot_turned": events.SlotTurned(
        slot=1, attempt=2, step="falling back", reason="quota", message="m"
    ),
    "slot_settled": events.SlotSettled(slot=1, origin="o", verdict=KEPT),
    "composed": events.Composed(title="T", created=12.5),
    "halted": events.Halted(message="why"),
    "rewarded": events.Rewarded(
        component="count",
        value=None,
        scope="slot",
        about="1",
        status="error",
        error="why",
        profile="paper",
        judge="a-2026",
        rubric="ab12",
        reason="it is short",
        votes=(0.5, 1.0),
        reuse="judge:0f",
    ),
}
"""One of each durable event, with all that it can hold."""


def recorded(event: Event) -> Record:
    entry = entry_of(event)
    return Record(entry.kind, entry.key, entry.data, entry.at, tokens=entry.tokens)


def test_there_is_an_example_of_each_with_nothing_left_out() -> None:
    assert WHOLE.keys() == {name for name, each in EVENTS.items() if each.durable}
    for event in WHOLE.values():
        for field in fields(event):
            default = (
                field.default_factory() if field.default_factory is not MISSING else field.default
            )
            assert getattr(event, field.name) != default, f"{event.type}.{field.name}"


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_recorded_is_read_back_equal_and_stamped_when_it_was_said(name: str) -> None:
    before = time.time()
    record = recorded(WHOLE[name])
    assert before <= record.at <= time.time()
    assert (record.kind, record.schema) == (name, SCHEMA)
    ((at, event),) = events_of([record])
    assert (at, event) == (record.at, WHOLE[name])
    assert type(event) is type(WHOLE[name])


@pytest.mark.parametrize("outcome", [Failed("quota", "m", True, 3.0, 0.1), Failed("crashed", "")])
def test_a_failure_is_read_back_as_one(outcome: Failed) -> None:
    event = events.CallEnded(call="k", slot=0, attempt=0, tool="t", outcome=outcome)
    assert [each for _, each in events_of([recorded(event)])] == [event]


def test_a_missing_slot_is_read_back_as_one() -> None:
    dropped = Dropped(reason="budget", message="m", attempts=1)
    event = events.SlotSettled(slot=0, origin="o", verdict=dropped)
    assert [each for _, each in events_of([recorded(event)])] == [event]


def test_half_a_surrogate_pair_is_no_reason_to_lose_a_record() -> None:
    ((_, event),) = events_of([recorded(events.Opened(prompt="a \ud800 b"))])
    assert event == events.Opened(prompt="a ? b")


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (Record("opened", "", '{"prompt": "x"}', 1.0, SCHEMA + 1), "written by a later LLMI"),
        (Record("danced", "", "{}", 1.0), "written by a later LLMI"),
        (Record("composed", "", "{}", 1.0), r"composed is damaged \(title: "),
        (Record("composed", "", '{"title', 1.0), "composed is damaged"),
    ],
)
def test_what_cannot_be_read_is_said(record: Record, words: str) -> None:
    with pytest.raises(InputError, match=words):
        list(events_of([record]))


def test_what_is_said_twice_is_recorded_once_unless_it_happens_anew() -> None:
    known = Known()
    for event in WHOLE.values():
        assert known.take(event)
        assert known.take(event) == event.repeats
    assert {name for name, each in WHOLE.items() if each.repeats} == {
        "resumed",
        "restarted",
        "call_started",
        "halted",
        "rewarded",
    }


def test_a_draft_that_is_written_anew_begins_with_no_slots_even_if_they_are_the_same() -> None:
    known = Known()
    started = events.ModelStarted(call="model-0", purpose="draft", model="m", messages=())
    slot = events.SlotPlanned(slot=0, origin="o", span=(0, 9), kind="search")
    other = events.SlotPlanned(slot=1, origin="p", span=(9, 18), kind="search")
    assert all(map(known.take, (started, slot, other)))
    known.take(events.Restarted(model="m", message="again"))
    assert known.planned == {}
    assert known.take(slot), "it is the new draft's"
    assert known.planned == {0: slot}


def test_each_event_and_each_of_its_fields_is_in_the_docs() -> None:
    page = PAGE.read_text(encoding="utf-8")
    page = page[page.index("## The records") :]
    for name, each in EVENTS.items():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
        for field in fields(each):
            assert f"`{field.name}`" in row, f"{name}: {field.name}"
