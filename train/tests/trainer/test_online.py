"""Online GRPO on the tiny checkpoint: what is sampled, recorded and trained on, and what is not done twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from llmi_train.trainer.online_run import Trained, train_online

from .online_scene import members, on_record, rollouts, settings, story
from .tiny import checkpoint, read


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LLMI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LLMI_PLUGINS", "llmi-transformers,llmi-gallery")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return checkpoint(tmp_path / "base")


def weights(out: Path) -> dict[str, torch.Tensor]:
    return dict(read(out).state_dict())


def trained(tmp_path: Path, out: str = "out", scorer: Any = None, **given: Any) -> Trained:
    own = settings(**{name: given.pop(name) for name in [*given] if name in vars(settings())})
    return train_online(rollouts(tmp_path, scorer), str(tmp_path / "base"), tmp_path / out, own, **given)


def test_each_step_is_rolled_out_by_the_weights_that_are_trained(tmp_path: Path) -> None:
    done = trained(tmp_path)
    assert (done.outcome.steps, done.outcome.of, done.outcome.stopped) == (4, 4, "")
    assert done.outcome.probed
    assert done.outcome.probed.difference < 1e-5
    assert abs(done.outcome.first["kl"]) < 1e-5
    assert abs(done.outcome.last["kl"]) < 1e-5
    known = on_record()
    assert len(known) == 4 * 6
    assert len({each.group for each in known}) == 8
    versions = [closed.weights for closed in story(tmp_path / "out")]
    assert [each.partition("@")[2] for each in versions] == ["0", "1", "2", "3"]
    assert len({each.partition("@")[0] for each in versions}) == 1
    of = {each.episode: each for each in known}
    for closed in story(tmp_path / "out"):
        (share,) = closed.shares
        assert {call.weights for each in share.episodes for call in of[each].calls} == {closed.weights}
        assert closed.used == closed.wanted == 6
    asked = [name for step in members(tmp_path / "out") for name, _ in step[::3]]
    assert len(set(asked[:5])) == 5, "each prompt comes once in an epoch"
    told = json.loads((tmp_path / "out" / "training.json").read_text())
    assert told["state"] == "done"
    assert not torch.equal(weights(tmp_path / "out")["model.norm.weight"], weights(tmp_path / "base")["model.norm.weight"])
