"""`llmi-train online` as it is typed: what it says of wrong uses, and a training through it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from llmi_agent.config.load import load_config
from llmi_train.cli import main

from .tiny import checkpoint

BASIC = ("--prompts", "p.jsonl", "--model", "base", "--out", "out")
SMALL = (
    "--prompts-per-step",
    "2",
    "--group",
    "2",
    "--max-tokens",
    "8",
    "--rows-at-once",
    "2",
    "--json",
)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LLMI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LLMI_PLUGINS", "llmi-transformers,llmi-gallery")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    checkpoint(tmp_path / "base")
    lines = [json.dumps({"id": f"p{n}", "prompt": f"w{n} w7", "pictures": 1}) for n in range(3)]
    Path("p.jsonl").write_text("\n".join(lines))
    return tmp_path


def online(capsys: pytest.CaptureFixture[str], *given: str) -> tuple[int, dict[str, Any]]:
    code = main(["online", *BASIC, *given])
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, told


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "nothing says what an episode is worth: name the reward with --profile"),
        (("--profile", "rules", "--steps", "2", "--epochs", "1"), "--steps and --epochs both say how long"),
        (("--profile", "rules", "--prompts-per-step", "4"), "a step takes 4 prompts, and there are 3"),
        (("--profile", "rules", "--split", "test"), "3 prompts of p.jsonl are held out, such as p0 (split test)"),
        (("--profile", "rules", "--temperature", "0"), "at the temperature 0 all episodes of a group are the same"),
        (("--profile", "rules", "--split", "test", "--limit", "1"), "1 prompt of p.jsonl is held out, such as p0 (split test)"),
        (("--profile", "rules", "--loss", "cispo", "--updates", "2"), "cispo keeps pushing"),
        (("--profile", "rules", "--loss", "cispo", "--clip-low", "0.2"), "leave --clip-low out"),
        (("--profile", "rules", "--loss", "cispo", "--clip-high", "0.28"), "--clip-high is the largest ratio itself"),
        (("--profile", "rules", "--model", "gone"), "there is no folder gone"),
        (("--profile", "nothing"), "nothing"),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_is_said_before_anything_is_sampled(
    given: tuple[str, ...], said: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = [*SMALL]
    if "--prompts-per-step" in given:
        small = small[2:]
    code, told = online(capsys, *small, *given)
    assert code == 2
    assert said in told["error"]["message"]
    assert not (place / "out").exists()
    assert not (place / "home" / "artifacts" / "journal.db").exists()


def test_options_that_would_spoil_every_trace_are_refused(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "llmi.toml").write_text("[options]\ntop_p = 0.9\n")
    code, told = online(capsys, *SMALL, "--profile", "rules")
    assert code == 2
    assert "nothing could be trained on: it was sampled with top_p=0.9" in told["error"]["message"]


def test_a_template_that_takes_no_messages_is_said_at_once(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "base" / "chat_template.jinja").write_text("{{ raise_exception('no') }}")
    code, told = online(capsys, *SMALL, "--profile", "rules")
    assert code == 2
    assert "the chat template of base does not take" in told["error"]["message"]
    (place / "base" / "chat_template.jinja").unlink()
    code, told = online(capsys, *SMALL, "--profile", "rules")
    assert "has no chat template" in told["error"]["message"]


def test_noise_earns_the_same_everywhere_and_training_ends_in_a_sentence(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--profile", "rules", "--epochs", "9", "--patience", "2", "--seed", "3")
    code, told = online(capsys, *SMALL, *given)
    assert code == 0, told
    assert told["steps"] == 2
    assert told["of"] == 14
    assert "all rewards were the same" in told["stopped"]
    assert told["rollouts"]["episodes"] == told["rollouts"]["with_a_reward"] == 8
    assert (place / "out" / "model.safetensors").exists()
    code, told = online(capsys, *SMALL, *given, "--resume")
    assert code == 2
    assert "is done" in told["error"]["message"]


def test_it_evaluates_on_held_out_prompts_in_between_as_it_rolls_out(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    async def evaluate(prompts: Any, model: str, scorer: Any, **given: Any) -> Any:
        options = load_config({**given["flags"], "model": model}).options
        asked.append(
            (
                prompts[0].text,
                scorer.version.partition("@")[0],
                options.max_tokens,
                options.temperature,
            )
        )
        same = SimpleNamespace(reward=SimpleNamespace(value=0.0, low=0.0, high=0.0))
        return SimpleNamespace(model=same, difference=given["baseline"] and same)

    monkeypatch.setattr("llmi_train.rollout.evaluate.evaluate", evaluate)
    (place / "held.jsonl").write_text(json.dumps({"id": "h", "prompt": "w1 w7", "pictures": 1}))
    fresh = ("--eval-prompts", "held.jsonl", "--eval-every", "1", "--temperature", "0.9")
    code = main(["online", *BASIC, *SMALL, "--profile", "rules", "--steps", "1", *fresh])
    out, err = capsys.readouterr()
    assert code == 0, err
    assert [each["step"] for each in json.loads(out)["evaluations"]] == [0, 1]
    assert asked == [("w1 w7", "rules", 8, 0.9)] * 2
    assert "1 of 1 prompt to evaluate on are among those that are trained on" in err
