"""Of a checkpoint, numbers are read and no program is run."""

from __future__ import annotations

import builtins
import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from llmi_agent.base.errors import InputError
from llmi_train.trainer.loading import read_model, read_tokenizer

from .tiny import checkpoint


def _with(path: Path, told: dict[str, Any]) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **told}))


def _evil(folder: Path, ran: Path) -> None:
    lines = (
        "from pathlib import Path",
        f"Path({str(ran)!r}).touch()",
        "from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM",
        "class C(Qwen3Config):\n    model_type = 'evil'",
        "class M(Qwen3ForCausalLM):\n    config_class = C",
        "class T(PreTrainedTokenizerFast):\n    pass",
    )
    (folder / "evil.py").write_text("\n".join(lines) + "\n")
    of_model = {"AutoConfig": "evil.C", "AutoModelForCausalLM": "evil.M"}
    _with(folder / "config.json", {"model_type": "evil", "auto_map": of_model})
    of_tokenizer = {"AutoTokenizer": ["evil.T", "evil.T"]}
    named = {"tokenizer_class": "T", "auto_map": of_tokenizer}
    _with(folder / "tokenizer_config.json", named)


@pytest.mark.parametrize("read", [read_model, read_tokenizer])
def test_code_of_a_checkpoint_is_not_run_and_nobody_is_asked(
    read: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answer(text: str = "") -> str:
        asked.append(text)
        return "y"

    monkeypatch.setattr(builtins, "input", answer)
    folder, ran = checkpoint(tmp_path / "m"), tmp_path / "ran"
    _evil(folder, ran)
    with pytest.raises(InputError, match="code of its own"):
        read(folder)
    assert not asked
    assert not ran.exists()


def test_without_a_tokenizer_it_is_said_where_one_comes_from(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "m")
    for each in folder.glob("tokenizer*"):
        each.unlink()
    with pytest.raises(InputError, match=r"copy tokenizer\.json"):
        read_tokenizer(folder)


class _Runs:
    """What a pickle of somebody's may hold."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._place),)


def test_a_pickle_is_not_run_and_nobody_is_told_to(tmp_path: Path) -> None:
    folder, ran = checkpoint(tmp_path / "m"), tmp_path / "ran"
    (folder / "model.safetensors").unlink()
    torch.save({"x": _Runs(ran)}, folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="could run code and is not loaded") as told:
        read_model(folder)
    assert "Re-running" not in str(told.value)
    assert not ran.exists()
