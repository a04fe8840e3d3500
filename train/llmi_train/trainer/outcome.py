"""What came of a GRPO training, and what a reader of its card is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llmi_train.trainer.evaluating import Look
from llmi_train.trainer.losses import UNLEARNS, Offline
from llmi_train.trainer.probe import Probed


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a training."""

    out: Path
    """The checkpoint."""
    steps: int
    of: int
    """How many were planned."""
    warmup: int
    unit: str = "step"  # or "update", where a step has several and they are what is counted
    best: int
    """The one whose checkpoint is in `out`: where nothing was evaluated in between, the last one."""
    evaluations: tuple[Look, ...]
    stopped: str
    """Why it ended earlier; empty if it did not."""
    notes: tuple[str, ...] = ()
    """What is odd, and was trained on all the same."""
    probed: Probed | None
    """How exactly the weights give the recorded logprobs."""
    first: Mapping[str, float | None] = field(default_factory=dict)
    last: Mapping[str, float | None] = field(default_factory=dict)
    """The figures of the first and the last step."""
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """With plain values."""
        probed = None if self.probed is None else vars(self.probed)
        looks = [vars(each) for each in self.evaluations]
        return {**vars(self), "out": str(self.out), "probed": probed, "evaluations": looks}


def looks_of(outcome: Outcome) -> dict[str, str]:
    """What was evaluated, for the card."""
    return {
        f"after {outcome.unit} {each.step}": f"{each.reward:.3f} [{each.low:.3f}, {each.high:.3f}]"
        for each in outcome.evaluations
    }


def notes_of(outcome: Outcome, settings: Offline) -> list[str]:
    """What a reader must know first, for the card."""
    notes = [outcome.stopped, *outcome.notes] if outcome.stopped else [*outcome.notes]
    notes += [UNLEARNS] if settings.loss == "grpo" else []
    return [*notes, _best_of(outcome)] if outcome.evaluations else notes


def _best_of(outcome: Outcome) -> str:
    """Which checkpoint was kept, in a sentence."""
    if outcome.best == 0:
        return f"No {outcome.unit} earned more in fresh rollouts than the checkpoint that it started from: this is that one, unchanged."
    return f"Of what fresh rollouts looked at, this is the best: the checkpoint after {outcome.unit} {outcome.best}."
