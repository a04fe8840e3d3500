"""`collect` and `evaluate` as functions: what is on record afterwards, and what is not done twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from llmi_agent.base.errors import ConfigError, InputError, UnavailableError
from llmi_agent.contract import PolicyModel
from llmi_agent.records.journal import journal_beside
from llmi_agent.rewards.scoring import Scorer
from llmi_agent.runner.batch import Ended
from llmi_agent.runner.prompt_file import read_prompts
from llmi_agent.store.home import default_store, home
from llmi_agent.traces.choosing import traces
from llmi_train.rollout.collect import Order, Silent, collect
from llmi_train.rollout.evaluate import evaluate
from llmi_train.rollout.preparing import Prepared, place_for, prepared
from llmi_vllm.testing import FakeVLLM, Manner

from .conftest import draft


@pytest.fixture
def server() -> Iterator[FakeVLLM]:
    with FakeVLLM(draft, Manner(weights="v1")) as running:
        yield running


def ready(server: FakeVLLM, **flags: Any) -> Prepared:
    base = {"model": "vllm/fox", "api_base": f"{server.url}/v1"}
    return prepared({**base, **flags}, concurrency=8)


def order(made: Prepared, prompts: str, group: int = 2, **given: Any) -> Order:
    folder = place_for(made, "collected", prompts)
    return Order(read_prompts(prompts, "train"), group, folder, concurrency=8, **given)


def on_record() -> list[Any]:
    return list(traces(journal_beside(default_store())))


async def test_each_prompt_has_its_group_on_record_with_tokens_and_rewards(
    server, prompts, work
) -> None:
    made = ready(server)
    scorer = Scorer("rules", registry=made.setup.registry)
    found = await collect(made, order(made, prompts, scorer=scorer))
    assert len(found) == 6
    assert {each.state for each in found} == {"written"}
    known = on_record()
    assert len(known) == 6
    groups = Counter(each.group for each in known)
    assert set(groups.values()) == {2}
    assert len(groups) == 3
    for each in known:
        (call,) = each.calls
        assert call.tokens.prompt
        assert len(call.tokens.completion) == len(call.tokens.logprobs)
        assert call.weights == "v1"
        total = [one.given for one in each.rewards if one.given.component == "total"]
        assert [one.profile for one in total] == [scorer.version]
    assert Counter(each.split for each in known) == {"train": 4, "dev": 2}
    assert len({(each.group, each.member) for each in known}) == 6
    demanded = {each.prompt: each.opened.demand for each in known}
    assert demanded["Only words."].pictures == -1
    assert not list(work.rglob("*.html")), "no file is written"
    by_prompt = {(each.wanted.prompt.id, each.wanted.member): each for each in found}
    assert by_prompt["p0", 0].scored.total == 1.0
    assert by_prompt["bare", 0].scored.total < 1.0


async def test_what_is_there_is_not_asked_for_again(server, prompts) -> None:
    made = ready(server)
    scorer = Scorer("rules", registry=made.setup.registry)
    first = await collect(made, order(made, prompts, scorer=scorer))
    asked = len(server.sent)
    again = await collect(ready(server), order(ready(server), prompts, scorer=scorer))
    assert len(server.sent) == asked == 6
    assert {each.state for each in again} == {"skipped"}
    assert all(each.scored and each.scored.found for each in again)
    assert [each.episode for each in again] == [each.episode for each in first]
    more = await collect(made, order(made, prompts, group=3))
    assert Counter(each.state for each in more) == {"skipped": 6, "written": 3}
    assert {len({one.group for one in on_record() if one.prompt == "The fox, 0."})} == {1}


async def test_other_weights_are_another_policy(server, prompts, monkeypatch) -> None:
    """Also below the same name: one that says its version before it answers begins anew when that changes."""
    from llmi_vllm import policy

    make, version = policy.make, ["v1"]
    monkeypatch.setattr(
        policy,
        "make",
        lambda request: PolicyModel(
            make(request).chat, takes=frozenset(), weights=lambda: version[0]
        ),
    )
    await collect(ready(server), order(ready(server), prompts))
    version[0] = "v2"
    other = await collect(ready(server), order(ready(server), prompts))
    assert {each.state for each in other} == {"written"}
    known = on_record()
    assert len(known) == 12
    assert len({each.group for each in known}) == 6
    version[0] = "v1"
    assert {each.state for each in await collect(ready(server), order(ready(server), prompts))} == {
        "skipped"
    }


async def test_what_was_lost_from_the_record_is_written_anew(server, prompts) -> None:
    made = ready(server)
    (one, *_) = await collect(made, order(made, prompts))
    assert one.episode
    journal_beside(default_store()).forget([one.episode])
    again = await collect(made, order(made, prompts))
    assert Counter(each.state for each in again) == {"written": 1, "skipped": 5}
    assert len(on_record()) == 6


async def test_a_model_that_gives_no_tokens_stops_all_at_once(server, prompts) -> None:
    server.manner = Manner(ids=False)
    made = ready(server)
    with pytest.raises(
        UnavailableError, match=r"gives no token ids .* `llmi-train offline` needs that"
    ):
        await collect(made, order(made, prompts, group=50))
    assert len(server.sent) < 40
    with pytest.raises(UnavailableError, match="offline does not say what it samples"):
        prepared({"model": "offline"}, concurrency=8)


async def test_an_episode_that_fails_is_data(server, prompts) -> None:
    def some(messages: list[dict[str, Any]]) -> str:
        return "" if "fox, 1" in messages[-1]["content"] else draft(messages)

    server.script = some
    made = ready(server, **{"options.model_retries": 0})
    found = await collect(
        made, order(made, prompts, scorer=Scorer("rules", registry=made.setup.registry))
    )
    failed = [each for each in found if each.state == "failed"]
    assert {each.wanted.prompt.id for each in failed} == {"p1"}
    assert all("empty draft" in each.message for each in failed)
    assert [each.scored.total for each in failed] == [0.0] * 2


async def test_who_listens_hears_of_each(server, prompts) -> None:
    heard: list[str] = []

    class Ear(Silent):
        def ended(self, ended: Ended) -> None:
            heard.append(ended.state)

        def scored(self, scored: Any) -> None:
            heard.append("scored")

    made = ready(server)
    scorer = Scorer("rules", registry=made.setup.registry)
    await collect(made, order(made, prompts, scorer=scorer), Ear())
    assert Counter(heard) == {"written": 6, "scored": 6}


def test_settings_of_which_no_traces_to_train_on_come(server) -> None:
    with pytest.raises(ConfigError, match="fallback"):
        ready(server, fallback=("offline",))
    with pytest.raises(UnavailableError, match="no model is chosen"):
        prepared({}, concurrency=8)
    with pytest.raises(ConfigError, match="takes no stop strings"):
        ready(server, **{"options.stop": ("END",)})
    assert ready(server).setup.config.options.limits["model"] == 8
    kept = ready(server, **{"options.limits": {"model": 3, "llmi_gallery": 1}})
    assert kept.setup.config.options.limits == {"model": 3, "llmi_gallery": 1}


async def test_two_at_once_in_one_folder(server, prompts) -> None:
    from llmi_agent.runner import manifest

    made = ready(server)
    place = order(made, prompts).folder
    place.mkdir(parents=True)
    with (
        manifest.opened(place),
        pytest.raises(InputError, match="wait for its end, and say the same again"),
    ):
        await collect(made, order(made, prompts))
    assert place.is_relative_to(home())


async def test_a_policy_is_evaluated_beside_its_baseline(server, prompts) -> None:
    flags = {"api_base": f"{server.url}/v1"}

    worse = FakeVLLM(lambda messages: "# Words\n\nAnd no picture.\n")
    scorer = Scorer("rules")
    with worse:
        flags_of_base = {"api_base": f"{worse.url}/v1"}
        known = await evaluate(
            read_prompts(prompts, "test"), "vllm/fox", scorer, samples=2, flags=flags
        )
        base = await evaluate(
            read_prompts(prompts, "test"), "vllm/hound", scorer, samples=2, flags=flags_of_base
        )
    assert known.split == {"dev": 1, "test": 2}
    assert known.model.episodes == 6
    assert known.model.reward
    assert base.model.reward
    assert known.model.reward.value > base.model.reward.value
    assert known.model.kind_accuracy
    assert (known.model.kind_accuracy.value, known.model.kind_accuracy.prompts) == (1.0, 2)
    assert known.model.count_accuracy
    assert known.model.count_accuracy.value == pytest.approx(2 / 3)
    assert known.difference is None
    both = await evaluate(
        read_prompts(prompts, "test"),
        "vllm/fox",
        scorer,
        baseline="vllm/fox2",
        samples=2,
        flags=flags,
    )
    assert both.difference
    assert both.difference.reward
    assert (both.difference.reward.value, both.difference.reward.prompts) == (0.0, 3)
    assert both.as_json()["difference"]["reward"]["prompts"] == 3
    with pytest.raises(InputError, match="no prompt"):
        await evaluate([], "vllm/fox", scorer, flags=flags)
