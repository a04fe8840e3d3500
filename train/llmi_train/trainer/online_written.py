"""What came of an online training, and its checkpoint with its card."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmi_train.rollout.closed import NAME, Closed
from llmi_train.rollout.learnt import changed
from llmi_train.rollout.steps import FOLDER
from llmi_train.trainer import folder
from llmi_train.trainer.card import Card
from llmi_train.trainer.evaluating import STORY as EVALUATIONS, Evaluating
from llmi_train.trainer.loading import Loaded
from llmi_train.trainer.losses import Online
from llmi_train.trainer.online import OnlineTrainer
from llmi_train.trainer.online_order import Rollouts
from llmi_train.trainer.outcome import Outcome, looks_of, notes_of
from llmi_train.trainer.whole import Save

_TRAINED = (
    "A policy of LLMI, trained by GRPO online: at each step it wrote documents through the graph, with its tools, and was "
    "trained on their traces. Whether it is better is for an evaluation on other prompts to say (`llmi-train eval`)."
)
_UNCHANGED = (
    "A policy of LLMI that was to be trained by GRPO online: it wrote documents through the graph, with its tools, and no "
    "step changed its weights: they are those that it started from."
)


@dataclass(frozen=True)
class Trained:
    """What came of a training."""

    outcome: Outcome
    rollouts: Sequence[Closed]
    """Of each step."""
    updates: tuple[int, int]
    """Of the weights, those of skipped steps among them, and how many were planned."""

    def as_json(self) -> dict[str, Any]:
        """With plain values."""
        done, planned = self.updates
        counted = {"updates": done, "updates_of": planned}
        return {**self.outcome.as_json(), **counted, "rollouts": self.summary()}

    def summary(self) -> dict[str, Any]:
        """Of all steps."""
        missing = Counter(each.why for step in self.rollouts for each in step.missing)
        left_out: Counter[str] = Counter()
        for step in self.rollouts:
            left_out.update(step.left_out)
        return {
            "episodes": sum(each.wanted for each in self.rollouts),
            "with_a_reward": sum(each.used for each in self.rollouts),
            "missing": dict(missing.most_common()),
            "left_out": dict(left_out.most_common()),
            "rows": sum(each.rows for each in self.rollouts),
            "steps_without_rows": sum(not each.rows for each in self.rollouts),
            "seconds": round(sum(each.seconds for each in self.rollouts), 3),
        }


def forget(out: Path) -> None:
    """Of steps that changed nothing: gone on with, the first step's episodes are scored again, and those after it, which
    other weights may have to write then, are written anew."""
    later = sorted((out / FOLDER).glob("[0-9]*"))[1:]
    for each in (*out.glob("checkpoint-*"), *out.glob("evaluated-*"), *later):
        shutil.rmtree(each)
    for name in (NAME, EVALUATIONS):
        (out / name).unlink(missing_ok=True)


def write(
    save: Save,
    trained: Trained,
    loaded: Loaded,
    trainer: OnlineTrainer,
    settings: Online,
    training: folder.Training,
    rollouts: Rollouts,
    evaluating: Evaluating | None,
) -> None:
    """The checkpoint, its card, and that it is done."""
    outcome = trained.outcome
    save(training.out)
    if evaluating:
        evaluating.keep_best()
    looks = looks_of(outcome)
    Card(
        title=training.out.resolve().name,
        about=_TRAINED if changed(trained.rollouts) else _UNCHANGED,
        base=f"{loaded.folder.name} ({training.identity['model']})",
        method="online-grpo",
        notes=notes_of(outcome, settings),
        sections={
            "What it was rolled out on": {
                "prompts": len(rollouts.prompts),
                "digest of the prompts": training.identity["data"]["hash"],
                "temperature": trainer.temperature,
                **training.identity["rollouts"],
            },
            "What came of the rollouts": trained.summary(),
            "How": settings.said(),
            **({"Fresh rollouts, mean reward": looks} if looks else {}),
            "The first step": outcome.first,
            "The last step": outcome.last,
            "Besides": {
                "steps": f"{outcome.steps} of {outcome.of}",
                "updates of the weights": "{} of {}".format(*trained.updates),
                f"warm-up, in {outcome.unit}s": outcome.warmup,
                "seconds": outcome.seconds,
                "recorded against recomputed logprobs, mean": outcome.probed.difference
                if outcome.probed
                else "not looked at",
            },
        },
    ).write(training.out)
    training.finish(
        {**trained.as_json(), "history": trainer.state.log_history},
        keep_checkpoints=settings.keep_checkpoints,
    )
