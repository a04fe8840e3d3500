"""Judges against a server, through litellm: the right score, or none and why."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from llmi_agent.contract.judging import Exhibit, Score
from llmi_agent.judges import Bounds, PictureJudge, TextJudge
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import (
    GARBAGE,
    Cut,
    Hang,
    OpenAIServer,
    Reply,
    ballot_for,
    content_refusal,
    openai_error,
    random_png,
)

from .conftest import KEY, exhibit_with, marks, scripted, served, values

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore:.*:UserWarning"
)
FOURS = [0.75, 0.75]


async def judged(
    server: OpenAIServer, store: ArtifactStore, exhibit: Exhibit, **settings: Any
) -> tuple[Score, ...]:
    return await TextJudge(served(server, store), **settings).judge(exhibit)


async def test_a_good_answer(server: OpenAIServer, store: ArtifactStore, exhibit: Exhibit) -> None:
    scores = await judged(server, store, exhibit)
    assert [(s.component, s.value, s.slot, s.judge) for s in scores] == [
        ("text", 0.75, None, "judge"),
        ("tag", 0.75, None, "judge"),
    ]
    assert {s.rubric for s in scores} == {TextJudge(served(server, store)).rubric}
    assert {s.reason for s in scores} == {"By the script."}


async def test_pictures_are_sent_each_after_its_name(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    shown = exhibit_with(store, 3)
    scores = await PictureJudge(served(server, store)).judge(shown)
    assert server.pictures == [store.read(each.digest) for each in shown.figures]
    content = server.asked[0][1]["content"]
    assert [b["type"] for b in content] == ["text", *["text", "image_url"] * 3, "text"]
    names = [block["text"] for block in content[1:6:2]]
    assert all(f"===== PICTURE OF FIGURE {n} " in name for n, name in enumerate(names, 1))
    assert values(scores) == [0.75] * 12
    assert {s.slot for s in scores} == {0, 2, 4, None}


Script = Callable[[list[Any]], str]


def around(before: str, after: str = "") -> Script:
    return lambda messages: before + marks(4)(messages) + after


@pytest.mark.parametrize(
    "script",
    [
        around("I have read it with care. ", "\n\nLet me know if {you} want more."),
        around("```json\n", "\n```"),
        around("", ' {"ballot": "'),
        around('<think>{"ballot": "mine", "marks": {}} 5, 5?</think>\n'),
        marks("4"),
        marks("4/5"),
        marks(4.0),
    ],
)
async def test_what_surrounds_a_ballot_does_not_matter(
    script: Script, server: OpenAIServer, store: ArtifactStore, exhibit: Exhibit
) -> None:
    server.script = script
    assert values(await judged(server, store, exhibit)) == FOURS


async def test_a_mark_between_two(
    server: OpenAIServer, store: ArtifactStore, exhibit: Exhibit
) -> None:
    server.script = marks(3.5, "2.5")
    assert values(await judged(server, store, exhibit)) == [0.625, 0.375]


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (marks(6), "the score 6"),
        (marks(4, 0), "'tag' the score 0"),
        (marks(None), "the score null"),
        (lambda m: marks(4)(m) + marks(5)(m), "two ballots that differ"),
        (lambda m: marks(4)(m).replace('"tag"', '"other"'), "no entry 'tag'"),
        (lambda m: '{"text": 4, "tag": 4}', "no ballot of this question"),
        (lambda m: "I'm sorry, but I can't help with that.", "it begins: I'm sorry, but I can't"),
        (lambda m: "  \n", "empty"),
    ],
)
async def test_other_answers_are_missing(
    script: Script, why: str, server: OpenAIServer, store: ArtifactStore, exhibit: Exhibit
) -> None:
    server.script = script
    scores = await judged(server, store, exhibit)
    assert values(scores) == [None, None]
    assert all(why in s.error and s.rubric and not s.votes for s in scores)


@pytest.mark.parametrize(
    ("faults", "why"),
    [
        ([content_refusal()] * 2, "safety system"),
        ([openai_error(429, "slow down")] * 2, "no more calls are allowed for now"),
        ([openai_error(500, "oops")] * 2, "oops"),
        ([openai_error(401, f"Incorrect API key provided: {KEY}")] * 2, "its key is not accepted"),
        ([openai_error(400, "image_url is only supported by certain models")], "image_url"),
        ([GARBAGE] * 8, "failed"),
        ([Cut(0.4)] * 2, "broke off"),
        ([Reply(body=b"<html>Bad gateway</html>", media_type="text/html")] * 2, "text/html"),
    ],
)
async def test_what_goes_wrong_on_the_way_is_missing(
    faults: list[Any], why: str, server: OpenAIServer, store: ArtifactStore, exhibit: Exhibit
) -> None:
    server.fault(*faults)
    scores = await judged(server, store, exhibit)
    assert values(scores) == [None, None]
    assert all(why in s.error for s in scores), scores[0].error
    assert all(len(s.error) <= 700 and KEY not in s.error for s in scores)


@pytest.mark.parametrize("fault", [openai_error(429, "slow"), openai_error(500, "oops"), Cut(0.4)])
async def test_what_passes_costs_no_score(
    fault: Any, server: OpenAIServer, store: ArtifactStore, exhibit: Exhibit
) -> None:
    server.fault(fault)
    assert values(await judged(server, store, exhibit)) == FOURS
    assert len(server.seen) == 2


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (Cut(0.4), "the answer broke off"),
        (openai_error(429, "slow down"), "no more calls are allowed for now (HTTP 429): slow down"),
        (openai_error(500, "oops"), "oops"),
    ],
    ids=["cut", "429", "500"],
)
async def test_what_came_before_the_deadline_is_the_reason(
    fault: Any, why: str, server: OpenAIServer, store: ArtifactStore, exhibit: Exhibit
) -> None:
    server.fault(fault, times=1000)
    adviser = served(server, store, model_retries=20, retry_wait=0.1)
    (score, _) = await TextJudge(adviser, deadline=2.0).judge(exhibit)
    assert score.value is None
    assert "no answer of openai/judge within 2 s: " in score.error
    assert why in score.error


async def test_a_filter_that_stops_the_answer(store: ArtifactStore, exhibit: Exhibit) -> None:
    def stopped(messages: list[Any]) -> Reply:
        piece = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "judge"}
        said = {"index": 0, "delta": {"content": "The document"}, "finish_reason": None}
        end = {"index": 0, "delta": {}, "finish_reason": "content_filter"}
        events = [json.dumps({**piece, "choices": [each]}) for each in (said, end)]
        body = tuple(f"data: {each}\n\n".encode() for each in [*events, "[DONE]"])
        return Reply(body=body, media_type="text/event-stream")

    with OpenAIServer(key=KEY) as server:
        server.fault(stopped([]))
        scores = await judged(server, store, exhibit)
    assert values(scores) == [None, None]
    assert "the filter of openai/judge stopped it" in scores[0].error


async def test_an_answer_that_is_cut_at_its_length(store: ArtifactStore, exhibit: Exhibit) -> None:
    with OpenAIServer(marks(4), chunk=8, key=KEY) as server:
        scores = await TextJudge(served(server, store, max_tokens=5)).judge(exhibit)
    assert values(scores) == [None, None]
    assert "ends early" in scores[0].error


async def test_a_hang_ends_at_the_deadline(
    server: OpenAIServer, store: ArtifactStore, exhibit: Exhibit
) -> None:
    server.fault(Hang(30))
    scores = await judged(server, store, exhibit, deadline=0.3)
    assert values(scores) == [None, None]
    assert "no answer of openai/judge within 0.3 s" in scores[0].error
    for _ in range(200):
        if server.seen[0].cancelled:
            break
        await asyncio.sleep(0.02)
    assert server.seen[0].cancelled


async def test_votes_that_hang_leave_those_that_came(
    server: OpenAIServer, store: ArtifactStore, exhibit: Exhibit
) -> None:
    server.fault(Hang(30))
    scores = await judged(server, store, exhibit, deadline=2.0, votes=2)
    assert values(scores) == FOURS
    assert scores[0].votes == (4.0,)


async def test_flip_flopping_votes_have_their_median(
    store: ArtifactStore, exhibit: Exhibit
) -> None:
    told = iter([1, 5, 2, 5, 1])

    def flip_flopping(messages: list[Any]) -> str:
        return marks(next(told))(messages)

    with OpenAIServer(flip_flopping, key=KEY, chunk=200) as server:
        scores = await judged(server, store, exhibit, votes=5)
        seeds = {each.json["seed"] for each in server.seen}
    assert values(scores) == [0.25, 0.25]
    assert sorted(scores[0].votes) == [1.0, 1.0, 2.0, 5.0, 5.0]
    assert len(seeds) == 5


async def test_a_question_that_is_too_long_for_the_judge_is_missing(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    said = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."
    server.fault(*[openai_error(400, said, "context_length_exceeded")] * 2)
    exhibit = exhibit_with(store, 0, draft="Words. " * 5_000)
    (text, _) = await judged(server, store, exhibit)
    assert text.value is None
    assert "maximum context length is 8192" in text.error
    assert "choose a judge that reads as much, or lower that bound" in text.error


async def test_a_text_beyond_the_judges_bound_is_the_documents_own_doing(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    exhibit = exhibit_with(store, 0, draft="Words. " * 50_000)
    scores = await judged(server, store, exhibit)
    assert values(scores) == [0.0, 0.0]
    assert "about 116,667 tokens; its judge reads no more than 48,000" in scores[0].reason
    assert not server.seen


async def test_a_text_that_what_is_hidden_in_it_makes_too_long_is_no_less(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    scores = await judged(server, store, exhibit_with(store, 0, draft="a\u200b" * 20_000))
    assert values(scores) == [0.0, 0.0]
    assert not server.seen


async def test_too_many_pictures(server: OpenAIServer, store: ArtifactStore) -> None:
    judge = PictureJudge(served(server, store))
    assert set(values(await judge.judge(exhibit_with(store, 10)))) == {0.75}
    scores = await judge.judge(exhibit_with(store, 11))
    assert len(scores) == 11 * 3 + 3
    assert {(s.value, s.reason) for s in scores} == {
        (0.0, "the document has 11 pictures; its judge looks at no more than 10")
    }
    assert len(server.seen) == 1


async def test_too_large_pictures(server: OpenAIServer, store: ArtifactStore) -> None:
    judge = PictureJudge(served(server, store), bounds=Bounds(picture_bytes=20_000))
    scores = await judge.judge(exhibit_with(store, 3))
    assert set(values(scores)) == {0.0}
    assert "bytes; their judge looks at no more than 20,000" in scores[0].reason
    assert not server.seen


async def test_a_budget_that_is_spent(
    server: OpenAIServer, store: ArtifactStore, exhibit: Exhibit
) -> None:
    adviser = served(server, store, budget=0.000001, prices={"openai/judge": "1000/1000"})
    scores = await TextJudge(adviser).judge(exhibit)
    assert values(scores) == [None, None]
    assert "budget" in scores[0].error
    assert not server.seen


async def test_a_key_that_a_judge_repeats_in_pieces_is_erased(
    server: OpenAIServer, store: ArtifactStore, exhibit: Exhibit
) -> None:
    spelt = "".join(f"\\u{ord(each):04x}" for each in KEY)
    server.script = lambda m: ballot_for(m, lambda a, e, f: 4, reason="XX").replace(
        "XX", f"It holds {spelt}."
    )
    scores = await judged(server, store, exhibit)
    assert values(scores) == FOURS
    assert all("[secret]" in s.reason and KEY not in s.reason for s in scores)


async def test_a_large_picture_is_sent_as_small_as_models_see_it(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    shown = exhibit_with(store, 1)
    large = store.put(random_png(2_000, 40))
    exhibit = replace(shown, figures=(replace(shown.figures[0], digest=large),))
    assert set(values(await PictureJudge(served(server, store)).judge(exhibit))) == {0.75}
    assert server.pictures[0] != store.read(large)


async def test_pictures_that_are_not_there(store: ArtifactStore) -> None:
    adviser, model = scripted(store, marks(5, 3))
    shown = exhibit_with(store, 3)
    (store.path(shown.figures[1].digest)).unlink()
    scores = await PictureJudge(adviser).judge(shown)
    by_slot = {slot: {s.value for s in scores if s.slot == slot} for slot in (0, 2, 4, None)}
    assert by_slot == {0: {1.0}, 2: {None}, 4: {0.5}, None: {0.75}}
    assert {s.error for s in scores if s.slot == 2} == {"Figure 2: its picture is not there"}
    assert all("Figure 2: its picture is not there" in s.reason for s in scores if s.slot is None)
    assert '"2": {"reason"' not in str(model.asked[0][0].content)


@pytest.mark.parametrize("lost", ["all", "nowhere", "broken"])
async def test_without_any_picture_there_is_no_question(lost: str, store: ArtifactStore) -> None:
    adviser, model = scripted(store, marks(5))
    shown = exhibit_with(store, 2)
    shown = replace(shown, pictures=None) if lost == "nowhere" else shown
    for each in shown.figures:
        if lost == "all":
            store.path(each.digest).unlink()
        elif lost == "broken":
            path = store.path(each.digest)
            path.chmod(0o600)
            path.write_bytes(b"<svg></svg>")
    scores = await PictureJudge(adviser).judge(shown)
    assert len(scores) == 9
    assert set(values(scores)) == {None}
    assert not model.asked
