"""Online trainings of the tiny checkpoint: what it writes is noise, and worth what a program says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from llmi_agent.records.journal import journal_beside
from llmi_agent.rewards.scoring import Scored, Scorer
from llmi_agent.runner.prompt_file import Prompt, read_prompts
from llmi_agent.store.home import default_store
from llmi_agent.traces import Rewarded, Trace, traces
from llmi_train.rollout.closed import Closed, Story
from llmi_train.trainer.losses import Online
from llmi_train.trainer.online_order import Rollouts

SETTINGS: dict[str, Any] = {
    "prompts_per_step": 2, "group": 3, "step_rows": 6, "rows_at_once": 3, "steps": 4, "lr": 1e-2, "warmup": 0, "save_every": 2,
}  # fmt: skip
FLAGS = {"options.max_tokens": 10, "options.repairs": 0, "options.cache": True}


class High:
    """A reward: how high the ids of its tokens are."""

    version = "high@1"

    async def score(self, trace: Trace) -> Scored:
        known = tuple(each.given for each in trace.rewards if each.given.profile == self.version)
        if any(each.value is not None for each in known):
            return Scored(trace.episode, known, found=True)
        worth = self.worth(trace)
        gone = worth is None
        given = Rewarded(
            value=worth,
            profile=self.version,
            status="error" if gone else "ok",
            error="the judge is gone" if gone else "",
        )
        return Scored(trace.episode, (given,), (given,))

    def worth(self, trace: Trace) -> float | None:
        ids = sampled(trace)
        return sum(ids) / len(ids) / 64


def sampled(trace: Trace) -> tuple[int, ...]:
    """What the policy wrote."""
    (call,) = (each for each in trace.calls if each.tokens and each.accepted)
    assert call.tokens
    return tuple(call.tokens.completion)


def prompts(folder: Path, count: int = 5) -> list[Prompt]:
    lines = [json.dumps({"id": f"p{n}", "prompt": f"w{n} w{n + 1} w{n + 2}"}) for n in range(count)]
    (folder / "prompts.jsonl").write_text("\n".join(lines))
    return read_prompts(str(folder / "prompts.jsonl"), "train")


def rollouts(folder: Path, scorer: Any = None, **given: Any) -> Rollouts:
    return Rollouts(
        prompts=prompts(folder), scorer=cast("Scorer", scorer or High()), flags=FLAGS, **given
    )


def settings(**given: Any) -> Online:
    own = {**SETTINGS, **given}
    return Online(**{**own, "step_rows": own["prompts_per_step"] * own["group"]})


def story(out: Path) -> list[Closed]:
    return Story(out).all()


def on_record() -> list[Trace]:
    return list(traces(journal_beside(default_store())))


def texts(out: Path) -> list[list[tuple[int, ...]]]:
    """Of each step, what its episodes wrote, in the order of its prompts."""
    known = {each.episode: each for each in on_record()}
    return [
        [sampled(known[each]) for share in closed.shares for each in share.episodes]
        for closed in story(out)
    ]


def members(out: Path) -> list[Sequence[tuple[str, int | None]]]:
    """Of each step, which episodes count, by their prompts and numbers."""
    known = {each.episode: each for each in on_record()}
    return [
        [
            (known[each].prompt, known[each].member)
            for share in closed.shares
            for each in share.episodes
        ]
        for closed in story(out)
    ]
