"""Supervised fine-tuning on answers: the loss is that of the answer alone, its end included."""

from __future__ import annotations

from typing import Any

import numpy as np
from trl import SFTConfig, SFTTrainer

from llmi_train.preferences.answer import Answer, Ids
from llmi_train.preferences.rows import MASKED
from llmi_train.trainer.fitting import Row
from llmi_train.trainer.learning import Lesson
from llmi_train.trainer.warming import Warms

FULL_LR, LORA_LR = 2e-5, 2e-4


class AnswerTrainer(Warms, SFTTrainer):  # type: ignore[misc]
    """Takes `input_ids` with `labels` as they are; the card is ours."""

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """`learn` writes one."""


def row_of(_: Answer, ids: tuple[Ids, ...]) -> Row:
    """`input_ids`, and as `labels` those of the answer."""
    (own,) = ids
    masked = np.full_like(own.prompt, MASKED)
    return {
        "input_ids": np.concatenate([own.prompt, own.completion]),
        "labels": np.concatenate([masked, own.completion]),
    }


SFT = Lesson[Answer](
    method="sft",
    trainer=AnswerTrainer,
    config=SFTConfig,
    row_of=row_of,
    figures={"loss": "loss", "accuracy": "mean_token_accuracy", "entropy": "entropy"},
)
