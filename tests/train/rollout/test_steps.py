"""The rollouts of an online training's steps: what hangs or dies costs its reward, and never the step."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.base.errors import InputError
from llmi_agent.contract.judging import Exhibit, Score
from llmi_agent.records.journal import journal_beside
from llmi_agent.rewards.profile import Profile
from llmi_agent.rewards.scoring import Scorer
from llmi_agent.runner.prompt_file import read_prompts
from llmi_agent.store.home import default_store
from llmi_agent.testing import Hang, slot
from llmi_agent.traces import Rewarded, give, traces
from llmi_gallery.tool import Gallery
from llmi_tavily.testing import FakeTavily, Shown
from llmi_train.cli.rollout_given import scorer_for
from llmi_train.rollout import timed
from llmi_train.rollout.aside import Aside
from llmi_train.rollout.preparing import prepared
from llmi_train.rollout.steps import Plan, Rolled, Steps
from llmi_train.rollout.turns import Turns
from llmi_vllm.testing import FakeVLLM

GOOD = "# A fox\n\nIt runs.\n\n" + slot("search", "A fox runs", query="red fox") + "\n\nThe end.\n"
BARE = "# A fox\n\nIt runs, and nobody sees it.\n"
ODD = GOOD.replace("red fox", "hang")


class Served:
    """A policy on a server, whose weights nobody changes."""

    registered = None

    def __init__(self, server: FakeVLLM) -> None:
        self.model, self.api_base = "vllm/fox", f"{server.url}/v1"
        self.wrote: list[str] = []

    def attach(self, trainer: Any) -> None: ...

    @contextmanager
    def writing(self, version: str) -> Iterator[None]:
        self.wrote.append(version)
        yield


def script(*drafts: str) -> Any:
    """One after the other, by the number of the answer, again and again."""
    told = iter(range(1_000_000))
    return lambda messages: drafts[next(told) % len(drafts)]


def steps_of(
    server: FakeVLLM, out: Path, scorer: Scorer | None = None, deadline: float = 60.0, **flags: Any
) -> Steps:
    policy = Served(server)
    given = {
        "model": policy.model,
        "api_base": policy.api_base,
        "options.retries": 0,
        "options.model_retries": 0,
    }
    ready = prepared({**given, **flags}, concurrency=8)
    prompts = read_prompts("p.jsonl", "train")[:2]
    return Steps(
        plan=Plan(turns=Turns(prompts, 2, 0), group=4, seed=0, concurrency=8, deadline=deadline),
        ready=ready,
        scorer=scorer or Scorer("rules", registry=ready.setup.registry),
        policy=policy,
        out=out,
        identity="online:x",
    )


@contextmanager
def dying(server: Any, requests: int) -> Iterator[Any]:
    """The server is gone as soon as it has had so many requests."""

    def die() -> None:
        until = time.monotonic() + 30
        while len(server.seen) < requests and time.monotonic() < until:
            time.sleep(0.005)
        server.__exit__()

    server.__enter__()
    killer = threading.Thread(target=die)
    killer.start()
    yield server
    killer.join()


def rolled_until(steps: Steps, there: Callable[[Rolled], bool]) -> Rolled:
    """One step after the other, each with more time than the one before, until one has what is looked for: a machine may be busy."""
    for step in range(1, 7):
        steps.plan = replace(steps.plan, deadline=2.0**step)
        if there(rolled := steps.of(step)):
            return rolled
    pytest.fail("it was never seen")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, prompts: str) -> None:
    monkeypatch.setattr(timed, "GRACE", 1.0)
    monkeypatch.setattr(timed, "MORE", 1.0)


def test_a_step_has_its_rows_and_is_not_sampled_again(tmp_path: Path) -> None:
    with FakeVLLM(script(GOOD, BARE)) as server:
        steps = steps_of(server, tmp_path / "out")
        first, second = steps.of(1), steps.of(2)
        steps.close()
        assert len(server.sent) == 16
        again = steps_of(server, tmp_path / "out")
        once_more = again.of(1)
        assert len(server.sent) == 16
    assert not first.again
    assert once_more.again
    assert [each.closed.weights for each in (first, second)] == ["online:x@0", "online:x@1"]
    assert first.closed.used == first.closed.wanted == len(first.rows) == 8
    assert [each.segment.episode for each in first.rows] == list(first.closed.shares[0].episodes)
    assert [each.segment.episode for each in once_more.rows] == [
        each.segment.episode for each in first.rows
    ]
    assert first.closed.reward == pytest.approx(sum(each.reward or 0 for each in first.rows) / 8)
    assert first.closed.tokens > 0
    assert steps.policy.wrote == ["online:x@0", "online:x@1"]  # type: ignore[attr-defined]
    assert {each.opened.options["weights"] for each in traces(journal_beside(default_store()))} == {
        "online:x@0",
        "online:x@1",
    }


def test_a_tool_that_hangs_ends_with_the_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, hung = Gallery.run, set[str]()

    async def run(self: Gallery, call: Any, context: Any) -> Any:
        if call.params.query != "hang":
            return await real(self, call, context)
        try:
            await asyncio.sleep(3600)
        finally:
            hung.add(call.episode)

    def others_ended(rolled: Rolled) -> bool:
        return bool(hung) and {each.episode for each in rolled.closed.missing} <= hung

    monkeypatch.setattr(Gallery, "run", run)
    with FakeVLLM(script(GOOD, BARE, ODD)) as server:
        steps = steps_of(server, tmp_path / "out")
        rolled = rolled_until(steps, others_ended)
        server.script = script(GOOD, BARE)
        steps.plan = replace(steps.plan, deadline=60.0)
        assert steps.of(rolled.closed.step + 1).closed.used == 8, "training goes on"
        steps.close()
    missing = [*rolled.closed.missing]
    assert {each.why for each in missing} == {"it was not at its end by the deadline"}
    assert 0 < len(missing) == 8 - rolled.closed.used < 8
    taken = {each.segment.episode for each in rolled.rows}
    assert taken.isdisjoint(each.episode for each in missing)
    assert rolled.closed.seconds < steps.plan.deadline + 30
    assert Aside.kept == 0


def test_a_tool_that_lets_nobody_else_work_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = threading.Event()
    real = Gallery.run

    async def run(self: Gallery, call: Any, context: Any) -> Any:
        if call.params.query == "hang":
            free.wait(60)
        return await real(self, call, context)

    monkeypatch.setattr(Gallery, "run", run)
    monkeypatch.setattr(Aside, "kept", 0)
    with FakeVLLM(script(GOOD, BARE, BARE, ODD)) as server:
        steps = steps_of(server, tmp_path / "out")
        rolled = rolled_until(steps, lambda _: Aside.kept == 1)
        server.script = script(GOOD, BARE)
        steps.plan = replace(steps.plan, deadline=60.0)
        assert steps.of(rolled.closed.step + 1).closed.used == 8
        free.set()
        steps.close()
    assert rolled.closed.used < 8
    assert rolled.closed.used + len([*rolled.closed.missing]) == 8


class Silent:
    """A judge that never says anything of some documents."""

    components = ("taste",)
    rubric = "r"

    async def judge(self, exhibit: Exhibit) -> Sequence[Score]:
        if not exhibit.figures:
            await asyncio.sleep(3600)
        return [Score(component="taste", value=0.5)]


def test_a_judge_that_hangs_ends_with_the_step(tmp_path: Path) -> None:
    profile = Profile(name="taste", weights={"taste": 1.0})
    scorer = Scorer(profile, [Silent()], deadline=None)
    with FakeVLLM(script(GOOD, BARE)) as server:
        steps = steps_of(server, tmp_path / "out", scorer)
        unscored = {"it was not scored by the deadline"}
        rolled = rolled_until(
            steps,
            lambda rolled: (
                rolled.closed.used > 2 and {each.why for each in rolled.closed.missing} == unscored
            ),
        )
        steps.close()
    assert not rolled.rows, "all rewards that came are the same"
    assert "a group with rewards that are all the same" in rolled.closed.left_out


def test_a_judge_s_endpoint_that_hangs_is_missing_and_said(tmp_path: Path) -> None:
    with FakeVLLM(script(GOOD, BARE)) as server, FakeVLLM() as judge:
        judge.fault(Hang(60), times=100)
        Path("text.toml").write_text('base = "llmi"\n[weights]\npictures = 0\n')
        given = {"profile": "text.toml", "judge": ("vllm/judge",), "picture_judge": None}
        limits = {"judge_votes": 1, "judge_deadline": 0.5, "judge_budget": None}
        scorer = scorer_for({**given, **limits, "judge_api_base": f"{judge.url}/v1"})
        steps = steps_of(server, tmp_path / "out", scorer)
        rolled = steps.of(1)
        steps.close()
    assert rolled.closed.used == 0
    assert not rolled.rows
    why = {each.why for each in rolled.closed.missing}
    assert any("no answer of vllm/judge within 0.5 s" in each for each in why), why


def test_a_search_that_dies_in_the_middle_costs_what_hung_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMI_PLUGINS", "llmi-vllm,llmi-tavily,llmi-offline")
    fake = FakeTavily([Shown("a red fox")])
    with FakeVLLM(script(GOOD, GOOD, BARE)) as server, dying(fake, 2) as search:
        monkeypatch.setenv("TAVILY_API_KEY", search.key)
        (tmp_path / "llmi.toml").write_text(
            f'[options]\ndownload_allow = ["{search.host}"]\n[tools.tavily_images]\napi_base = "{search.url}"\n'
        )
        steps = steps_of(
            server,
            tmp_path / "out",
            **{"options.cache": False, "options.limits": {"tavily_images": 1}},
        )
        rolled = steps.of(1)
        steps.close()
    assert rolled.closed.wanted == 8
    assert rolled.closed.used > 0
    assert rolled.closed.used + len([*rolled.closed.missing]) == 8


def test_a_policy_s_server_that_dies_in_the_middle_ends_the_step_and_not_the_training(
    tmp_path: Path,
) -> None:
    with dying(FakeVLLM(script(GOOD, BARE)), 3) as server:
        steps = steps_of(server, tmp_path / "out", **{"options.limits": {"model": 1}})
        rolled = steps.of(1)
        steps.close()
    assert 0 < rolled.closed.used < 8
    assert any(
        "cannot be reached" in each.why or "fox" in each.why for each in rolled.closed.missing
    )


def test_rewards_that_were_given_anew_since_are_not_taken_for_those_that_were_trained_on(
    tmp_path: Path,
) -> None:
    with FakeVLLM(script(GOOD, BARE)) as server:
        steps = steps_of(server, tmp_path / "out")
        rolled = steps.of(1)
        steps.close()
        episode = rolled.rows[0].segment.episode
        give(
            journal_beside(default_store()),
            episode,
            Rewarded(value=0.1, profile=steps.scorer.version),
        )
        with pytest.raises(InputError, match="the traces of step 1 are not what they were"):
            steps_of(server, tmp_path / "out").of(1)


def test_a_torn_last_line_is_a_step_that_is_not_closed_and_another_one_is_said(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    with FakeVLLM(script(GOOD, BARE)) as server:
        steps = steps_of(server, out)
        steps.of(1)
        steps.of(2)
        steps.close()
        path = out / "rollouts.jsonl"
        whole = path.read_bytes()
        path.write_bytes(whole[:-20])
        again = steps_of(server, out)
        assert again.of(1).again
        assert not again.of(2).again
        again.close()
        assert len(server.sent) == 16, "its episodes are on record"
        kept = [json.loads(line)["shares"][0]["episodes"] for line in path.read_text().splitlines()]
        assert kept == [
            json.loads(line)["shares"][0]["episodes"] for line in whole.decode().splitlines()
        ]
        path.write_bytes(b"{}\n" + whole)
        with pytest.raises(InputError, match=r"rollouts.jsonl, line 1, is no record"):
            steps_of(server, out)
