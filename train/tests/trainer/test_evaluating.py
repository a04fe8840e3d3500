"""Fresh rollouts in the midst of training: the best checkpoint is kept, and worse ones end it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from llmi_agent.base.errors import LlmiError
from llmi_train.rows.row import Row
from llmi_train.trainer.evaluating import Fresh
from llmi_train.trainer.losses import Offline
from llmi_train.trainer.outcome import Outcome
from llmi_train.trainer.run import train

from .tiny import Gathered, checkpoint, read, rows

SETTINGS: dict[str, Any] = {
    "step_rows": 4, "rows_at_once": 4, "lr": 1e-3, "warmup": 0, "probe_rows": 0, "max_kl": None, "save_every": 2,
}  # fmt: skip


class Rollouts:
    """What they would earn, one evaluation after another, each within 0.05."""

    def __init__(self, *earned: float | None) -> None:
        self._earned = list(earned)
        self._of: dict[str, float] = {}
        self.asked: list[tuple[str, str | None]] = []
        self.weights: list[torch.Tensor] = []

    async def evaluate(self, model: str, baseline: str | None) -> Any:
        folder = Path(model.removeprefix("transformers/"))
        self.weights.append(read(folder).model.norm.weight.detach())
        self.asked.append((folder.name, baseline and Path(baseline).name))
        reward = self._earned.pop(0)
        if reward is None:
            return SimpleNamespace(model=SimpleNamespace(reward=None), difference=None)
        self._of[model] = reward
        more = (
            None if baseline is None else SimpleNamespace(reward=mean(reward - self._of[baseline]))
        )
        return SimpleNamespace(model=SimpleNamespace(reward=mean(reward)), difference=more)


def mean(value: float) -> Any:
    return SimpleNamespace(value=value, low=value - 0.05, high=value + 0.05)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def made(base: Path) -> list[Row]:
    """19 rows: five steps."""
    return rows(read(base))


def trained(made: list[Row], base: Path, out: Path, rollouts: Rollouts, **given: Any) -> Outcome:
    fresh = Fresh(rollouts.evaluate, 2)
    return train(Gathered(made), str(base), out, Offline(**SETTINGS), fresh=fresh, **given)


def norm(out: Path) -> torch.Tensor:
    return read(out).model.norm.weight.detach()


def test_the_best_of_what_was_evaluated_is_kept(
    made: list[Row], base: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    rollouts = Rollouts(0.3, 0.5, 0.49, 0.48)
    done = trained(made, base, out, rollouts)
    assert (done.steps, done.of, done.best, done.stopped) == (5, 5, 2, "")
    assert rollouts.asked == [
        (base.name, None),
        ("evaluated-2", base.name),
        ("evaluated-4", "evaluated-2"),
        ("evaluated-5", "evaluated-2"),
    ]
    assert torch.equal(norm(out), rollouts.weights[1])
    assert not torch.equal(norm(out), rollouts.weights[3])
    assert not list(out.glob("evaluated-*"))
    card = (out / "README.md").read_text()
    assert "the checkpoint after step 2" in card
    assert "| after step 4 | 0.490 [0.440, 0.540] |" in card


def test_it_ends_where_fresh_rollouts_get_worse(
    made: list[Row], base: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    rollouts = Rollouts(0.3, 0.5, 0.2)
    done = trained(made, base, out, rollouts)
    assert (done.steps, done.best) == (4, 2)
    assert "after step 4 earn 0.200, and 0.300 less than after step 2" in done.stopped
    assert torch.equal(norm(out), rollouts.weights[1])


def test_if_no_step_was_better_the_first_checkpoint_is_given_back(
    made: list[Row], base: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = trained(made, base, out, Rollouts(0.3, 0.1))
    assert done.best == 0
    assert torch.equal(norm(out), norm(base))
    assert "this is that one, unchanged" in (out / "README.md").read_text()


def test_what_was_evaluated_before_a_cut_is_not_evaluated_again(
    made: list[Row], base: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(LlmiError, match="no rollout of the evaluation after step 4 has a reward"):
        trained(made, base, out, Rollouts(0.3, 0.5, None))
    assert len(json.loads((out / "evaluations.json").read_text())) == 2
    rest = Rollouts(0.6, 0.55)
    rest._of[f"transformers/{out / 'evaluated-2'}"] = 0.5
    done = trained(made, base, out, rest, resume=True)
    assert done.best == 4
    assert [asked for asked, _ in rest.asked] == ["evaluated-4", "evaluated-5"]
    assert torch.equal(norm(out), rest.weights[0])
