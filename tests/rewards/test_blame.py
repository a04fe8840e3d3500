"""The blame table, row by row, on real runs: what is scored, what is at the minimum, and what is missing."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGenerationChunk
from PIL import Image as Pillow
from pydantic import BaseModel, ConfigDict

from llmi_agent.config.options import ModelPrice, Options
from llmi_agent.contract.hooks import hookimpl
from llmi_agent.contract.judging import Score
from llmi_agent.contract.spec import ToolSpec
from llmi_agent.contract.tool import (
    REASONS,
    Failed,
    Image,
    Produced,
    Provenance,
    ToolCall,
    ToolResult,
    ToolRetry,
)
from llmi_agent.records.journal import journal_beside
from llmi_agent.rewards.profile import OF_PICTURES
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import (
    Cut,
    FakeTool,
    OpenAIServer,
    Reply,
    ScriptedModel,
    openai_error,
    random_png,
    slot,
)
from llmi_graphs import build_graph

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore:.*Pydantic.*:UserWarning"
)

PROSE = "# Ships\n\nThey carry most of what the world trades, and few people ever see one.\n\n"
GOOD, OTHER = slot("search", "A ship", query="ship"), slot("code", "A plot", code="plt.plot([1])")
TWO = f"{PROSE}{GOOD}\n\n{OTHER}\n\nThe end."
FAST = Options(retry_wait=0.0, retries=0, repairs=0, debug_rounds=0, model_retries=0)

OF_THE_POLICY = {"bad_params", "refused"}
OF_ITS_CODE = {"crashed", "bad_output", "timeout"}
TOLD = [each for each in REASONS if each not in ("cancelled", "budget")]
"""Reasons that a tool may say itself."""


def tools(answer: Any = None, *, executes_code: bool = True, kind: str = "code") -> list[FakeTool]:
    """One that works, and one that answers so."""
    answers = [answer] if answer else []
    other = FakeTool("other", kind, answers, executes_code=executes_code)
    return [FakeTool("works", "search"), other]


@pytest.mark.parametrize("executes_code", [True, False], ids=["code", "no code"])
@pytest.mark.parametrize("reason", TOLD)
async def test_a_failure_is_the_policys_or_the_infrastructures(
    write: Any, reason: Any, executes_code: bool
) -> None:
    done = await write(
        TWO,
        *tools(Failed(reason, "it failed"), executes_code=executes_code),
        pictures=2,
        kinds=("search", "code"),
    )
    policy = reason in OF_THE_POLICY or (executes_code and reason in OF_ITS_CODE)
    assert done.facts.slots[1].fault == ("policy" if policy else "infrastructure")
    assert done.value("validity", 1) == 1, "its form is good either way"
    assert done.value("earned", 1) == (0 if policy else None)
    assert done.value("count") == (0.5 if policy else 1)
    assert done.value("kinds") == (0.5 if policy else 1)
    assert done.value("pictures") == pytest.approx(0.6 / 2 * 0.5 if policy else 0.6)
    worked = [each for each in done.rules if each.component == "worked"]
    assert [each.value for each in worked] == [1, 0 if policy else None]
    assert (done.total.value or 0) < 0.7 if policy else done.total.value > 0.75


async def test_a_slot_that_is_lost_costs_nothing(write: Any) -> None:
    """A longer document meets more of a vendor's bad days: it must be worth what it would be without."""
    good = await write(TWO, *tools(), pictures=2, kinds=("search", "code"))
    lost = await write(
        TWO,
        *tools(Failed("unreachable", "no route"), executes_code=False),
        pictures=2,
        kinds=("search", "code"),
    )
    assert lost.total.value == pytest.approx(good.total.value)
    both = [
        FakeTool("works", "search", [Failed("quota", "used up")]),
        FakeTool("other", "code", [Failed("unavailable", "gone")], executes_code=True),
    ]
    every = await write(TWO, *both, pictures=2, kinds=("search", "code"))
    assert every.of("pictures") is None, "nothing is left to be judged"
    assert every.total.value == pytest.approx((0.2 + 0.1 + 0.1 + 0.3 * 0.8) / 0.7)


async def test_a_call_that_the_budget_forbids_is_missing(write: Any) -> None:
    options = FAST.model_copy(
        update={"budget": 1.0, "prices": {"works": 0.0, "other": 5.0, "ScriptedModel": 0.0}}
    )
    priced = {**options.prices, "ScriptedModel": ModelPrice(input=0, output=0)}
    options = options.model_copy(update={"prices": priced})
    done = await write(TWO, *tools(), pictures=2, options=options)
    assert done.trace.slots[1].verdict.reason == "budget"
    assert (done.value("count"), done.value("earned", 1)) == (1, None)


async def test_a_run_that_is_stopped_loses_only_the_pictures_that_were_to_come(
    store: ArtifactStore, read: Any
) -> None:
    started = asyncio.Event()

    async def hang(call: ToolCall, context: Any) -> Produced:
        started.set()
        await asyncio.sleep(60)
        raise AssertionError

    graph = build_graph(
        model=ScriptedModel(script=[TWO]), tools=tools(hang), options=FAST, store=store, secrets={}
    )
    ask: Any = {"messages": [HumanMessage("Write.")], "demand": {"pictures": 2}}
    task = asyncio.create_task(graph.ainvoke(ask))
    await asyncio.wait_for(started.wait(), 20)
    (episode,) = journal_beside(store).episodes()
    async with asyncio.timeout(20):
        while not any(each.picture for each in read(episode).facts.slots):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    done = read(episode)
    assert done.trace.state == "halted"
    assert (done.value("count"), done.value("validity"), done.value("earned", 1)) == (1, 1, None)


async def test_a_hook_that_says_no_is_a_refusal(write: Any) -> None:
    class Veto:
        @hookimpl
        def llmi_before_call(self, call: ToolCall) -> ToolResult | None:
            return Failed("refused", "not this") if call.kind == "code" else None

    done = await write(TWO, *tools(), pictures=2, hooks=[Veto()])
    assert done.facts.slots[1].fault == "policy"


@pytest.mark.parametrize("executes_code", [True, False])
async def test_a_blank_picture_is_a_bad_output(write: Any, executes_code: bool) -> None:
    out = io.BytesIO()
    Pillow.new("RGB", (32, 32), "white").save(out, "PNG")
    blank = Produced((Image(out.getvalue(), Provenance("x")),))
    options = FAST.model_copy(update={"repairs": 1, "debug_rounds": 1})
    done = await write(
        [TWO, slot("code", "A plot", code="plt.plot([2])")],
        *tools(blank, executes_code=executes_code),
        pictures=2,
        options=options,
    )
    assert done.value("earned", 1) == (0 if executes_code else None)
    assert done.value("validity", 1) == (0.5 if executes_code else 1), "who asked for the repair"
    worked = [each.value for each in done.rules if each.component == "worked"]
    assert worked == [1, *[0 if executes_code else None] * 2]


# What stands in for a picture


async def test_a_fallbacks_picture_earns_nothing_and_its_cause_decides_what_is_lost(
    write: Any,
) -> None:
    script = PROSE + slot("search", "A ship", query="ship")
    fallbacks = FAST.model_copy(update={"fallbacks": True})
    for reason, fault in (("unreachable", "infrastructure"), ("bad_params", "policy")):
        searching = FakeTool("s", "search", [Failed(reason, "no")])
        done = await write(
            script,
            searching,
            FakeTool("d", "diffusion"),
            pictures=1,
            kinds=["search"],
            options=fallbacks,
        )
        (only,) = done.facts.slots
        assert (only.picture, only.fallback, only.fault) == (True, True, fault)
        lost = fault == "infrastructure"
        assert done.value("earned", 0) == (None if lost else 0)
        assert (done.value("count"), done.value("kinds")) == ((1, 1) if lost else (0, 0))
        bare = await write(script, searching, pictures=1, kinds=["search"])
        assert bare.total.value == pytest.approx(done.total.value), "as if nothing had stood in"


async def test_a_placeholder_counts_and_is_not_judged(write: Any) -> None:
    sketch = Produced((Image(random_png(), Provenance("sketch", placeholder=True)),))
    text = f"{PROSE}{slot('diffusion', 'A', prompt='a')}\n\n{slot('diffusion', 'B', prompt='b')}"
    done = await write(text, FakeTool("d", "diffusion", [sketch]), pictures=2, kinds=["diffusion"])
    assert (done.value("count"), done.value("kinds"), done.value("validity")) == (1, 1, 1)
    assert [done.value("earned", n) for n in (0, 1)] == [None, None], (
        "the same one twice is no repetition"
    )
    assert done.of("pictures") is None
    edited = await write(
        f"{PROSE}{slot('diffusion', 'A', prompt='a')}{slot('edit', 'E', img_index=0, prompt='x')}",
        FakeTool("d", "diffusion", [sketch]),
        FakeTool("e", "edit"),
        pictures=2,
    )
    assert edited.value("earned", 1) is None, "a picture made from a placeholder is one"


async def test_a_repair_costs_what_the_policy_is_to_blame_for(write: Any) -> None:
    crash = ToolRetry("NameError: x")
    again = slot("code", "A plot", code="plt.plot([2])")
    options = FAST.model_copy(update={"debug_rounds": 3})
    code = FakeTool("c", "code", [crash, FakeTool("x", "code").picture], executes_code=True)
    done = await write([PROSE + OTHER, again], code, pictures=1, kinds=["code"], options=options)
    assert (done.value("validity", 0), done.value("earned", 0), done.value("count")) == (0.5, 1, 1)
    repaired = [each.value for each in done.rules if each.component == "repaired"]
    assert repaired == [1]
    twice = FakeTool("c", "code", [crash, crash, FakeTool("x", "code").picture], executes_code=True)
    done = await write([PROSE + OTHER, again, again + " "], twice, pictures=1, options=options)
    assert done.value("validity", 0) == 0
    assert [each.value for each in done.rules if each.component == "repaired"] == [0, 1]


@pytest.mark.parametrize("answer", ["SKIP", "I cannot.", slot("search", "A ship", query="x")])
@pytest.mark.parametrize("stands_in", [True, False])
async def test_a_repair_that_is_refused_or_vain_costs_whatever_stands_in(
    write: Any, answer: str, stands_in: bool
) -> None:
    searching = FakeTool("s", "search", [Failed("bad_params", "nothing found")])
    others = [FakeTool("d", "diffusion")] if stands_in else []
    options = FAST.model_copy(update={"repairs": 1, "fallbacks": True})
    done = await write([PROSE + GOOD, answer], searching, *others, pictures=1, options=options)
    assert done.facts.slots[0].picture is stands_in
    assert (done.value("validity", 0), done.value("count")) == (0.5, 0)
    assert [each.value for each in done.rules if each.component == "repaired"] == [0]


async def test_the_reason_of_validity_is_true_of_what_has_no_description(write: Any) -> None:
    done = await write(PROSE + slot("search", "", query="ship"), *tools(), pictures=1)
    assert done.of("validity").reason == "0 of 1 slots in full; 1 without a description"


async def test_a_retry_of_the_infrastructure_costs_nothing(write: Any) -> None:
    flaky = FakeTool("s", "search", [Failed("unreachable", "x"), FakeTool("x", "search").picture])
    options = FAST.model_copy(update={"retries": 1})
    done = await write(PROSE + GOOD, flaky, pictures=1, options=options)
    assert (done.value("validity", 0), done.value("earned", 0)) == (1, 1)
    assert [each.value for each in done.rules if each.component == "worked"] == [None, 1]


async def test_a_repair_that_asks_for_another_kind_is_none_of_the_kind_that_was_asked_for(
    write: Any,
) -> None:
    options = FAST.model_copy(update={"debug_rounds": 1})
    crashing = FakeTool("c", "code", [ToolRetry("no")], executes_code=True)
    done = await write(
        [PROSE + OTHER, slot("search", "A plot", query="b")],
        crashing,
        FakeTool("s", "search"),
        pictures=1,
        kinds=["code", "search"],
        options=options,
    )
    assert (done.value("count"), done.value("kinds")) == (1, 0)


async def test_nor_if_the_infrastructure_loses_that_one(write: Any) -> None:
    options = FAST.model_copy(update={"debug_rounds": 1, "fallbacks": False})
    done = await write(
        [PROSE + OTHER, slot("search", "A plot", query="b")],
        FakeTool("c", "code", [ToolRetry("no")], executes_code=True),
        FakeTool("s", "search", [Failed("quota", "used up")]),
        pictures=1,
        kinds=["code"],
        options=options,
    )
    assert (done.value("count"), done.value("kinds"), done.value("earned", 0)) == (1, 0, None)


# What only the lenient reader takes


@pytest.mark.parametrize(
    "written",
    [
        GOOD.replace("imgen", "IMGEN"),
        GOOD.replace('"', "'"),
        GOOD.replace("}}", "},}"),
        GOOD.replace("</imgen>", ""),
        f"```\n{GOOD}\n```",
        "```json\n" + GOOD.removeprefix("<imgen>").removesuffix("</imgen>") + "\n```",
        GOOD.replace('"params"', '"id": 7, "params"'),
        GOOD.replace('"params": {"query": "ship"}', '"query": "ship"'),
        '<imgen source="search" query="ship"/>',
    ],
)
async def test_a_slot_that_only_the_lenient_reader_takes_earns_nothing(
    write: Any, written: str
) -> None:
    done = await write(PROSE + written + "\n\nThe end.", *tools(), pictures=1, kinds=["search"])
    (only,) = done.facts.slots
    assert only.picture, "the document has it"
    for component in ("count", "validity", "kinds", "pictures"):
        assert done.value(component) == 0, component
    assert done.total.value == pytest.approx(0.3 * 0.8)


async def test_a_slot_that_nobody_can_read_earns_nothing_and_cannot_be_mended(write: Any) -> None:
    options = FAST.model_copy(update={"repairs": 1})
    done = await write(
        [PROSE + "<imgen>{nothing}</imgen>", GOOD], *tools(), pictures=1, options=options
    )
    (only,) = done.facts.slots
    assert only.picture
    assert (done.value("count"), done.value("validity"), done.value("pictures")) == (0, 0, 0)


async def test_the_runs_own_dialect_is_read_strictly(write: Any) -> None:
    literal = GOOD.replace('"', "'")
    for dialect, valid in (("python", 1), ("json", 0)):
        options = FAST.model_copy(update={"dialect": dialect})
        done = await write(PROSE + literal, *tools(), pictures=1, options=options)
        assert done.value("validity") == valid


async def test_what_a_whole_answer_in_json_or_a_fence_holds_is_not_valid(write: Any) -> None:
    for whole in (json.dumps({"content": PROSE + GOOD}), f"```markdown\n{PROSE}{GOOD}\n```"):
        done = await write(whole, *tools(), pictures=1)
        assert done.facts.slots[0].picture
        assert (done.value("count"), done.value("validity")) == (0, 0)


# Kinds of plugins


class MapParams(BaseModel):
    model_config = ConfigDict(extra="forbid")
    place: str


MAP = ToolSpec(
    "maps",
    "map",
    "a map",
    "nowhere:Tool",
    params=MapParams,
    example={"place": "Rome"},
    title="Rome",
)


async def test_a_kind_that_is_not_known_here_can_be_neither_valid_nor_invalid(write: Any) -> None:
    maps = FakeTool("maps", "search")
    maps.spec = MAP
    text = f"{PROSE}{slot('map', 'Rome', place='Rome')}\n\n{GOOD}"
    done = await write(text, maps, *tools(), pictures=2, kinds=["map", "search"])
    assert done.facts.slots[0].picture
    for component in ("count", "validity", "kinds"):
        score = done.of(component)
        assert score.value is None
        assert "'map'" in score.error
    assert done.total.value is None
    known = await write(
        text, maps, *tools(), pictures=2, kinds=["map", "search"], known={"map": MapParams}
    )
    assert (known.value("count"), known.value("validity"), known.value("kinds")) == (1, 1, 1)
    other = await write(
        text.replace('"Rome"}', '"Rome", "x": 1}'), maps, *tools(), known={"map": MapParams}
    )
    assert other.value("validity", 0) == 0


async def test_a_kind_that_the_run_did_not_know_is_the_policys_fault(write: Any) -> None:
    done = await write(f"{PROSE}{slot('map', 'Rome', place='Rome')}", *tools(), pictures=1)
    assert (done.value("count"), done.value("validity")) == (0, 0)


# Edits


async def test_an_edit_of_what_the_policy_broke_is_broken_by_it(write: Any) -> None:
    chain = "".join(slot("edit", f"E{n}", img_index=n, prompt=f"step {n}") for n in range(5))
    crash = Failed("crashed", "SyntaxError")
    done = await write(PROSE + OTHER + chain, *tools(crash), FakeTool("e", "edit"), pictures=99)
    assert {each.fault for each in done.facts.slots} == {"policy"}
    assert (done.value("count"), done.value("pictures")) == (0, 0)
    lost = await write(
        PROSE + OTHER + chain,
        *tools(Failed("quota", "used up")),
        FakeTool("e", "edit"),
        pictures=6,
    )
    assert {each.fault for each in lost.facts.slots} == {"infrastructure"}
    assert (lost.value("count"), lost.of("pictures")) == (1, None)


async def test_an_edit_that_changes_nothing_earns_nothing(write: Any) -> None:
    def same(call: ToolCall, context: Any) -> Produced:
        return Produced((Image(context.artifacts.read(call.inputs[0]), Provenance("x")),))

    done = await write(
        PROSE + GOOD + slot("edit", "E", img_index=0, prompt="nothing"),
        *tools(),
        FakeTool("e", "edit", [same]),
        pictures=2,
    )
    assert (done.value("count"), done.value("earned", 1)) == (0.5, 0)
    assert done.value("validity", 1) == 1, "by its form: it repeats nobody's request"


# The draft


class Breaking(ScriptedModel):
    """Says its script and then breaks off, each time."""

    model: str = "breaking"

    async def _astream(
        self, messages: list[BaseMessage], *rest: Any, **more: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        yield ChatGenerationChunk(message=AIMessageChunk(self._answer(messages)))
        raise ConnectionError("the line is dead")


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer([TWO], chunk=9) as running:
        yield running


Serve = Callable[..., Awaitable[Any]]


@pytest.fixture
def served(server: OpenAIServer, write: Any) -> Serve:
    """A run whose model is the server's."""

    async def run(*faults: Any, options: Options = FAST, **more: Any) -> Any:
        for each in faults:
            server.fault(each, path="/chat/completions")
        return await write(
            (),
            *tools(),
            model="openai/a",
            api_base=f"{server.url}/v1",
            secrets={"OPENAI_API_KEY": "sk-test"},
            pictures=2,
            kinds=("search", "code"),
            options=options,
            **more,
        )

    return run


def stream(text: str, reason: str | None) -> Reply:
    choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}
    end = {"index": 0, "delta": {}, "finish_reason": reason}
    head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "a"}
    events = [json.dumps({**head, "choices": [each]}) for each in (choice, end)]
    body = tuple(f"data: {event}\n\n".encode() for event in events)
    return Reply(body=body, media_type="text/event-stream")


async def test_a_draft_at_the_length_limit_is_judged_at_the_minimum(served: Serve) -> None:
    options = FAST.model_copy(update={"max_tokens": 22})  # inside the second slot
    done = await served(options=options)
    assert done.facts.draft.cut == "policy"
    assert (done.value("writing"), done.value("pictures"), done.value("whole")) == (0, 0, 0)
    assert done.value("count") == 0.5
    assert done.total.value == pytest.approx(0.2 * 0.5 + 0.1 * 0.5 + 0.1 * 0.5)


@pytest.mark.parametrize("reason", ["length", "content_filter", "stop"])
async def test_a_draft_that_its_model_ended_too_early_is_the_documents_fault(
    served: Serve, reason: str
) -> None:
    half = TWO[: TWO.index("</imgen>", TWO.index("</imgen>") + 1)]
    done = await served(stream(half, reason))
    assert done.facts.draft.cut == "policy"
    assert (done.value("writing"), done.value("pictures")) == (0, 0)


@pytest.mark.parametrize("reason", [None, "abort"])
async def test_a_draft_that_broke_off_is_missing(served: Serve, reason: str | None) -> None:
    half = TWO[: TWO.index("</imgen>", TWO.index("</imgen>") + 1)]
    done = await served(stream(half, reason))
    assert done.trace.draft is not None, "what there is of it was accepted"
    assert done.facts.draft.cut == "infrastructure"
    for component in ("count", "kinds", "whole", "total"):
        assert done.value(component) is None, component
    assert [done.value("validity", n) for n in (0, 1)] == [1, None]


async def test_a_draft_that_the_budget_cuts_is_missing(server: OpenAIServer, served: Serve) -> None:
    server.script = [PROSE + "They are long and heavy and slow. " * 200]
    prices = {"openai/a": ModelPrice(input=10, output=40), "works": 0.0, "other": 0.0}
    done = await served(options=FAST.model_copy(update={"budget": 0.025, "prices": prices}))
    assert "--budget" in done.facts.draft.cut_why
    assert done.total.value is None


async def test_a_connection_that_dies_leaves_no_draft_to_score(served: Serve) -> None:
    done = await served(Cut(0.5))
    assert done.trace.draft is None
    assert done.total.value is None
    assert "there is no draft" in done.total.error
    assert {each.value for each in done.rules} == {None}


@pytest.mark.parametrize(
    "fault", [openai_error(429, "slow down"), openai_error(500, "oops"), openai_error(401, "no")]
)
async def test_a_vendor_that_refuses_leaves_no_draft_to_score(served: Serve, fault: Any) -> None:
    assert (await served(fault)).total.value is None


@pytest.mark.parametrize("reason", ["stop", "content_filter", "length"])
async def test_a_policy_that_writes_nothing_gets_the_minimum(served: Serve, reason: str) -> None:
    done = await served(stream("", reason))
    assert done.trace.draft is None
    assert done.total.value == 0
    for component in ("count", "validity", "kinds", "whole"):
        assert done.value(component) == 0, component


async def test_what_the_policy_wrote_first_counts_though_the_line_died_later(
    served: Serve,
) -> None:
    again = FAST.model_copy(update={"model_retries": 1})
    done = await served(stream("", "stop"), Cut(0.3), options=again)
    assert done.total.value == 0


async def test_a_draft_that_was_broken_and_written_anew_is_scored_as_it_is(served: Serve) -> None:
    again = FAST.model_copy(update={"model_retries": 1})
    done = await served(Cut(0.5), options=again)
    assert len([each for each in done.trace.calls if each.purpose == "draft"]) == 2
    assert done.total.value == pytest.approx(0.2 + 0.1 + 0.1 + 0.3 * 0.8 + 0.3 * 0.6)


async def test_what_was_made_for_a_void_draft_is_not_scored(write: Any) -> None:
    crash = Failed("crashed", "no")
    half = f"{PROSE}{OTHER}\n\n{OTHER}"
    done = await write(
        Breaking(script=[half]),
        *tools(crash),
        fallback=[ScriptedModel(script=[PROSE + GOOD])],
        pictures=1,
    )
    assert len(done.facts.slots) == 1
    assert done.facts.draft.writer != done.trace.model, "who reads the reward can see whose it is"
    assert done.value("count") == 1
    assert len([each for each in done.rules if each.component == "worked"]) == 1


async def test_what_was_reasoning_is_not_scored(write: Any) -> None:
    text = f"Okay, a ship: {GOOD}\n</think>\n\n{PROSE}{OTHER}"
    done = await write(text, *tools(), pictures=1, kinds=["code"])
    assert [each.kind for each in done.facts.slots] == ["code"]
    assert (done.value("count"), done.value("kinds"), done.value("validity")) == (1, 1, 1)


# Judges


def judges(facts: Any, **changed: Any) -> list[Score]:
    """Fair ones, but for what is said here: a value, or an error."""
    scores = {"text": 0.8, "tag": 0.8, "image_quality": 0.6, "task_relevance": 0.6}
    scores |= {"text_image_relevance": 0.6} | changed
    shown = [each.slot for each in facts.slots if each.picture]
    given: list[Score] = []
    for name, said in scores.items():
        for place in [None] if name in ("text", "tag") else shown:
            value = said(place) if callable(said) else said
            error = value if isinstance(value, str) else ""
            given.append(
                Score(component=name, slot=place, value=None if error else value, error=error)
            )
    return given


async def test_a_judge_that_failed_makes_the_total_missing(write: Any) -> None:
    done = await write(TWO, *tools(), pictures=2)
    for component in ("text", "tag", *OF_PICTURES):
        for profile in ("llmi", "paper"):
            for error in ("the judge is down", "the judge refused"):
                failed = done.under(profile, *judges(done.facts, **{component: error}))
                assert failed.total.value is None
                assert error in failed.total.error or profile == "paper"
            lacking = [each for each in judges(done.facts) if each.component != component]
            assert done.under(profile, *lacking).total.value is None


async def test_a_judge_that_failed_of_one_picture_costs_that_picture_alone(write: Any) -> None:
    text = PROSE + "\n\n".join(slot("search", f"S{n}", query=f"ship {n}") for n in range(5))
    done = await write(text, *tools(), pictures=5)

    def first_fails(number: int) -> Any:
        return "refused" if number == 0 else 0.6

    def most_fail(number: int) -> Any:
        return 0.6 if number == 0 else "down"

    one = done.under("llmi", *judges(done.facts, image_quality=first_fails))
    assert one.value("pictures") == pytest.approx(0.6)
    assert one.value("pictures", 0) is None
    most = done.under("llmi", *judges(done.facts, image_quality=most_fail))
    assert most.total.value is None
    assert "4 of 5 pictures" in most.total.error


async def test_a_judge_that_failed_does_not_hide_behind_what_is_at_the_minimum(write: Any) -> None:
    done = await write(PROSE + GOOD * 3, *tools(), pictures=1)
    failed = done.under("llmi", *judges(done.facts, image_quality="down"))
    assert failed.value("pictures") is None


async def test_the_judges_word_on_what_earns_nothing_is_not_heard(write: Any) -> None:
    done = await write(PROSE + GOOD + GOOD, *tools(), pictures=2)
    best = done.under("llmi", *judges(done.facts, image_quality=1.0, task_relevance=1.0))
    assert best.value("pictures", 1) == 0


async def test_a_judge_that_scores_on_another_scale_is_not_believed(write: Any) -> None:
    done = await write(TWO, *tools(), pictures=2)
    for value in (5.0, 1.01, -0.2):
        odd = done.under("llmi", *judges(done.facts, text=value))
        assert odd.total.value is None
        assert "from 0 to 1" in odd.total.error


async def test_more_pictures_than_are_judged_are_the_documents_fault(write: Any) -> None:
    text = PROSE + "\n\n".join(slot("search", f"S{n}", query=f"ship {n}") for n in range(11))
    done = await write(text, *tools(), pictures=99)
    assert (done.value("count"), done.value("pictures")) == (1, 0)
    assert "11 pictures" in done.of("pictures").reason
    assert done.under("paper").value("pictures") == 0


async def test_places_that_are_held_are_no_pictures_too_many(write: Any) -> None:
    sketch = Produced((Image(random_png(), Provenance("sketch", placeholder=True)),))
    text = PROSE + "\n\n".join(slot("search", f"S{n}", query=f"ship {n}") for n in range(11))
    done = await write(text, FakeTool("s", "search", [sketch]), pictures=11)
    assert done.value("count") == 1
    assert done.of("pictures") is None


async def test_a_judge_of_the_whole_speaks_for_each_picture(write: Any) -> None:
    done = await write(PROSE + GOOD + GOOD + OTHER, *tools(), pictures=2)
    pictures = ("image_quality", "task_relevance", "text_image_relevance")
    texts = [Score(component=name, value=0.8) for name in ("text", "tag")]
    whole = [Score(component=name, value=0.9) for name in pictures]
    scored = done.under("llmi", *texts, *whole)
    assert scored.value("pictures") == pytest.approx((0.9 + 0 + 0.9) / 3)
    down = [Score(component=name, value=None, error="it hangs") for name in pictures]
    assert "it hangs" in done.under("llmi", *texts, *down).total.error


async def test_nobody_asked_a_judge_under_rules(write: Any) -> None:
    done = await write(TWO, *tools(), pictures=2, kinds=["code"])
    scored = done.under("rules")
    assert scored.profile.judged == ()
    assert scored.total.value == 1
