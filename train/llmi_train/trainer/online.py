"""GRPO through the graph: each step is rolled out afresh, recorded, and trained on as recorded runs are.

What a step trains on are the rows of its traces: the same segments, masks, advantages and guards as offline, and the recorded
logprobs are the old policy's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from transformers import TrainerCallback

from llmi_train.rollout.steps import Rolled
from llmi_train.rows.row import Row, Segment
from llmi_train.trainer.loading import Loaded
from llmi_train.trainer.losses import Online
from llmi_train.trainer.offline import Check, OfflineTrainer, config

Source = Callable[[int], Rolled]
"""Gives the rollouts of a step, from 1."""
_OF_NOTHING = {"rows": 0.0, "tokens": 0.0}
"""What can be said of a step without rows."""
_OF_UPDATE = ("loss", "grad_norm", "learning_rate")
"""What is reported of an update of the weights."""


class OnlineTrainer(OfflineTrainer):
    """Asks for the rollouts of each step when its turn comes."""

    _buffered_inputs: Any
    num_iterations: int
    control: Any

    def __init__(
        self,
        source: Source,
        loaded: Loaded,
        settings: Online,
        out: Path,
        check: Check,
        *,
        temperature: float,
        longest: int,
    ) -> None:
        """longest: what `dr_grpo` divides by, in tokens."""
        self._source = source
        self._settings = settings
        self._rows: Sequence[Row] = ()
        self.nothing = False
        """The step that is trained has no row to learn from, and changes nothing."""
        self.rolled: Rolled | None = None
        """Its rollouts."""
        self._before: dict[str, list[float]] = {}
        """TRL's figures before this update."""
        self._taught: list[bool] = []
        """Of each update since the last report, whether it changed the weights."""
        self._skipped = False
        """One did not."""
        args = config(settings, out, temperature, longest, settings.updates)
        self._begin(settings.steps * settings.step_rows, loaded, settings, args, check)
        self.add_callback(_Skip(self))

    def save_now(self) -> None:
        """A checkpoint of the steps that are done, before the next one begins."""
        if self.state.global_step:
            self._save_checkpoint(self.model, None)
            self.control = self.callback_handler.on_save(self.args, self.state, self.control)

    def _prepare_inputs(self, generation_batch: Any) -> dict[str, Any]:
        if self._buffered_inputs is None:  # also after a resume, in the midst of several updates
            self._step = self.state.global_step * self.args.gradient_accumulation_steps
        if self._step % self.args.gradient_accumulation_steps == 0:
            self._before = {name: [*each] for name, each in self._metrics["train"].items()}
        return super()._prepare_inputs(generation_batch)

    def _end_step(self) -> None:
        """Of a row that only fills a step nothing is told."""
        if self.nothing:
            log = self._metrics["train"]
            log.clear()
            log.update(self._before)
        self._taught.append(not self.nothing)
        self._skipped |= self.nothing
        super()._end_step()

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Means are over the updates that changed the weights."""
        if self._taught and "loss" in logs:
            taught = sum(self._taught)
            logs["loss"] *= len(self._taught) / max(taught, 1)
            if not taught:
                logs = {name: value for name, value in logs.items() if name not in _OF_UPDATE}
            elif not self._taught[-1]:
                logs.pop("grad_norm", None)
            self._taught = []
        if self._skipped:
            logs.pop("train_loss", None)
        super().log(logs, start_time)

    def _generate_and_score_completions(self, inputs: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """inputs: places of rows, which may be more than there are."""
        step = self.state.global_step // self._settings.updates + 1
        self.rolled = self._source(step)
        self._rows = self._filled(self.rolled)
        count = self.accelerator.num_processes
        self.num_generations = len(self._rows) * count
        given = [{"prompt": "", "row": number} for number in range(len(self._rows))]
        self.num_iterations = 1  # else TRL works out logprobs that are on record
        try:
            return super()._generate_and_score_completions(given)
        finally:
            self.num_iterations = self._settings.updates

    def _filled(self, rolled: Rolled) -> Sequence[Row]:
        """Its rows, and as many that teach nothing as make them divisible: the same number in all processes."""
        self.nothing = rolled.closed.rows == 0
        most = max(each.rows for each in rolled.closed.shares)
        times: int = self.args.steps_per_generation
        wanted = max(1, -(-most // times)) * times
        return [*rolled.rows, *[self._blank()] * (wanted - len(rolled.rows))]

    def _blank(self) -> Row:
        """The shortest row there is."""
        ids = np.array([self._tokenizer.pad_token_id], np.int64)
        segment = Segment(
            episode="", number=0, calls=(), purpose="", prompt=ids, completion=ids,
            logprobs=np.zeros(1, np.float32), mask=np.zeros(1, np.int8), temperature=self.temperature,
        )  # fmt: skip
        return Row(segment, np.zeros(1, np.float32))

    def _told(self, figures: dict[str, float]) -> dict[str, float]:
        """What the rollouts say goes before what the rows say: those of groups that teach nothing count, too."""
        assert self.rolled
        closed = self.rolled.closed
        own = closed.figures
        if closed.seconds:
            own["episodes_per_second"] = closed.wanted / closed.seconds
            own["tokens_per_second"] = closed.tokens / closed.seconds
        of_rows = _OF_NOTHING if self.nothing else figures
        told = {**of_rows, **own}
        return {name: value for name, value in told.items() if value is not None}


class _Skip(TrainerCallback):  # type: ignore[misc]
    """Where there is nothing to learn from, weights, momentum and decay stay as they are."""

    def __init__(self, trainer: OnlineTrainer) -> None:
        self._trainer = trainer

    def on_pre_optimizer_step(
        self, args: Any, state: Any, control: Any, model: Any = None, **_: Any
    ) -> None:
        """An optimizer leaves alone what has no gradient."""
        if self._trainer.nothing:
            model.zero_grad(set_to_none=True)
