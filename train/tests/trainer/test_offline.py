"""The trainer's numbers against a reference that counts real rows only, and what recorded logprobs do."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from transformers import TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from llmi_train.rows.row import Row
from llmi_train.rows.schedule import schedule
from llmi_train.trainer.loading import load
from llmi_train.trainer.losses import LossName, Offline
from llmi_train.trainer.offline import OfflineTrainer

from .tiny import checkpoint, logprobs, read, rows, stale

EVERY: tuple[LossName, ...] = ("dapo", "dr_grpo", "gspo", "cispo")


def reference(model: Any, rows: Sequence[Row], loss: LossName, length: int) -> torch.Tensor:
    """Of one step, over the rows that are real."""
    real = [row for row in rows if not row.is_padding]
    tokens = sum(int(row.segment.mask.sum()) for row in real)
    total = torch.zeros(())
    for row in real:
        own = row.segment
        ids = torch.tensor([[*own.prompt, *own.completion]])
        logps = model(ids).logits[0, :-1].log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0]
        kept = torch.tensor(own.mask.astype(bool))
        now = logps[-len(own.completion) :][kept]
        ratio = (now - torch.tensor(own.logprobs)[kept]).exp()
        worth = torch.tensor(row.advantages)[kept]
        if loss == "cispo":
            total = total - (ratio.clamp(max=5.0).detach() * worth * now).sum() / tokens
            continue
        if loss == "gspo":
            ratio = ratio.log().mean().exp().expand_as(ratio)
        low, high = {"dapo": (0.2, 0.28), "dr_grpo": (0.2, 0.2), "gspo": (3e-4, 4e-4)}[loss]
        each = torch.min(ratio * worth, ratio.clamp(1 - low, 1 + high) * worth)
        share = {"dapo": tokens, "dr_grpo": len(real) * length, "gspo": len(real) * len(now)}[loss]
        total = total - each.sum() / share
    return total


@dataclass
class Step:
    """What a step did, and what it should have done."""

    loss: float
    norm: float
    wanted_loss: float
    wanted_norm: float


class Compare(TrainerCallback):  # type: ignore[misc]
    """Before each change of the weights, works the step out again from the weights as they are."""

    def __init__(self, flat: Sequence[Row], settings: Offline, base: Path) -> None:
        self._flat, self._settings, self._base = flat, settings, base
        self.trainer: Any = None
        self.steps: dict[int, Step] = {}

    def on_pre_optimizer_step(
        self, args: Any, state: Any, control: Any, model: Any = None, **_: Any
    ) -> None:
        size = self._settings.step_rows
        rows = self._flat[state.global_step * size : (state.global_step + 1) * size]
        other = read(self._base)
        other.load_state_dict(
            {name.removeprefix("module."): value for name, value in model.state_dict().items()}
        )
        wanted = reference(other, rows, self._settings.loss, self.trainer.max_completion_length)
        wanted.backward()
        loss = self.trainer.losses.pop(state.global_step)
        self.steps[state.global_step] = Step(loss, norm(model), float(wanted.detach()), norm(other))


class Noting(OfflineTrainer):
    """Keeps the loss of each step."""

    losses: dict[int, float]

    def _compute_loss(self, model: Any, inputs: Any) -> torch.Tensor:
        loss = super()._compute_loss(model, inputs)
        step = self.state.global_step
        self.losses[step] = self.losses.get(step, 0.0) + float(loss.detach())
        return loss


def norm(model: Any) -> float:
    return math.sqrt(sum(float(each.grad.double().square().sum()) for each in model.parameters()))


def compared(
    made: Sequence[Row], base: Path, out: Path, settings: Offline, resume: bool = False
) -> list[Step]:
    """Train, and say of each step how it stands to the reference."""
    flat = schedule(made, settings.step_rows, settings.epochs, settings.seed)
    compare = Compare(flat, settings, base)
    trainer = Noting(flat, load(str(base)), settings, out, lambda step, figures: None)
    trainer.losses, compare.trainer = {}, trainer
    trainer.add_callback(compare)
    trainer.train(resume_from_checkpoint=resume or None)
    return [compare.steps[n] for n in sorted(compare.steps)]


def assert_equal(steps: Sequence[Step], tolerance: float = 1e-5) -> None:
    for each in steps:
        assert each.loss == pytest.approx(each.wanted_loss, rel=tolerance, abs=tolerance / 100)
        assert each.norm == pytest.approx(each.wanted_norm, rel=tolerance)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def made(base: Path) -> list[Row]:
    """19 rows: ragged groups, several segments, parts that were only read; another policy sampled them."""
    return stale(rows(read(base)))


@pytest.mark.parametrize("at_once", [2, 8])
@pytest.mark.parametrize("loss", EVERY)
def test_loss_and_gradient_are_those_of_the_real_rows_alone(
    loss: LossName, at_once: int, made: list[Row], base: Path, tmp_path: Path
) -> None:
    settings = Offline(loss=loss, step_rows=8, rows_at_once=at_once, lr=1e-2, warmup=0, clip=0)
    steps = compared(made, base, tmp_path / "out", settings)
    assert len(steps) == 3  # 24 rows: the last step has 5 that only fill it
    assert len({round(each.wanted_loss, 3) for each in steps}) == 3
    assert_equal(steps)


def test_repairs_that_are_masked_and_rows_of_one_token_change_nothing(
    made: list[Row], base: Path, tmp_path: Path
) -> None:
    """Advantages of its own for a part of a row, as repairs have them."""
    part = made[0].advantages.copy()
    part[: len(part) // 2] *= -0.5
    short = replace(made[1].segment, completion=made[1].segment.completion[:1],
                    logprobs=made[1].segment.logprobs[:1], mask=made[1].segment.mask[:1])  # fmt: skip
    odd = [replace(made[0], advantages=part), Row(short, made[1].advantages[:1], "g0"), *made[2:7]]
    for loss in EVERY:
        settings = Offline(loss=loss, step_rows=8, rows_at_once=4, lr=1e-2, warmup=0, clip=0)
        assert_equal(compared(odd, base, tmp_path / loss, settings))


@pytest.mark.parametrize("loss", ["dapo", "gspo"])
def test_after_a_resume_too(loss: LossName, made: list[Row], base: Path, tmp_path: Path) -> None:
    settings = Offline(loss=loss, step_rows=8, rows_at_once=4, lr=1e-2, warmup=0, clip=0, save_every=1, epochs=2,
                       keep_checkpoints=True)  # fmt: skip
    whole = compared(made, base, tmp_path / "out", settings)
    assert len(whole) == 5
    for number in (3, 4, 5):
        shutil.rmtree(tmp_path / "out" / f"checkpoint-{number}")
    rest = compared(made, base, tmp_path / "out", settings, resume=True)
    assert rest == whole[2:]
    assert_equal(rest)


def test_rows_whose_ratio_is_far_off_give_no_gradient(
    made: list[Row], base: Path, tmp_path: Path
) -> None:
    def outside(row: Row) -> bool:
        own = row.segment
        kept = own.mask.astype(bool)
        mean = (logprobs(model, own.prompt, own.completion) - own.logprobs)[kept].mean()
        return bool(abs(mean) > math.log1p(0.1))

    model = read(base)
    far = [outside(row) for row in made[:8]]
    assert 0 < sum(far) < 8
    settings = Offline(step_rows=8, rows_at_once=4, clip=0)
    nothing = [
        replace(row, advantages=0 * row.advantages) if off else row
        for row, off in zip(made[:8], far, strict=True)
    ]
    (wanted,) = compared(nothing, base, tmp_path / "zeros", settings)
    (got,) = compared(made[:8], base, tmp_path / "masked", replace(settings, mask_outside=0.1))
    assert (got.loss, got.norm) == pytest.approx((wanted.loss, wanted.norm), rel=1e-5)


def replayed(made: Sequence[Row], base: Path, out: Path, logprob: float | None) -> dict[str, float]:
    """A step of TRL's own trainer, whose rollout is these rows, with this logprob for each token."""
    loaded = load(str(base))

    def rollout(prompts: list[str], trainer: Any) -> dict[str, Any]:
        own = [each.segment for each in made]
        assert len(own) == len(prompts)
        lengths = [len(each.completion) for each in own]
        return {
            "prompt_ids": [each.prompt.tolist() for each in own],
            "completion_ids": [each.completion.tolist() for each in own],
            "logprobs": None if logprob is None else [[logprob] * length for length in lengths],
        }

    def reward(prompts: list[str], **_: Any) -> list[float]:
        return [each.reward or 0.0 for each in made]

    trainer = GRPOTrainer(
        model=loaded.model,
        reward_funcs=reward,
        args=GRPOConfig(
            **Offline(step_rows=8, rows_at_once=4, clip=0).arguments(out), num_generations=8
        ),
        train_dataset=Dataset.from_dict({"prompt": [""]}),
        processing_class=loaded.tokenizer,
        rollout_func=rollout,
    )
    trainer.train()
    return {name: trainer.state.log_history[0][name] for name in ("loss", "grad_norm")}


def test_recorded_logprobs_change_the_loss_and_those_of_a_rollout_in_trl_do_not(
    made: list[Row], base: Path, tmp_path: Path
) -> None:
    def ours(logprob: float) -> Step:
        changed = [
            replace(
                row,
                segment=replace(
                    row.segment, logprobs=(logprob * row.segment.mask).astype(np.float32)
                ),
            )
            for row in made[:8]
        ]
        settings = Offline(step_rows=8, rows_at_once=4, clip=0)
        return compared(changed, base, tmp_path / f"ours{logprob}", settings)[0]

    theirs = [replayed(made[:8], base, tmp_path / f"theirs{n}", n) for n in (-0.1, -9.0, None)]
    assert theirs[0]["grad_norm"] > 0.1
    assert theirs[0] == pytest.approx(theirs[1])
    assert theirs[0] == pytest.approx(theirs[2])
    low, high = ours(-9.0), ours(-0.1)
    assert abs(low.loss - high.loss) > 0.1
    assert abs(low.norm - high.norm) > 0.1
