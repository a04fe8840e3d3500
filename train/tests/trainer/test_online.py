"""Online GRPO on the tiny checkpoint: what is sampled, recorded and trained on, and what is not done twice."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from llmi_agent.traces import Rewarded, give
from llmi_train.trainer.online_run import Trained, train_online

from .online_scene import members, on_record, rollouts, settings, story, texts
from .test_run import together
from .tiny import checkpoint, read


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LLMI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LLMI_PLUGINS", "llmi-transformers,llmi-gallery")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return checkpoint(tmp_path / "base")


class Worker:
    """Does trainings in processes of their own."""

    def __init__(self, process: subprocess.Popen[str], said: Path) -> None:
        self._process = process
        self._said = said

    def __call__(
        self, out: str, kill: str = "", *, resume: bool = False, processes: int = 1, **given: Any
    ) -> list[int]:
        """Their exit codes."""
        asked = {
            "folder": str(Path.cwd()),
            "out": out,
            "kill": kill,
            "resume": resume,
            "given": given,
        }
        environments = [{}] if processes == 1 else together(processes)
        own = {name: os.environ[name] for name in ("LLMI_HOME", "LLMI_PLUGINS", "XDG_CONFIG_HOME")}
        line = json.dumps(
            {"asked": asked, "environments": [{**own, **each} for each in environments]}
        )
        assert self._process.stdin
        assert self._process.stdout
        print(line, file=self._process.stdin, flush=True)
        codes: list[int] = json.loads(self._process.stdout.readline())
        return codes

    @property
    def said(self) -> str:
        return self._said.read_text()


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    said = tmp_path_factory.mktemp("worker") / "said"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("online_worker.py"))]
    with (
        said.open("w") as errors,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            text=True,
        ) as process,
    ):
        yield Worker(process, said)
        assert process.stdin
        process.stdin.close()


def weights(out: Path) -> dict[str, torch.Tensor]:
    return dict(read(out).state_dict())


def trained(tmp_path: Path, out: str = "out", scorer: Any = None, **given: Any) -> Trained:
    own = settings(**{name: given.pop(name) for name in [*given] if name in vars(settings())})
    return train_online(
        rollouts(tmp_path, scorer), str(tmp_path / "base"), tmp_path / out, own, **given
    )


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
        assert {call.weights for each in share.episodes for call in of[each].calls} == {
            closed.weights
        }
        assert closed.used == closed.wanted == 6
    asked = [name for step in members(tmp_path / "out") for name, _ in step[::3]]
    assert len(set(asked[:5])) == 5, "each prompt comes once in an epoch"
    told = json.loads((tmp_path / "out" / "training.json").read_text())
    assert told["state"] == "done"
    assert not torch.equal(
        weights(tmp_path / "out")["model.norm.weight"],
        weights(tmp_path / "base")["model.norm.weight"],
    )


def test_no_episode_is_lost_or_counted_twice_whenever_it_is_killed(
    tmp_path: Path, worker: Worker
) -> None:
    """And what is on record is trained on again to the very same weights."""
    assert worker("whole") == [0]
    assert worker("cut", "text 3") == [-9]
    for moment in ("score 2", "line 1", "lined 1", "gradient 2", "step 3", "step 2"):
        assert worker("cut", moment, resume=True) == [-9], moment
    whole, cut, again = (tmp_path / name for name in ("whole", "cut", "again"))
    shutil.copytree(cut, again)
    for each in again.glob("checkpoint-*"):
        shutil.rmtree(each)
    assert worker("cut", resume=True) == [0]
    assert worker("again", resume=True) == [0]

    assert members(cut) == members(whole)
    assert texts(cut) == texts(whole)
    assert [(each.used, each.rows) for each in story(cut)] == [(6, 6)] * 4
    taken = [each for closed in story(cut) for share in closed.shares for each in share.episodes]
    assert len(set(taken)) == 24
    assert len(on_record()) == 48, "no episode was begun anew"
    one, other, third = weights(whole), weights(cut), weights(again)
    assert all(torch.equal(other[name], third[name]) for name in one)
    for name in one:
        torch.testing.assert_close(
            one[name], other[name], rtol=1e-3, atol=1e-4
        )  # a batch of other rows rounds otherwise
    moved = one["model.norm.weight"] - weights(tmp_path / "base")["model.norm.weight"]
    assert moved.abs().max() > 1e-2


def test_traces_that_were_changed_since_are_not_trained_on_again(
    tmp_path: Path, worker: Worker
) -> None:
    assert worker("out", "gradient 1") == [-9]
    (share,) = story(tmp_path / "out")[0].shares
    give(tmp_path / "home", share.episodes[0], Rewarded(value=0.5, profile="high@1"))
    assert worker("out", resume=True) == [2]
    assert "the traces of step 1 are not what they were" in worker.said
