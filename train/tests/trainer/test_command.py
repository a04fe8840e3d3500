"""`llmi-train offline` on runs that `llmi-train collect` has recorded of a checkpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest
import torch
from safetensors.torch import load_file

from llmi_agent.cli import main as llmi
from llmi_agent.config.load import load_config
from llmi_agent.traces import Rewarded, give, traces
from llmi_train.cli import main
from llmi_train.cli.grpo_options import LOSSES
from llmi_train.trainer.losses import LossName
from llmi_transformers.folder import folder_of

from .tiny import checkpoint

OPTIONS = ("--step-rows", "4", "--rows-at-once", "4", "--lr", "1e-3", "--warmup", "0", "--json")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a checkpoint, and a home with two groups of four runs of it, which are worth what a program says."""
    folder = tmp_path_factory.mktemp("place")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLMI_HOME", str(folder / "home"))
        patch.chdir(folder)
        checkpoint(folder / "base")
        lines = [json.dumps({"id": name, "prompt": name}) for name in ("w1 w2 w3", "w9 w8")]
        (folder / "prompts.jsonl").write_text("\n".join(lines))
        asked = ["--prompts", "prompts.jsonl", "--model", "transformers/base", "--group", "4"]
        assert main(["collect", *asked, "--max-tokens", "12"]) == 0
        for trace in [*traces(folder / "home")]:
            (call,) = (each for each in trace.calls if each.tokens)
            assert call.tokens
            even = sum(token % 2 == 0 for token in call.tokens.completion)
            give(folder / "home", trace.episode, Rewarded(value=even / 12, profile="even@1"))
        yield folder


def offline(capsys: pytest.CaptureFixture[str], *given: str | Path) -> tuple[int, dict[str, Any]]:
    """The exit code, and what is printed."""
    code = main(["offline", *map(str, given), *OPTIONS])
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, told


def test_runs_on_record_train_a_checkpoint_and_so_do_they_from_a_file(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = offline(capsys, "--model", "transformers/base", "--out", tmp_path / "out")
    assert code == 0
    assert told["steps"] == told["of"] == 2
    assert told["probed"]["difference"] < 1e-5
    assert told["report"]["used"] == 8
    assert abs(told["first"]["kl"]) < 1e-5
    assert told["last"]["ratio_max"] > 1.01

    assert llmi(["traces", "export", "--out", str(tmp_path / "runs.jsonl"), "--from", "home"]) == 0
    capsys.readouterr()
    code, again = offline(
        capsys, "--traces", tmp_path / "runs.jsonl", "--model", "base", "--out", tmp_path / "again"
    )
    assert code == 0
    assert again["report"]["data_hash"] == told["report"]["data_hash"]
    one, other = (load_file(tmp_path / name / "model.safetensors") for name in ("out", "again"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_runs_of_another_checkpoint_are_refused(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint(tmp_path / "other", seed=3)
    code, told = offline(capsys, "--model", tmp_path / "other", "--out", tmp_path / "out")
    assert code == 2
    assert "did not sample these runs" in told["error"]["message"]
    assert not (tmp_path / "out").exists()


def test_it_evaluates_in_between_as_the_runs_were_sampled(
    place: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    async def evaluate(prompts: Any, model: str, scorer: Any, **given: Any) -> Any:
        config = load_config({**given["flags"], "model": model})
        assert folder_of(model.removeprefix("transformers/")).version()
        asked.append(
            (prompts[0].text, scorer.version.partition("@")[0], given["samples"], config.options)
        )
        reward = SimpleNamespace(value=0.5, low=0.4, high=0.6)
        same = SimpleNamespace(reward=SimpleNamespace(value=0.0, low=0.0, high=0.0))
        return SimpleNamespace(
            model=SimpleNamespace(reward=reward), difference=given["baseline"] and same
        )

    monkeypatch.setattr("llmi_train.rollout.evaluate.evaluate", evaluate)
    (tmp_path / "held.jsonl").write_text(json.dumps({"id": "h", "prompt": "w20 w21"}))
    fresh = ("--eval-prompts", tmp_path / "held.jsonl", "--eval-every", "1", "--eval-samples", "2")
    out = ("--model", "base", "--out", tmp_path / "out", *fresh, "--eval-profile", "rules")
    code, told = offline(capsys, *out)
    assert code == 0
    assert [each["step"] for each in told["evaluations"]] == [0, 1, 2]
    assert told["best"] == 0
    assert [each[:3] for each in asked] == 3 * [("w20 w21", "rules", 2)]
    assert {(each[3].temperature, each[3].max_tokens) for each in asked} == {(1.0, 12)}


def test_the_losses_that_can_be_named_are_those_there_are() -> None:
    assert get_args(LossName) == LOSSES
