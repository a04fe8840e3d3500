"""The rate of the first steps."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import Trainer, TrainingArguments

from llmi_train.trainer.warming import Warms


class Warmed(Warms, Trainer):  # type: ignore[misc]
    """A trainer of which only the schedule is used."""

    def __init__(self, args: Any) -> None:
        self.args, self.lr_scheduler = args, None
        self.optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)


def rates(warmup: float, steps: int) -> tuple[list[float], float]:
    """Of each step, and how many are of the warm-up."""
    told: Any = SimpleNamespace(
        warmup_steps=warmup, lr_scheduler_type="linear", lr_scheduler_kwargs={}
    )
    told.get_warmup_steps = lambda count: TrainingArguments.get_warmup_steps(told, count)
    trainer = Warmed(told)
    schedule = trainer.create_scheduler(steps)
    found = []
    for _ in range(steps):
        found += schedule.get_last_lr()
        trainer.optimizer.step()
        schedule.step()
    return found, told.warmup_steps


@pytest.mark.parametrize(("steps", "used"), [(1, 0), (3, 0), (9, 0), (10, 1), (35, 3), (400, 4)])
def test_the_warm_up_is_a_tenth_at_most_and_no_step_does_nothing(steps: int, used: int) -> None:
    found, told = rates(4, steps)
    assert told == used
    assert min(found) > 0
    assert found[used] == max(found) == 1.0
    assert found[:used] == [(step + 1) / (used + 1) for step in range(used)]


@pytest.mark.parametrize(("asked", "used"), [(0.05, 2), (0.5, 4), (0, 0)])
def test_a_share_is_of_all_steps(asked: float, used: int) -> None:
    assert rates(asked, 40)[1] == used
