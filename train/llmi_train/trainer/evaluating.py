"""Fresh rollouts while a policy is trained: the best checkpoint is kept, and training stops when they say that it gets worse.

Limits on figures of the rows alone do not see all: a policy can unlearn to end its answers while each of them looks well.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from accelerate.utils import broadcast_object_list
from transformers import TrainerCallback

from llmi_agent.base.errors import LlmiError
from llmi_train.trainer import loading
from llmi_train.trainer.loading import Loaded
from llmi_train.trainer.processes import processes
from llmi_train.trainer.stops import Stopped
from llmi_train.trainer.whole import state_of

STORY = "evaluations.json"
_KEPT = "evaluated-"


class Mean(Protocol):
    """With its interval (`llmi_train.rollout.intervals`)."""

    @property
    def value(self) -> float: ...

    @property
    def low(self) -> float: ...

    @property
    def high(self) -> float: ...


class Evaluation(Protocol):
    """What `llmi_train.rollout.evaluate.evaluate` gives: figures with a `reward` (a Mean, or None) each."""

    @property
    def model(self) -> Any: ...

    @property
    def difference(self) -> Any: ...


Evaluate = Callable[[str, str | None], Awaitable[Evaluation]]
"""Evaluates a policy beside a baseline, each by its name (`transformers/DIR`)."""


@dataclass(frozen=True)
class Fresh:
    """What to evaluate by, and how often."""

    evaluate: Evaluate
    every: int
    """Steps between two evaluations."""


@dataclass(frozen=True)
class Look:
    """One evaluation."""

    step: int
    """After which it was made; 0: before the first."""
    reward: float
    low: float
    high: float
    difference: float | None = None
    """To the best before it, paired by prompt, and the upper end of its interval."""
    at_most: float | None = None

    @property
    def is_best(self) -> bool:
        return self.difference is None or self.difference > 0

    @property
    def fell(self) -> bool:
        """It is worse than the best before it, and chance does not explain that."""
        return self.at_most is not None and self.at_most < 0


class Evaluating(TrainerCallback):  # type: ignore[misc]
    """Evaluates before the first step, each so many steps, and after the last one."""

    def __init__(self, fresh: Fresh, loaded: Loaded, out: Path, unit: str = "step") -> None:
        self._unit = unit
        self._fresh, self._loaded, self._out = fresh, loaded, out
        self.looks: dict[int, Look] = {}
        if (out / STORY).exists():
            told = json.loads((out / STORY).read_text("utf-8"))
            self.looks = {each["step"]: Look(**each) for each in told}

    @property
    def best(self) -> Look:
        """The last that was better than all before it."""
        return [each for _, each in sorted(self.looks.items()) if each.is_best][-1]

    def on_train_begin(
        self, args: Any, state: Any, control: Any, model: Any = None, **_: Any
    ) -> None:
        """The checkpoint that it begins from is the one to beat."""
        if not self.looks:
            self.look(state.global_step, model)

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Raises Stopped where it got worse."""
        if state.global_step % self._fresh.every and state.global_step != state.max_steps:
            return
        look = self.look(state.global_step, model)
        if look.fell:
            raise Stopped(
                f"fresh rollouts after {self._unit} {look.step} earn {look.reward:.3f}, and {abs(look.difference or 0):.3f} less than "
                f"after {self._unit} {self.best.step}: the checkpoint of that {self._unit} is kept"
            )

    def look(self, step: int, model: Any) -> Look:
        """Evaluate the model as it is after a step, unless that is on record. Raises LlmiError if nothing was scored."""
        if step not in self.looks:
            own = model.module if hasattr(model, "module") else model
            state = state_of(own) if step else None
            told = [self._looked(step, own, state) if processes().is_main_process else None]
            (look,) = broadcast_object_list(told) if processes().num_processes > 1 else told
            assert look is not None
            self.looks[step] = look
        return self.looks[step]

    def keep_best(self) -> Look:
        """Put the best checkpoint where the trained one goes; the others are deleted."""
        best = self.best
        if best.step == 0:
            model = loading.read_model(self._loaded.folder)
            loading.save(model, self._loaded.tokenizer, self._out, self._loaded.folder)
        else:
            shutil.copytree(self._folder_of(best.step), self._out, dirs_exist_ok=True)
        for each in self._out.glob(f"{_KEPT}*"):
            shutil.rmtree(each)
        return best

    def _looked(self, step: int, model: Any, state: Mapping[str, Any] | None) -> Look:
        before = self.best if self.looks else None
        if step:
            folder = self._out / f"{_KEPT}{step}"
            folder.mkdir(parents=True, exist_ok=True)
            loading.save(model, self._loaded.tokenizer, folder, self._loaded.folder, state)
        look = asyncio.run(self._judged(step, before))
        self._tell(look)
        if loser := before if look.is_best else look:
            shutil.rmtree(self._out / f"{_KEPT}{loser.step}", ignore_errors=True)
        return look

    async def _judged(self, step: int, before: Look | None) -> Look:
        named = f"{loading.PREFIX}{self._folder_of(before.step)}" if before else None
        own = f"{loading.PREFIX}{self._folder_of(step)}"
        found = await self._fresh.evaluate(own, named)
        reward: Mean | None = found.model.reward
        if reward is None:
            raise LlmiError(
                f"no rollout of the evaluation after {self._unit} {step} has a reward, so it cannot be seen whether the policy gets "
                "better; see that its tools and judges are there, and go on with --resume"
            )
        more: Mean | None = found.difference.reward if found.difference else None
        ends = (more.value, more.high) if more else (None, None)
        return Look(step, reward.value, reward.low, reward.high, *ends)

    def _folder_of(self, step: int) -> Path:
        return self._out / f"{_KEPT}{step}" if step else self._loaded.folder

    def _tell(self, look: Look) -> None:
        """On disk before anything follows from it."""
        looks = [*self.looks.values(), look]
        draft = self._out / f".{STORY}"
        draft.write_text(json.dumps([asdict(each) for each in looks], indent=2) + "\n", "utf-8")
        draft.replace(self._out / STORY)
