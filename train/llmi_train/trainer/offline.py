"""GRPO from traces: TRL's trainer, with the recorded policy in the place of the one that would have sampled.

TRL works out everything as it does for a rollout; then its batch is corrected. Logprobs that were recorded take the place
of the old policy's (TRL ignores those that a rollout gives), advantages are the recorded groups', and rows that only fill
the last batch, of whose tokens none is trained on, stand in no normaliser that counts rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer
from trl.trainer.utils import RepeatSampler

from llmi_train.rows.row import Row
from llmi_train.trainer.batches import of_rows, sorted_by_length
from llmi_train.trainer.loading import Loaded, lora
from llmi_train.trainer.losses import LOSSES, Offline
from llmi_train.trainer.measures import Measures
from llmi_train.trainer.pictures import Sees
from llmi_train.trainer.warming import Warms

Check = Callable[[int, dict[str, float]], None]
"""Told the number of a step and its figures, before the weights are changed; raises to stop."""
_OF_SAMPLING = (
    "reward",
    "frac_reward_zero_std",
    "completions/",
    "clip_ratio/",
    "cispo_clip_ratio",
    "num_tokens",
)
"""TRL's figures that say nothing here: of a constant reward, and those that count rows that only fill a batch."""


class OfflineTrainer(Sees, Warms, GRPOTrainer):  # type: ignore[misc]
    """Goes once over rows in the order in which they are given, each of them a rollout that was recorded."""

    def __init__(
        self, rows: Sequence[Row], loaded: Loaded, settings: Offline, out: Path, check: Check
    ) -> None:
        """rows: a whole number of steps, filled up by `schedule`."""
        self._rows = rows
        longest = max(len(each.segment.completion) for each in rows)
        args = config(settings, out, rows[0].segment.temperature, longest)
        self._begin(len(rows), loaded, settings, args, check)

    def _begin(
        self, places: int, loaded: Loaded, settings: Offline, args: GRPOConfig, check: Check
    ) -> None:
        """places: rows that are gone through in all."""
        self._batch: Sequence[Row] = ()
        self._check = check
        self._by_row = LOSSES[settings.loss].by_row
        super().__init__(
            model=loaded.model,
            reward_funcs=_no_reward,
            args=args,
            train_dataset=Dataset.from_dict({"prompt": [""] * places, "row": list(range(places))}),
            processing_class=loaded.tokenizer,
            peft_config=lora(settings.lora),
            rollout_func=self._recorded,
        )
        self._look_through(loaded.eyes)
        self._measures = Measures(settings, self.eos_token_ids)

    def _get_train_sampler(self, dataset: Any = None) -> RepeatSampler:
        """TRL's own, without repeating a row within its batch."""
        return RepeatSampler(
            data_source=self.train_dataset if dataset is None else dataset,
            mini_repeat_count=1,
            batch_size=self.args.generation_batch_size,
            repeat_count=self.args.steps_per_generation * self.num_iterations,
            shuffle=False,
        )

    def _recorded(self, prompts: Sequence[str], trainer: Any) -> dict[str, list[list[Any]]]:
        """What TRL calls for a rollout."""
        segments = [each.segment for each in self._batch]
        return {
            "prompt_ids": [each.prompt.tolist() for each in segments],
            "completion_ids": [each.completion.tolist() for each in segments],
            "logprobs": [each.logprobs.tolist() for each in segments],
            "env_mask": [each.mask.tolist() for each in segments],
        }

    def _generate_and_score_completions(self, inputs: Sequence[dict[str, Any]]) -> dict[str, Any]:
        self._batch = [self._rows[each["row"]] for each in inputs]
        batch: dict[str, Any] = super()._generate_and_score_completions(inputs)
        batch |= of_rows(self._batch, batch["completion_ids"])
        counts = torch.stack([batch["real"].sum(), torch.ones_like(batch["real"]).sum()])
        real, filled = self.accelerator.reduce(counts, reduction="sum")
        if self._by_row:
            batch["advantages"] *= filled / real.clamp(min=1)
        return batch

    def _prepare_inputs(self, generation_batch: Any) -> dict[str, Any]:
        place = self._step % self.args.steps_per_generation
        before = self._buffered_inputs
        inputs: dict[str, Any] = super()._prepare_inputs(generation_batch)
        if self._buffered_inputs is not before:
            self._buffered_inputs: list[dict[str, Any]] = sorted_by_length(self._buffered_inputs)
            inputs = self._buffered_inputs[place]
        if place == 0:
            self._measures.begin(self._batch, inputs["num_items_in_batch"])
        return inputs

    def _get_per_token_logps_and_entropies(self, *args: Any, **kwargs: Any) -> Any:
        found = super()._get_per_token_logps_and_entropies(*args, **kwargs)
        self._logps = found[0].detach()
        return found

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        loss: torch.Tensor = super()._compute_loss(model, inputs)
        self._measures.add(inputs, self._logps, loss.detach())
        if self.accelerator.sync_gradients:
            self._end_step()
        return loss

    def _end_step(self) -> None:
        """All of its loss is computed, and the weights are not changed yet."""
        figures = self._measures.end(self.accelerator)
        log = self._metrics["train"]
        for name in [each for each in log if each.startswith(_OF_SAMPLING)]:
            del log[name]
        told = self._told(figures)
        for name in [each for each in told if each != "step_loss"]:
            log[name].append(told[name])
        self._check(self.state.global_step + 1, figures)

    def _told(self, figures: dict[str, float]) -> dict[str, float]:
        """What is reported of a step."""
        return figures

    @staticmethod
    def get_off_policy_mask(
        advantages: torch.Tensor,
        per_token_logps: torch.Tensor,
        sampling_per_token_logps: torch.Tensor,
        mask: torch.Tensor,
        off_policy_threshold: float,
    ) -> torch.Tensor:
        """1 for rows whose geometric mean ratio is within 1/(1+D) and 1+D, whatever their advantage. Shape (B, 1)."""
        log_ratio = (per_token_logps.detach() - sampling_per_token_logps) * mask
        mean = log_ratio.sum(1, keepdim=True) / mask.sum(1, keepdim=True).clamp(min=1)
        return (mean.abs() <= np.log1p(off_policy_threshold)).to(mask.dtype)

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """TRL's says that rollouts were sampled in training; ours is written at the end."""


def config(
    settings: Offline, out: Path, temperature: float, longest: int, updates: int = 1
) -> GRPOConfig:
    """All that TRL is told. A batch of rollouts is a step of the optimizer, or as many of them as `updates` says.

    longest: the most tokens of a completion, by which `dr_grpo` divides.
    """
    low, high = settings.clips
    return GRPOConfig(
        **settings.arguments(out),
        **LOSSES[settings.loss].arguments,
        num_train_epochs=1,
        num_generations=settings.step_rows,
        num_iterations=updates,
        temperature=temperature,
        max_completion_length=longest,
        **({} if low is None else {"epsilon": low}),
        epsilon_high=high,
        off_policy_mask_threshold=settings.mask_outside,
        beta=0.0,
        scale_rewards="none",
        disable_dropout=True,
        remove_unused_columns=False,
    )


def _no_reward(prompts: Sequence[Any], **_: Any) -> list[float]:
    """Rewards are on record."""
    return [0.0] * len(prompts)
