"""A round with a real checkpoint: its episodes are collected, and it is evaluated beside another one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from llmi_agent.records.journal import journal_beside
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.traces.choosing import traces
from llmi_train.cli import main
from llmi_transformers.folder import folder_of
from llmi_transformers.loading import load
from llmi_transformers.settings import Settings
from llmi_transformers.testing import tiny_checkpoint, tiny_tokenizer

TEMPLATE = "{% for m in messages %}{% if m.role != 'system' %}{{ m.content }}{% endif %}{% endfor %}<|start|>"
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Command:
    monkeypatch.setenv("LLMI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LLMI_PLUGINS", "llmi-transformers,llmi-gallery")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    lines = [{"id": f"p{n}", "prompt": f"The fox {n}", "pictures": 1} for n in range(2)]
    Path("p.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    for name, seed in (("one", 0), ("two", 1)):
        tiny_checkpoint(tmp_path / name, tokenizer=tiny_tokenizer(template=TEMPLATE), seed=seed)

    def run(name: str, *arguments: str) -> tuple[int, str, str]:
        code = main(
            [name, "--prompts", "p.jsonl", "--max-tokens", "25", "--profile", "rules", *arguments]
        )
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return run


def test_what_is_collected_is_what_the_checkpoint_sampled(command: Command, tmp_path: Path) -> None:
    given = ("--model", "transformers/one", "--group", "3", "--temperature", "0.9")
    code, out, err = command("collect", *given)
    assert code == 0, err
    known = list(traces(journal_beside(ArtifactStore(Path(out.strip())))))
    assert len(known) == 6
    of = load(folder_of("one"), Settings())
    for each in known:
        (call,) = (call for call in each.calls if call.accepted)
        assert call.weights == of.version
        assert call.sampling["temperature"] == 0.9
        tokens = call.tokens
        assert tokens
        ids = torch.tensor([[*(tokens.prompt or ()), *tokens.completion]])
        with torch.inference_mode():
            logits = of.model(ids).logits[0, -len(tokens.completion) - 1 : -1] / 0.9
        found = logits.log_softmax(-1).gather(1, torch.tensor(tokens.completion)[:, None])[:, 0]
        assert tokens.logprobs == pytest.approx(found.tolist(), abs=1e-4)
    assert (
        len({call.tokens.completion for each in known for call in each.calls if call.tokens}) == 6
    )

    # The same folder with other weights is another policy, and the same one goes on.
    assert json.loads(command("collect", *given, "--json")[1])["skipped"] == 6
    tiny_checkpoint(tmp_path / "one", tokenizer=tiny_tokenizer(template=TEMPLATE), seed=2)
    assert json.loads(command("collect", *given, "--json")[1])["written"] == 6


def test_two_checkpoints_are_compared_in_one_run(command: Command) -> None:
    given = ("--model", "transformers/two", "--baseline", "transformers/one", "--samples", "2")
    code, out, err = command("eval", *given, "--json")
    assert code == 0, err
    told = json.loads(out)
    weights = [folder_of(name).version() for name in ("two", "one")]
    assert [told["model"]["weights"], told["baseline"]["weights"]] == weights
    assert told["difference"]["reward"]["prompts"] == 2
    own, below = (told[each]["reward"]["mean"] for each in ("model", "baseline"))
    assert told["difference"]["reward"]["mean"] == pytest.approx(own - below)
    assert told["splits"] == {"test": 2}
