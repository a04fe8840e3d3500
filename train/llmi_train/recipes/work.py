"""How much a training would do: steps, episodes, tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmi_agent.base.errors import LlmiError
from llmi_agent.cli.text import plural
from llmi_train.rollout.turns import Turns


@dataclass(frozen=True)
class Work:
    """What is not known before something is read is None."""

    steps: int | None = None
    step_rows: int | None = None
    episodes: int | None = None
    """That are sampled."""
    tokens: int | None = None
    """That are sampled, at most."""
    says: str = ""
    """All of it in words."""


def work_of(command: str, given: Mapping[str, Any]) -> Work:
    """given: the values of the command's options."""
    if command == "online":
        return _online(given)
    rows = given["step_rows"]
    epochs = given["epochs"]
    what = "rows" if command == "offline" else "examples"
    times = "once" if epochs == 1 else f"{epochs:g} times"
    return Work(
        None,
        rows,
        says=f"{plural(rows, what[:-1])} to a step, and each {what[:-1]} {times}; how many there are is known when they are read",
    )


def _online(given: Mapping[str, Any]) -> Work:
    each = given["prompts_per_step"] * given["group"]
    steps = given["steps"] or _steps(given)
    longest = given["max_tokens"]
    one = f"{given['prompts_per_step']} prompts x {given['group']} episodes a step"
    if steps is None:
        return Work(None, each, says=f"{one}; how many steps is known when the prompts can be read")
    episodes = steps * each
    tokens = episodes * longest if longest else None
    bound = f", {tokens:,} tokens sampled at most in first drafts" if tokens else ""
    return Work(
        steps,
        each,
        episodes,
        tokens,
        f"{plural(steps, 'step')} of {one}: {episodes:,} episodes{bound}",
    )


def _steps(given: Mapping[str, Any]) -> int | None:
    from llmi_agent.runner.prompt_file import STDIN
    from llmi_train.cli.asked import asked_of

    if given["prompts"] == STDIN:
        return None
    try:
        prompts = asked_of(given["prompts"], given["split"])[: given["limit"]]
        return Turns(prompts, given["prompts_per_step"], given["seed"]).steps(given["epochs"] or 1)
    except LlmiError:
        return None
