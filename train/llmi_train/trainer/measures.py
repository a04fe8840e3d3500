"""What is told of each step: how far the policy is from the recorded one, and what the step does with it.

Nothing is computed by the model for it: it is what the loss has computed already.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from llmi_train.rows.row import Row
from llmi_train.trainer.losses import Offline

SHOWN = {"reward": "reward", "KL": "kl", "clipped": "clip_share", "ESS": "ess"}
"""Figures that the progress shows, by the word that each is shown under."""

FIGURES = frozenset(
    "reward kl clip_share ess ess_rows ratio_mean ratio_max end_weight truncated length_mean length_max rows tokens masked_rows "
    "loss grad_norm learning_rate".split()
)
"""Those of a step that say something; transformers and TRL report others besides."""

ONLINE_SHOWN = {
    "reward": "reward",
    "valid": "valid",
    "KL": "kl",
    "clipped": "clip_share",
    "episodes/s": "episodes_per_second",
    "tokens/s": "tokens_per_second",
}
"""The same where each step is rolled out."""
OF_ROLLOUTS = frozenset("valid missing episodes_per_second tokens_per_second".split())
"""What is told besides of such a step."""


class Measures:
    """Of one step after another."""

    def __init__(self, settings: Offline, end_tokens: Sequence[int]) -> None:
        """end_tokens: those that end an answer."""
        self._low, self._high = settings.clips
        self._loss = settings.loss
        self._masks = settings.mask_outside
        self._ends = torch.tensor(list(end_tokens))

    def begin(self, rows: Sequence[Row], tokens: torch.Tensor) -> None:
        """A step begins. rows: this process's; tokens: how many are trained on in all processes."""
        kept = [row for row in rows if not row.is_padding]
        scores = {row.segment.episode: row.reward for row in kept if row.reward is not None}
        self._of_rows = [
            float(len(kept)),
            float(len(scores)),
            math.fsum(scores.values()),
            float(sum(row.segment.truncated for row in kept)),
            float(sum(len(row.segment.completion) for row in kept)),
        ]
        self._longest = float(max((len(row.segment.completion) for row in kept), default=0))
        self._tokens = tokens
        self._sums: list[torch.Tensor] = []
        self._largest: list[torch.Tensor] = []
        self._row_ratios: list[torch.Tensor] = []

    def add(self, inputs: dict[str, Any], logps: torch.Tensor, loss: torch.Tensor) -> None:
        """What the loss was computed from, of a part of the step."""
        mask = inputs["tool_mask"] * inputs["completion_mask"]
        advantages = inputs["advantages"].double() * mask
        log_ratio = (logps.double() - inputs["old_per_token_logps"]) * mask
        count = mask.sum(1).clamp(min=1)
        mean = log_ratio.sum(1) / count
        ratio = log_ratio.exp()
        used = mean.exp()[:, None].expand_as(ratio) if self._loss == "gspo" else ratio
        weight = advantages / count[:, None] if self._loss in ("gspo", "grpo") else advantages
        ends = torch.isin(inputs["completion_ids"], self._ends.to(mask.device))
        outside = (
            0.0 * mean if self._masks is None else (mean.abs() > math.log1p(self._masks)) * 1.0
        )
        self._sums.append(
            torch.stack(
                [
                    (ratio * mask).sum(),
                    (ratio.square() * mask).sum(),
                    -log_ratio.sum(),
                    (self._clipped(used, advantages) * mask).sum(),
                    (weight * ends).sum(),
                    weight.abs().sum(),
                    (outside * inputs["real"]).sum(),
                    loss.double(),
                ]
            )
        )
        self._largest.append((ratio * mask).max())
        self._row_ratios.append(torch.where(inputs["real"] > 0, log_ratio.sum(1), -math.inf))

    def end(self, accelerator: Any) -> dict[str, float]:
        """The step's figures, over all processes."""
        sums = torch.stack(self._sums).sum(0)
        of_rows = torch.tensor(self._of_rows, dtype=sums.dtype, device=sums.device)
        total = accelerator.reduce(torch.cat([sums, of_rows]), reduction="sum").tolist()
        ratios, squares, kl, clipped, ends, weight, outside, loss = total[:8]
        rows, scored, reward, truncated, length = total[8:]
        tops = torch.stack([torch.stack(self._largest).max(), sums.new_tensor(self._longest)])
        largest, longest = accelerator.gather(tops[None]).max(0).values.tolist()
        tokens = max(int(self._tokens), 1)
        rows = max(rows, 1.0)
        figures = {
            "reward": reward / scored if scored else math.nan,
            "kl": kl / tokens,
            "clip_share": clipped / tokens,
            "ess": ratios**2 / squares / tokens if squares else math.nan,
            "ess_rows": _share(accelerator.gather(torch.cat(self._row_ratios)), rows),
            "ratio_mean": ratios / tokens,
            "ratio_max": largest,
            "end_weight": ends / weight if weight else 0.0,
            "truncated": truncated / rows,
            "length_mean": length / rows,
            "length_max": longest,
            "rows": rows,
            "tokens": float(tokens),
            "step_loss": loss / accelerator.num_processes,
        }
        return figures if self._masks is None else {**figures, "masked_rows": outside / rows}

    def _clipped(self, ratio: torch.Tensor, advantages: torch.Tensor) -> torch.Tensor:
        """Where the loss lets go, or holds the ratio at its cap."""
        if self._loss == "cispo":
            return ratio > self._high
        low = 0.0 if self._low is None else 1 - self._low
        return ((ratio < low) & (advantages < 0)) | ((ratio > 1 + self._high) & (advantages > 0))


def _share(log_ratios: torch.Tensor, rows: float) -> float:
    """The effective sample size of rows, as a share of them."""
    twice = torch.logsumexp(log_ratios, 0) * 2 - torch.logsumexp(2 * log_ratios, 0)
    return float(twice.exp()) / rows
