"""What is exported is in TRL's own forms: its stock trainers take a step on it, and get the ids that were sampled where they can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import pytest
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, SFTConfig, SFTTrainer

from llmi_train.preferences.answer import Answer, Ids, Labelled, Pair
from llmi_train.preferences.files import write

from .small import asked, checkpoint, said

pytestmark = pytest.mark.filterwarnings(
    "ignore:`(is_)?gradient_checkpointing` is deprecated:FutureWarning"
)


def answer(number: int, *, ids: bool = False) -> Answer:
    return Answer(
        where=f"the run {number}",
        prompt=tuple(asked(f"Write {number}")),
        completion=said(f"# {number}")[0],
        ids=Ids.of([40, 41], [50 + number, 51, 2]) if ids else None,
        episode=str(number),
        reward=0.5,
    )


def stepped(trainer: Any, config: Any, model: Path, file: Path, tmp_path: Path) -> Any:
    """The trainer, after a step on a file."""
    data = datasets.Dataset.from_json if file.suffix == ".jsonl" else datasets.Dataset.from_parquet
    args = config(
        output_dir=str(tmp_path / "out"), max_steps=1, per_device_train_batch_size=4, use_cpu=True, bf16=False,
        report_to=[], disable_tqdm=True, gradient_checkpointing=False, dataloader_pin_memory=False,
    )  # fmt: skip
    rows = data(str(file), cache_dir=str(tmp_path / "cache"))
    made = trainer(model=str(model), args=args, train_dataset=rows)
    made.train()
    return made


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_trls_trainers_take_the_files(tmp_path: Path, ending: str) -> None:
    model = checkpoint(tmp_path / "model")
    answers = [answer(n) for n in range(4)]
    other = [answer(n + 4) for n in range(4)]
    pairs = [Pair(a, b) for a, b in zip(answers, other, strict=True)]
    labelled = [Labelled(each, n % 2 == 0) for n, each in enumerate(answers)]
    for trainer, config, examples in (
        (SFTTrainer, SFTConfig, answers),
        (DPOTrainer, DPOConfig, pairs),
        (KTOTrainer, KTOConfig, labelled),
    ):
        file = tmp_path / f"{trainer.__name__}.{ending}"
        write(examples, file)  # type: ignore[type-var]
        assert stepped(trainer, config, model, file, tmp_path).state.global_step == 1


def test_stock_sft_learns_the_exported_ids(tmp_path: Path) -> None:
    file = tmp_path / "ids.parquet"
    write([answer(n, ids=True) for n in range(4)], file)
    trainer = stepped(SFTTrainer, SFTConfig, checkpoint(tmp_path / "model"), file, tmp_path)
    for number, row in enumerate(trainer.train_dataset):
        assert row["input_ids"] == [40, 41, 50 + number, 51, 2]
        assert row["labels"] == [-100, -100, 50 + number, 51, 2]
