"""A trace says of an episode what happened in it: no more, no less, and in its place."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import FrozenInstanceError
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from llmi_agent.base.errors import InputError, LlmiError
from llmi_agent.config.options import Options
from llmi_agent.contract.tool import Failed, ToolRetry
from llmi_agent.document.model import Document
from llmi_agent.records.events import Rewarded, Tokens
from llmi_agent.records.journal import journal_beside
from llmi_agent.records.outcome import Dropped, Kept
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel, slot
from llmi_agent.traces import Trace, export, traces
from llmi_agent.traces.parts import UNENDED, blame, tokens_of_span
from llmi_agent.traces.rewarding import give
from llmi_graphs import build_graph

ONE = slot("search", "One", query="a")
TWO = slot("edit", "Two", img_index=0, prompt="crop")
DRAFT = f"# T\n\nA \N{SNOWMAN}.\n\n{ONE}\n\nB.\n\n{TWO}\n\nC."


async def run(
    store: ArtifactStore,
    script: Sequence[Any] = (DRAFT, "SKIP"),
    tools: Sequence[FakeTool] = (),
    fallback: Sequence[Any] = (),
    options: Options | None = None,
    **request: Any,
) -> Document:
    """The document of a run of scripted models and tools."""
    graph = build_graph(
        model=script if isinstance(script, ScriptedModel) else ScriptedModel(script=list(script)),
        fallback=fallback,
        tools=tools or [FakeTool("s", "search"), FakeTool("e", "edit")],
        store=store,
        secrets={},
        options=options or Options(retry_wait=0.0),
    )
    asked = {"messages": [HumanMessage("Write.")], **request}
    return Document.model_validate((await graph.ainvoke(asked))["document"])


def trace_of(store: ArtifactStore, episode: str) -> Trace:
    return Trace(episode, partial(journal_beside(store).read, episode))


async def test_a_trace_of_a_run_that_went_well(store: ArtifactStore) -> None:
    document = await run(store, group="g", member=2, split="train")
    trace = trace_of(store, document.episode)
    assert (trace.prompt, trace.group, trace.member, trace.split) == ("Write.", "g", 2, "train")
    assert (trace.state, trace.halted, trace.draft) == ("done", "", DRAFT)
    assert trace.document() == document
    assert trace.costs == document.costs
    assert trace.began <= trace.ended
    (call,) = trace.calls
    assert (call.purpose, call.accepted, call.raw, call.tokens) == ("draft", True, DRAFT, None)
    assert call.messages[-1]["data"]["content"].startswith("Write.")
    assert call.started <= (call.first or 0) <= (call.ended or 0)
    one, two = trace.slots
    assert [each.source for each in trace.slots] == [ONE, TWO]
    assert (one.kind, one.description, one.unread, one.blame) == ("search", "One", "", None)
    assert isinstance(one.verdict, Kept)
    (attempt,) = one.attempts
    assert (attempt.tool, attempt.params, attempt.by) == ("s", {"query": "a"}, "tool")
    assert attempt.pictures[0].digest == one.verdict.digest == two.attempts[0].inputs[0]
    assert attempt.seconds is not None
    assert attempt.seconds >= 0
    assert (attempt.blame, attempt.step, trace.attempts) == (
        None,
        None,
        (*one.attempts, *two.attempts),
    )


async def test_attempts_that_failed_say_why_and_what_was_done(store: ArtifactStore) -> None:
    search = FakeTool("s", "search", [ToolRetry("vague"), Failed("unreachable", "down")])
    diffusion = FakeTool("d", "diffusion", [Failed("refused", "no")])
    repaired = slot("search", "One", query="better")
    options = Options(retry_wait=0.0, retries=1, repairs=2)
    document = await run(store, [f"# T\n\n{ONE}", repaired], [search, diffusion], options=options)
    trace = trace_of(store, document.episode)
    (slot_,) = trace.slots
    told = [(a.tool, a.failure and a.failure.reason, a.step, a.blame) for a in slot_.attempts]
    assert told == [
        ("s", "bad_params", "repairing", "policy"),
        ("s", "unreachable", "retrying", "infrastructure"),
        ("s", "unreachable", "falling back", "infrastructure"),
        ("d", "refused", "repairing", "policy"),
        ("s", "unreachable", "retrying", "infrastructure"),
        ("s", "unreachable", None, "infrastructure"),
    ]
    assert isinstance(slot_.verdict, Dropped)
    draft, repair, *_ = trace.calls
    assert (repair.purpose, repair.slot, repair.attempt) == ("repair", 0, 0)
    assert (repair.parent, repair.text) == (draft.call, repaired)
    assert repair.messages[:2] == draft.messages


async def reached(store: ArtifactStore, kind: str) -> None:
    """Returns when such a record is on disk."""
    journal = journal_beside(store)
    async with asyncio.timeout(20):
        while not any(  # noqa: ASYNC110 - nobody tells when
            record.kind == kind for each in journal.episodes() for record in journal.read(each)
        ):
            await asyncio.sleep(0.02)


class Cuts(ScriptedModel):
    """Breaks off its first answer, once its first call has ended."""

    store: Any = None

    async def _astream(self, *args: Any, **kwargs: Any) -> Any:
        first, heard = not self.asked, ""
        async for chunk in super()._astream(*args, **kwargs):
            yield chunk
            heard += str(chunk.message.content)
            if first and len(heard) > len(ONE) + 20:
                await reached(self.store, "call_ended")
                raise ConnectionError("the line broke")


async def test_a_draft_that_was_void_leaves_its_calls_but_not_in_the_slots(
    store: ArtifactStore,
) -> None:
    other = slot("search", "Other", query="b")
    tool = FakeTool("s", "search")
    model = Cuts(
        script=[f"# T\n\n{ONE}\n\nAnd a long end of it all.", f"# T\n\n{other}"], store=store
    )
    document = await run(store, model, [tool])
    trace = trace_of(store, document.episode)
    assert [(each.accepted, each.again) for each in trace.calls] == [(False, 0), (True, 1)]
    assert "the line broke" in trace.calls[0].error
    assert ONE in trace.calls[0].raw
    (now,) = trace.slots
    assert [each.params for each in now.attempts] == [{"query": "b"}]
    assert {each.params["query"] for each in trace.attempts} == {"a", "b"}
    assert trace.document() == document


async def test_what_the_same_draft_asks_anew_stands(store: ArtifactStore) -> None:
    tool = FakeTool("s", "search")
    whole = f"# T\n\n{ONE}\n\nAnd a long end of it all."
    document = await run(store, Cuts(script=[whole], store=store), [tool])
    (now,) = trace_of(store, document.episode).slots
    assert len(now.attempts) == len(tool.calls) == 1


async def test_a_run_that_was_stopped_is_a_trace_too(store: ArtifactStore) -> None:
    model = ScriptedModel(script=[f"# T\n\n{ONE}\n\n{'Words. ' * 50}"], pause=0.01)
    running = asyncio.create_task(run(store, model))
    await reached(store, "model_text")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    (trace,) = traces(journal_beside(store))
    assert (trace.state, trace.draft, trace.document()) == ("halted", None, None)
    assert trace.halted
    (call,) = trace.calls
    assert (call.accepted, call.raw[:9]) == (False, "# T\n\n<img")
    assert [each.source for each in trace.slots] == [ONE]
    assert trace.slots[0].blame is None


def cut_after(trace: Trace, kind: str) -> Trace:
    """As if the process had been killed when this was on disk."""
    kinds = [each.kind for each in trace.records]
    return Trace(trace.episode, lambda: trace.records[: kinds.index(kind) + 1])


@pytest.mark.parametrize("number", range(0, 40, 3))
async def test_wherever_it_was_killed_a_trace_can_be_read(
    store: ArtifactStore, number: int
) -> None:
    document = await run(store)
    whole = trace_of(store, document.episode)
    part = Trace(whole.episode, lambda: whole.records[: number + 1])
    if number + 1 < len(whole.records):
        assert part.state == "open"
        assert part.document() is None
    assert len(part.calls) <= 1
    for call in part.calls:
        assert call.ended is not None or call.cut == UNENDED
    for each in part.attempts:
        assert each.outcome is not None or each.blame == "infrastructure"
    written = part.calls[0].text if part.calls else ""
    for each, source in zip(part.slots, [ONE, TWO], strict=False):
        assert source.startswith(each.source)
        assert len(each.source) == len(written[each.span[0] : each.span[1]])


def test_a_trace_is_lazy_and_frozen() -> None:
    def never() -> Any:
        raise AssertionError("it was read")

    trace = Trace("e", never)
    assert "e" in repr(trace)
    with pytest.raises(FrozenInstanceError):
        trace.episode = "f"  # type: ignore[misc]


def test_what_is_damaged_is_said_of_the_run(store: ArtifactStore) -> None:
    trace = Trace("e", list)
    with pytest.raises(InputError, match="the run e has no beginning"):
        _ = trace.prompt


async def test_rewards_are_added_and_never_rewritten(store: ArtifactStore) -> None:
    document = await run(store)
    journal = journal_beside(store)
    before = journal.read(document.episode)
    total, half = Rewarded(value=0.75, profile="paper"), Rewarded(value=0.5)
    failed = Rewarded(
        component="mllm", value=None, status="error", error="no judge", scope="slot", about="1"
    )
    give(journal, document.episode, total, failed)
    give(journal, document.episode, half)
    trace = trace_of(store, document.episode)
    assert [each.given for each in trace.rewards] == [total, failed, half]
    assert all(each.current for each in trace.rewards)
    assert list(trace.records[: len(before)]) == before
    assert trace.document() == document


async def test_a_reward_of_what_has_gone_on_since_says_so(store: ArtifactStore) -> None:
    document = await run(store)
    give(journal_beside(store), document.episode, Rewarded(value=1.0))
    graph_again = await run(store, ["never"], resume=document.episode, messages=[])
    assert graph_again.episode == document.episode
    (reward,) = trace_of(store, document.episode).rewards
    assert not reward.current


@pytest.mark.parametrize(
    ("reward", "words"),
    [
        (Rewarded(value=float("nan")), "no number to learn from"),
        (Rewarded(value=float("inf")), "no number to learn from"),
        (Rewarded(value=None), "either a value"),
        (Rewarded(value=1.0, status="error"), "either a value"),
        (Rewarded(value=1.0, scope="slot", about="2"), "no slot '2'"),
        (Rewarded(value=1.0, scope="call", about="model-9"), "no call 'model-9'"),
        (Rewarded(value=1.0, about="x"), "no episode 'x'"),
        (Rewarded(value=1.0, component=""), "no name"),
    ],
)
async def test_a_reward_that_means_nothing_is_refused_and_none_is_given(
    store: ArtifactStore, reward: Rewarded, words: str
) -> None:
    document = await run(store)
    with pytest.raises(InputError, match=words):
        give(journal_beside(store), document.episode, Rewarded(value=0.1), reward)
    assert not trace_of(store, document.episode).rewards


async def test_a_reward_of_no_run_is_refused(store: ArtifactStore, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no run 'x'"):
        give(journal_beside(store), "x", Rewarded(value=1.0))
    document = await run(store)
    export(traces(store.root), tmp_path / "runs.jsonl")
    with pytest.raises(InputError, match="to reward in a journal"):
        give(tmp_path / "runs.jsonl", document.episode, Rewarded(value=1.0))
    give(store.root, document.episode, Rewarded(value=1.0))
    assert [each.given.value for each in trace_of(store, document.episode).rewards] == [1.0]


PIECES = ((1, 2), (2, 3), (1, 0), (1, 4), (1, 0))


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ((0, 1), (0, 1)),
        ((0, 9), (0, 5)),
        ((1, 3), (0, 3)),
        ((2, 5), (1, 3)),
        ((4, 6), (1, 5)),
        ((5, 9), (4, 5)),
        ((5, 10), None),
        ((3, 3), None),
        ((-1, 3), None),
    ],
)
def test_a_span_has_its_tokens(span: tuple[int, int], expected: tuple[int, int] | None) -> None:
    tokens = Tokens(tuple(range(6)), pieces=PIECES)
    assert tokens_of_span(tokens, span) == expected


def test_of_pieces_that_do_not_fit_the_tokens_nothing_is_said() -> None:
    assert tokens_of_span(Tokens((1, 2, 3), pieces=PIECES), (0, 2)) is None
    assert tokens_of_span(Tokens((1, 2, 3)), (0, 2)) is None


@pytest.mark.parametrize("reason", ["crashed", "bad_output", "timeout"])
def test_the_policy_is_to_blame_for_its_code_only(reason: Any) -> None:
    assert (blame(reason, True), blame(reason, False)) == ("policy", "infrastructure")


@pytest.mark.parametrize("reason", ["quota", "unreachable", "unavailable", "cancelled", "budget"])
def test_the_policy_is_not_to_blame_for_the_infrastructure(reason: Any) -> None:
    assert blame(reason, True) == blame(reason, False) == "infrastructure"


async def test_many_journals_are_read_as_one(store: ArtifactStore, tmp_path: Any) -> None:
    other = ArtifactStore(tmp_path / "other" / "artifacts")
    first, second = await run(store), await run(other)
    places = [store.root, tmp_path / "other", other.root / "journal.db", str(store.root)]
    assert [each.episode for each in traces(places)] == [first.episode, second.episode]
    homes = tmp_path / "homes"
    homes.mkdir()
    for place in (store.root, other.root):
        place.rename(homes / place.parent.name)
    assert {each.episode for each in traces(homes)} == {first.episode, second.episode}


def test_a_place_without_traces_is_said(tmp_path: Any) -> None:
    with pytest.raises(LlmiError, match="no traces in"):
        list(traces(tmp_path / "nowhere"))
