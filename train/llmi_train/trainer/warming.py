"""The warm-up, so that no training is short of its rate for want of steps, and none takes a step that does nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.optim.lr_scheduler import LambdaLR

MOST = 10
"""One step in so many may be of the warm-up."""


class Warms:
    """Before a trainer of transformers: its warm-up is a tenth of all steps at most, and the first step is not at rate 0."""

    args: Any
    lr_scheduler: Any

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """As that of transformers; `args.warmup_steps` is then what is used."""
        if self.lr_scheduler is None:
            asked = self.args.get_warmup_steps(num_training_steps)
            used = self.args.warmup_steps = min(asked, num_training_steps // MOST)
            built: LambdaLR = super().create_scheduler(num_training_steps, optimizer)  # type: ignore[misc]
            rates = [_rising(each, used) for each in built.lr_lambdas]
            self.lr_scheduler = LambdaLR(built.optimizer, rates)
        return self.lr_scheduler


def _rising(rate: Callable[[int], float], warmup: int) -> Callable[[int], float]:
    """It, but what is below the highest rate begins above 0."""
    return lambda step: (step + 1) / (warmup + 1) if step < warmup else rate(step)
