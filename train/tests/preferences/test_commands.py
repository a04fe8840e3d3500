"""The commands from end to end: from examples to a checkpoint that loads, with figures where they were asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from llmi_train.cli import main

from .small import asked, checkpoint, lines, said

pytestmark = pytest.mark.filterwarnings(
    "ignore:`(is_)?gradient_checkpointing` is deprecated:FutureWarning"
)


@pytest.mark.parametrize("method", ["sft", "dpo", "kto"])
def test_from_a_file_to_a_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], method: str
) -> None:
    rows: dict[str, list[Any]] = {
        "sft": [{"prompt": asked(f"{n}?"), "completion": said(f"{n}!")} for n in range(8)],
        "dpo": [
            {"prompt": asked(f"{n}?"), "chosen": said(f"{n}!"), "rejected": said("no")}
            for n in range(8)
        ],
        "kto": [
            {"prompt": asked(f"{n}?"), "completion": said(f"{n}!"), "label": n % 2 == 0}
            for n in range(8)
        ],
    }
    out = tmp_path / "out"
    given = [
        method, "--examples", str(lines(tmp_path / "x.jsonl", rows[method])),
        "--model", f"transformers/{checkpoint(tmp_path / 'model')}", "--out", str(out),
        "--step-rows", "4", "--lr", "1e-3", "--report-to", "tensorboard",
    ]  # fmt: skip
    assert main(given) == 0
    told = capsys.readouterr()
    assert told.out == f"{out}\n"
    assert "8 examples, " in told.err
    assert "2 steps, loss " in told.err
    AutoModelForCausalLM.from_pretrained(out)
    assert AutoTokenizer.from_pretrained(out).chat_template
    story = json.loads((out / "training.json").read_text())
    assert story["state"] == "done"
    assert story["method"] == method
    assert f"tags: [llmi, {method}]" in (out / "README.md").read_text()
    assert [*out.rglob("events.out.tfevents.*")]
    assert main(given) == 2
    assert "is done; name another folder with --out" in capsys.readouterr().err


def test_what_is_wrong_with_a_model_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(lines(tmp_path / "x.jsonl", [{"prompt": asked("?"), "completion": said("!")}]))
    given = ["sft", "--examples", file, "--out", str(tmp_path / "out"), "--model"]
    (tmp_path / "bare").mkdir()
    for model, why in (("nobody/nothing", "there is no folder"), (str(tmp_path / "bare"), "no c")):
        assert main([*given, model]) == 2
        told = capsys.readouterr().err
        assert why in told
        assert told.count("\n") == 1
    assert not (tmp_path / "out").exists()
