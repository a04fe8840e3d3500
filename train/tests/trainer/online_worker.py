"""Online trainings in processes of their own, which end as by a power cut at a moment that is named: `text 3` is the third piece of a
draft, `score 2` the second reward, `line 1` just before a step's rollouts are closed, `lined 1` just after, `gradient 2` before the
weights are changed, `step 2` after that. Otherwise as worker.py.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

sys.path.insert(0, str(Path(__file__).parent))

from online_scene import High, rollouts, settings  # type: ignore[import-not-found]
from worker import main  # type: ignore[import-not-found]

import llmi_graphs  # noqa: F401 - slow to import, and needed by all
from llmi_agent.rewards.scoring import Scored
from llmi_agent.traces import Trace
from llmi_train.rollout.closed import Closed, Story
from llmi_train.rollout.timed import Watch
from llmi_train.trainer.online_run import train_online


class Moments:
    """Counts them, and ends the process at the one that is named."""

    def __init__(self, name: str) -> None:
        self._name, _, number = name.partition(" ")
        self._left = int(number or 0)

    def now(self, name: str) -> None:
        if name == self._name:
            self._left -= 1
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)


class Callback(TrainerCallback):  # type: ignore[misc]
    def __init__(self, moments: Moments) -> None:
        self._moments = moments

    def on_pre_optimizer_step(self, *_: Any, **__: Any) -> None:
        self._moments.now("gradient")

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self._moments.now("step")


class Judge(High):  # type: ignore[misc]
    def __init__(self, moments: Moments) -> None:
        self._moments = moments

    async def score(self, trace: Trace) -> Scored:
        self._moments.now("score")
        found: Scored = await super().score(trace)
        return found


def work(folder: str, out: str, kill: str, resume: bool, given: dict[str, Any]) -> None:
    moments = Moments(kill)
    told, added = Watch.tell, Story.add

    def tell(self: Watch, wanted: Any, event: Any) -> None:
        told(self, wanted, event)
        if event.get("type") == "text":
            moments.now("text")

    def add(self: Story, closed: Closed) -> None:
        moments.now("line")
        added(self, closed)
        moments.now("lined")

    Watch.tell, Story.add = tell, add  # type: ignore[method-assign]
    place = Path(folder)
    train_online(
        rollouts(place, Judge(moments)), str(place / "base"), place / out, settings(**given), resume=resume,
        callbacks=[Callback(moments)],
    )  # fmt: skip


if __name__ == "__main__":
    main(work)
