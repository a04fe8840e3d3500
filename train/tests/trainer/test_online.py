"""Online GRPO on the tiny checkpoint: what is sampled, recorded and trained on, and what is not done twice."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
import torch
from transformers import TrainerCallback

from llmi_agent.base.errors import LlmiError
from llmi_agent.traces import Rewarded, Trace, give
from llmi_train.rollout.closed import Closed, Share
from llmi_train.rollout.learnt import UNCHANGED
from llmi_train.rows import rows_of
from llmi_train.trainer.losses import Offline
from llmi_train.trainer.online_run import train_online
from llmi_train.trainer.online_written import Trained
from llmi_train.trainer.run import train

from .online_scene import SETTINGS, High, members, on_record, rollouts, settings, story, texts
from .test_run import history, together
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
    assert abs(done.outcome.first["kl"] or 0) < 1e-5
    assert abs(done.outcome.last["kl"] or 0) < 1e-5
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
    assert worker("whole", steps=3) == [0]
    assert worker("cut", "text 3", steps=3) == [-9]
    for moment in ("score 2", "line 1", "lined 1", "gradient 2", "step 3"):
        assert worker("cut", moment, resume=True, steps=3) == [-9], moment
    whole, cut, again = (tmp_path / name for name in ("whole", "cut", "again"))
    shutil.copytree(cut, again)
    for each in again.glob("checkpoint-*"):
        shutil.rmtree(each)
    assert worker("cut", resume=True, steps=3) == [0]
    assert worker("again", resume=True, steps=3) == [0]

    for out in (whole, cut, again):
        told = json.loads((out / "training.json").read_text())["figures"]
        assert told["probed"]["difference"] < 1e-5

    assert members(cut) == members(whole)
    assert texts(cut) == texts(whole)
    assert [(each.used, each.rows) for each in story(cut)] == [(6, 6)] * 3
    taken = [each for closed in story(cut) for share in closed.shares for each in share.episodes]
    assert len(set(taken)) == 18
    assert len(on_record()) == 36, "no episode was begun anew"
    one, other, third = weights(whole), weights(cut), weights(again)
    assert all(torch.equal(other[name], third[name]) for name in one)
    base = weights(tmp_path / "base")
    for name in one:  # a batch of other rows rounds otherwise, and Adam makes much of little
        assert (one[name] - other[name]).norm() <= 1e-3 * (one[name] - base[name]).norm(), name
    assert (one["model.norm.weight"] - base["model.norm.weight"]).abs().max() > 1e-2


def test_traces_that_were_changed_since_are_not_trained_on_again(
    tmp_path: Path, worker: Worker
) -> None:
    assert worker("out", "gradient 1") == [-9]
    (share,) = story(tmp_path / "out")[0].shares
    give(tmp_path / "home", share.episodes[0], Rewarded(value=0.5, profile="high@1"))
    assert worker("out", resume=True) == [2]
    assert "the traces of step 1 are not what they were" in worker.said


def test_a_step_is_that_of_offline_training_on_its_traces(tmp_path: Path) -> None:
    online = trained(tmp_path, loss="gspo", steps=1)
    gathered = rows_of(tmp_path / "home", profile="high")
    own = {name: value for name, value in SETTINGS.items() if name in vars(Offline())}
    offline = train(
        gathered, str(tmp_path / "base"), tmp_path / "offline", Offline(**own, loss="gspo")
    )
    for name in ("loss", "grad_norm", "kl", "reward", "tokens", "rows", "length_mean"):
        assert online.outcome.last[name] == pytest.approx(offline.last[name], rel=1e-5, abs=1e-7), (
            name
        )
    one, other = weights(tmp_path / "out"), weights(tmp_path / "offline")
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=1e-4, atol=1e-5)


class Gone(High):
    """Gives no reward from some episode on: its judge is gone."""

    def __init__(self, after: int, until: int = 10**9) -> None:
        self._after, self._until, self._asked = after, until, 0

    def worth(self, trace: Trace) -> float | None:
        self._asked += 1
        return None if self._after < self._asked <= self._until else super().worth(trace)


class Same(High):
    """All that is written is worth the same."""

    def worth(self, trace: Trace) -> float | None:
        return 0.5


class Weights(TrainerCallback):  # type: ignore[misc]
    """As they are after each step, with the optimizer's memory of gradients."""

    def __init__(self) -> None:
        self.after: list[tuple[torch.Tensor, torch.Tensor]] = []

    def on_step_end(
        self,
        args: Any,
        state: Any,
        control: Any,
        model: Any = None,
        optimizer: Any = None,
        **_: Any,
    ) -> None:
        weight = model.model.norm.weight
        memory = optimizer.state[weight].get("exp_avg", torch.zeros(1))
        self.after.append((weight.detach().clone(), memory.clone()))


def test_a_step_without_rewards_changes_nothing_and_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    seen = Weights()
    done = trained(
        tmp_path, scorer=Gone(6, 12), tell=said.append, callbacks=[seen], weight_decay=0.5
    )
    assert done.outcome.steps == 4
    assert [each.rows for each in done.rollouts] == [6, 0, 6, 6]
    first, second, third, _ = seen.after
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    assert not torch.equal(second[0], third[0])
    assert said == [
        "tools: search=llmi_gallery; the policy goes by online/out",
        "step 2: 6 of 6 episodes without a reward: the judge is gone (6)",
        "step 2 is skipped: nothing can be learnt from it",
    ]
    told = json.loads((tmp_path / "out" / "training.json").read_text(), parse_constant=pytest.fail)
    assert told["figures"]["rollouts"]["missing"] == {"the judge is gone": 6}
    assert told["figures"]["rollouts"]["steps_without_rows"] == 1
    (skipped,) = (each for each in told["figures"]["history"] if each["step"] == 2)
    assert skipped.pop("step_time") > 0
    assert skipped.pop("epoch") == 0.5
    assert skipped == {
        "step": 2,
        "rows": 0,
        "tokens": 0,
        "missing": 1,
        "tokens_per_second": ANY,
        "episodes_per_second": ANY,
    }
    assert "train_loss" not in told["figures"]["history"][-1]
    card = (tmp_path / "out" / "README.md").read_text()
    assert "| missing, the judge is gone | 6 |" in card
    assert f"| digest of the prompts | {told['data']['hash']} |\n| temperature | 1 |" in card


def test_where_rewards_stay_away_it_ends_and_can_be_gone_on_with(tmp_path: Path) -> None:
    with pytest.raises(
        LlmiError, match=r"in 2 steps in a row .* most often because: the judge is gone"
    ):
        trained(tmp_path, scorer=Gone(6), patience=2)
    out = tmp_path / "out"
    assert (out / "checkpoint-3" / "WHOLE").exists()
    done = trained(tmp_path, scorer=High(), patience=2, resume=True)
    assert done.outcome.steps == 4
    assert [each.rows for each in done.rollouts] == [6, 0, 0, 6]


def test_where_no_step_has_a_reward_it_fails_and_goes_on_with_the_same_episodes(
    tmp_path: Path,
) -> None:
    with pytest.raises(LlmiError, match=r"in 2 steps .* most often because: the judge is gone"):
        trained(tmp_path, scorer=Gone(0), steps=2, save_every=1)
    out = tmp_path / "out"
    assert not (out / "README.md").exists()
    assert json.loads((out / "training.json").read_text())["state"] == "begun"
    done = trained(tmp_path, steps=2, save_every=1, resume=True)
    assert [each.rows for each in done.rollouts] == [6, 6]
    assert len(on_record()) == 18, "only the first step's are by the weights that write it now"
    assert abs(done.outcome.last["kl"] or 0) < 1e-5


def test_a_first_step_without_rows_leaves_the_probe_to_the_next_one(tmp_path: Path) -> None:
    done = trained(tmp_path, scorer=Gone(0, 6), steps=2)
    assert done.outcome.first == {"reward": None, "valid": None, "missing": 1.0, "rows": 0.0}
    assert done.outcome.last["reward"] == done.rollouts[1].reward
    assert [each.rows for each in done.rollouts] == [0, 6]
    assert done.outcome.probed
    assert done.outcome.notes == ()


def test_where_all_rewards_are_the_same_it_ends_with_the_weights_that_there_are(
    tmp_path: Path,
) -> None:
    done = trained(tmp_path, scorer=Same(), patience=2)
    assert done.outcome.steps == 2
    assert "all rewards were the same" in done.outcome.stopped
    assert done.summary()["left_out"] == {"a group with rewards that are all the same": 12}
    assert done.outcome.notes == (UNCHANGED,)
    card = (tmp_path / "out" / "README.md").read_text()
    assert f"- {UNCHANGED}\n" in card
    assert "was trained on" not in card.partition("## ")[0]
    assert torch.equal(
        weights(tmp_path / "out")["model.norm.weight"],
        weights(tmp_path / "base")["model.norm.weight"],
    )


@pytest.mark.parametrize(
    "given", [{"lora": 4}, {"dtype": "bfloat16"}, {"recompute": True}, {"loss": "dr_grpo"}], ids=str
)
def test_what_is_sampled_has_the_logprobs_of_the_weights_that_are_trained(
    given: dict[str, Any], tmp_path: Path
) -> None:
    done = trained(tmp_path, steps=2, **given)
    assert done.outcome.probed
    exact = "dtype" not in given
    assert done.outcome.probed.difference < (1e-5 if exact else 0.02)
    assert abs((done.outcome.last["ratio_mean"] or 0) - 1) < (1e-4 if exact else 0.02)
    assert (done.outcome.last["grad_norm"] or 0) > 0


def test_several_updates_move_away_from_what_was_sampled_and_go_on_in_their_midst(
    tmp_path: Path, worker: Worker
) -> None:
    given: dict[str, Any] = {"updates": 3, "steps": 2, "save_every": 2, "lr": 1e-3}
    assert worker("whole", **given) == [0]
    assert worker("cut", "step 5", **given) == [-9]
    assert worker("cut", resume=True, **given) == [0]
    whole, cut = history(tmp_path / "whole"), history(tmp_path / "cut")
    assert len(whole) == 6
    assert [abs(each["ratio_max"] - 1) < 1e-3 for each in whole] == [True, False, False] * 2
    assert [each.step for each in story(tmp_path / "cut")] == [1, 2]
    told = json.loads((tmp_path / "cut" / "training.json").read_text())["figures"]
    assert (told["steps"], told["of"], told["unit"]) == (2, 2, "update")
    assert (told["updates"], told["updates_of"]) == (6, 6)
    card = (tmp_path / "cut" / "README.md").read_text()
    assert (
        "| steps | 2 of 2 |\n| updates of the weights | 6 of 6 |\n| warm-up, in updates | 0 |"
        in card
    )
    for name in ("kl", "clip_share", "grad_norm"):
        assert [each[name] for each in cut] == pytest.approx(
            [each[name] for each in whole], rel=1e-3, abs=1e-4
        )


def test_two_processes_roll_out_their_shares_and_train_as_one_does(
    tmp_path: Path, worker: Worker
) -> None:
    assert worker("two", processes=2, steps=3) == [0, 0]
    closed = story(tmp_path / "two")
    assert [[len(share.episodes) for share in each.shares] for each in closed] == [[3, 3]] * 3
    assert len({name for step in members(tmp_path / "two") for name in step}) >= 12
    assert [each["rows"] for each in history(tmp_path / "two")] == [6.0] * 3

    # The same rollouts, as one process would have had them.
    joined = [each.model_copy(update={"shares": (alone_of(each),)}) for each in closed]
    one = tmp_path / "one"
    one.mkdir()
    assert worker("one", "line 1", steps=3) == [-9]
    text = "".join(each.model_dump_json() + "\n" for each in joined)
    (one / "rollouts.jsonl").write_text(text)
    assert worker("one", resume=True, steps=3) == [0]
    for alone, shared in zip(history(one), history(tmp_path / "two"), strict=True):
        for name in (
            "loss",
            "grad_norm",
            "kl",
            "reward",
            "rows",
            "tokens",
            "ess",
            "ratio_max",
            "end_weight",
        ):
            assert shared[name] == pytest.approx(alone[name], rel=1e-4, abs=1e-6), name

    assert worker("three", processes=2, prompts_per_step=3) == [2, 2]
    assert "3 prompts to a step cannot be divided among 2 processes equally" in worker.said


def alone_of(closed: Closed) -> Share:
    """What one process would have of a step that several have rolled out."""
    of = {each.episode: each for each in on_record()}
    episodes = [each for share in closed.shares for each in share.episodes]
    gathered = rows_of(Some([of[each] for each in episodes]), profile="high@1")
    return Share(episodes=tuple(episodes), rows=len(gathered.rows), data=gathered.report.data_hash)


@dataclass
class Some:
    """These traces, as a place."""

    taken: list[Trace]
    name: str = "some"

    def traces(self) -> Iterator[Trace]:
        return iter(self.taken)
