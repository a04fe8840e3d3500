"""Kahneman-Tversky optimisation: good answers more and bad ones less, each by itself."""

from __future__ import annotations

import random
from collections.abc import Sequence

from trl import KTOConfig, KTOTrainer

from llmi_train.preferences.answer import Ids, Labelled
from llmi_train.trainer.fitting import Row
from llmi_train.trainer.learning import Lesson
from llmi_train.trainer.recorded import TakesIds, answered, asked
from llmi_train.trainer.warming import Warms


class LabelTrainer(Warms, TakesIds, KTOTrainer):  # type: ignore[misc]
    """Learns from ids as they are."""


def row_of(example: Labelled, ids: tuple[Ids, ...]) -> Row:
    """TRL's columns."""
    (own,) = ids
    return {"prompt": asked(own), "completion": answered(own), "label": example.label}


def ordered(labelled: Sequence[Labelled], seed: int) -> Sequence[Labelled]:
    """By chance, but so that neighbours are of different groups as far as there are any.

    TRL's trainer shuffles nothing: it estimates how far the policy has gone from each prompt with the answer before it in its
    batch, which is to be an answer to something else.
    """
    dice = random.Random(seed)
    groups: dict[str, list[Labelled]] = {}
    for each in labelled:
        groups.setdefault(each.answer.group or each.answer.where, []).append(each)
    rounds = list(groups.values())
    for own in rounds:
        dice.shuffle(own)
    found: list[Labelled] = []
    while rounds:
        dice.shuffle(rounds)
        found += [own.pop() for own in rounds]
        rounds = [own for own in rounds if own]
    return found


KTO = Lesson[Labelled](
    method="kto",
    trainer=LabelTrainer,
    config=KTOConfig,
    row_of=row_of,
    ordered=ordered,
    together=2,
    figures={"loss": "loss", "KL": "kl", "margin": "rewards/margins"},
)
