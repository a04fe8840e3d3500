"""Two ways to train that should not work, over the very rows of the one that should: they show what it rests on.

    python -m llmi_train_tiny.arms shuffled|stock --policy MODEL --model DIR --out DIR --seed N

shuffled: each group's rewards are dealt to its members anew. stock: TRL's own trainer replays the rows, which it can do without
the recorded logprobs only.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from llmi_agent.records.overview import Chosen
from llmi_agent.store.home import home
from llmi_train.rows import Gathered, Row, rows_of
from llmi_train_tiny.course import GRPO

SHUFFLED, STOCK = "shuffled", "stock"


def shuffled(rows: Sequence[Row], seed: int) -> list[Row]:
    """The rows of each group with its advantages and rewards in another order, by chance."""
    chance = random.Random(seed)
    dealt: list[Row] = []
    for _, group in groupby(rows, key=lambda each: each.group):
        own = list(group)
        worth = [(_advantage(each), each.reward) for each in own]
        chance.shuffle(worth)
        for row, (advantage, reward) in zip(own, worth, strict=True):
            advantages = (advantage * row.segment.mask).astype(np.float32)
            dealt.append(replace(row, advantages=advantages, reward=reward))
    return dealt


def _advantage(row: Row) -> float:
    return float(row.advantages[np.flatnonzero(row.segment.mask)[0]])


@dataclass(frozen=True)
class Dealt:
    """Rows in the place of those that were gathered."""

    rows: Sequence[Row]
    gathered: Gathered

    @property
    def report(self) -> Any:
        """Of where they come from."""
        return self.gathered.report

    def recorded(self, row: Row) -> Any:
        """As it was gathered."""
        return self.gathered.recorded(row)


def train_stock(rows: Sequence[Row], model: str, out: Path, settings: Any) -> list[dict[str, Any]]:
    """TRL's trainer over the same rows in the same order; whole groups, for it takes no others. Gives the figures of its steps."""
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl import GRPOConfig, GRPOTrainer

    from llmi_train.rows.schedule import schedule
    from llmi_train.trainer import loading
    from llmi_train.trainer.losses import LOSSES
    from llmi_train.trainer.settings import quiet

    quiet()
    size = max(len(list(group)) for _, group in groupby(rows, key=lambda each: each.group))
    whole = [row for own in _groups(rows) if len(own) == size for row in own]
    flat = schedule(whole, settings.step_rows, 1, settings.seed)
    flat = flat[: len(flat) // settings.step_rows * settings.step_rows]
    given: Iterator[Row] = iter(each for each in flat if not each.is_padding)
    worth: list[float] = []

    def rollout(asked: list[str], trainer: Any) -> dict[str, Any]:
        own = [next(given) for _ in asked]
        worth[:] = [each.reward or 0.0 for each in own]
        segments = [each.segment for each in own]
        return {
            "prompt_ids": [each.prompt.tolist() for each in segments],
            "completion_ids": [each.completion.tolist() for each in segments],
            "logprobs": [each.logprobs.tolist() for each in segments],
        }

    def reward(prompts: list[str], **_: Any) -> list[float]:
        return list(worth)

    loaded = loading.load(model, settings.kept)
    low, high = settings.clips
    arguments = {**settings.arguments(out), **LOSSES[settings.loss].arguments}
    config = GRPOConfig(
        **arguments, num_generations=size, epsilon=low, epsilon_high=high, num_train_epochs=1,
        beta=0.0, max_completion_length=settings.step_rows * size,
    )  # fmt: skip
    trainer = GRPOTrainer(
        model=loaded.model,
        reward_funcs=reward,
        args=config,
        train_dataset=Dataset.from_dict({"prompt": [""] * (len(whole) // size)}),
        processing_class=loaded.tokenizer,
        rollout_func=rollout,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    loading.save(loaded.model, loaded.tokenizer, out, loaded.folder)
    return list(trainer.state.log_history)


def _groups(rows: Sequence[Row]) -> list[list[Row]]:
    return [list(group) for _, group in groupby(rows, key=lambda each: each.group)]


def main() -> None:
    """Train, and print what came of it as JSON."""
    from llmi_train.trainer.losses import Offline
    from llmi_train.trainer.run import train

    parser = argparse.ArgumentParser()
    parser.add_argument("arm", choices=(SHUFFLED, STOCK))
    for name in ("policy", "model", "out", "seed"):
        parser.add_argument(f"--{name}", required=True)
    given = parser.parse_args()
    settings = Offline(**GRPO, seed=int(given.seed))
    gathered = rows_of(home(), chosen=Chosen(model=given.policy))
    out = Path(given.out)
    if given.arm == STOCK:
        history = train_stock(gathered.rows, given.model, out, settings)
        seconds = next(each["train_runtime"] for each in history if "train_runtime" in each)
        print(json.dumps({"rows": len(gathered.rows), "seconds": seconds, "history": history}))
        return
    dealt = Dealt(shuffled(gathered.rows, settings.seed), gathered)
    outcome = train(dealt, given.model, out, settings)
    print(json.dumps(outcome.as_json()))


if __name__ == "__main__":
    main()
