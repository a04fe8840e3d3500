"""Direct preference optimisation: of two answers to the same, the better one more, the other one less."""

from __future__ import annotations

from trl import DPOConfig, DPOTrainer

from llmi_train.preferences.answer import Ids, Pair
from llmi_train.trainer.fitting import Row
from llmi_train.trainer.learning import Lesson
from llmi_train.trainer.recorded import TakesIds, answered, asked
from llmi_train.trainer.warming import Warms


class PairTrainer(Warms, TakesIds, DPOTrainer):  # type: ignore[misc]
    """Learns from ids as they are."""


def row_of(_: Pair, ids: tuple[Ids, ...]) -> Row:
    """TRL's columns."""
    chosen, rejected = ids
    return {"prompt": asked(chosen), "chosen": answered(chosen), "rejected": answered(rejected)}


DPO = Lesson[Pair](
    method="dpo",
    trainer=PairTrainer,
    config=DPOConfig,
    row_of=row_of,
    figures={"loss": "loss", "margin": "rewards/margins", "accuracy": "rewards/accuracies"},
)
