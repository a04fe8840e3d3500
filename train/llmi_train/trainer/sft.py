"""Supervised fine-tuning on answers: the loss is that of the answer alone, its end included."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from llmi_train.preferences.answer import Answer, Ids
from llmi_train.preferences.rows import MASKED
from llmi_train.rows.pictures import Picture
from llmi_train.trainer.fitting import Row
from llmi_train.trainer.learning import Lesson
from llmi_train.trainer.pictures import shown
from llmi_train.trainer.warming import Warms
from llmi_transformers.eyes import Eyes

FULL_LR, LORA_LR = 2e-5, 2e-4
ROW = "row"
"""The column with a row's number."""
COLUMNS = ("input_ids", "labels", "seq_lengths")
"""Those that TRL keeps of ids."""


class AnswerTrainer(Warms, SFTTrainer):  # type: ignore[misc]
    """Takes `input_ids` with `labels` as they are; the card is ours."""

    data_collator: Any

    def __init__(
        self,
        *given: Any,
        train_dataset: Dataset,
        shown: tuple[Sequence[Sequence[Picture]], Eyes | None] = ((), None),
        **more: Any,
    ) -> None:
        """shown: the pictures of each row's prompt, and what the model is shown them with."""
        pictures, eyes = shown
        if eyes and any(pictures):
            train_dataset = train_dataset.add_column(ROW, list(range(len(pictures))))
        super().__init__(*given, train_dataset=train_dataset, **more)
        # TRL's head divides by the answers' tokens of the whole step; models that see say that their own loss would not.
        self.model_accepts_loss_kwargs = True
        if eyes and any(pictures):
            self.data_collator = Showing(self.data_collator, pictures, eyes)
            self._signature_columns = [*COLUMNS, ROW]
            if self.args.ddp_find_unused_parameters is None:
                self.args.ddp_find_unused_parameters = True

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """`learn` writes one."""


class Showing:
    """Makes a batch of rows, with what their prompts show."""

    def __init__(
        self, collate: Callable[..., Any], pictures: Sequence[Sequence[Picture]], eyes: Eyes
    ) -> None:
        self._collate, self._pictures, self._eyes = collate, pictures, eyes

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        own = [self._pictures[each.pop(ROW)] for each in rows]
        batch: dict[str, Any] = self._collate(rows)
        ids = batch["input_ids"]
        return {**batch, **shown(self._eyes, own, ids, ids.shape[1])[1]}


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
    sees=True,
    figures={"loss": "loss", "accuracy": "mean_token_accuracy", "entropy": "entropy"},
)
