"""A folder to work in, and a checkpoint as far as its files are looked at."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

Write = Callable[..., str]
CONFIG: Mapping[str, Any] = {
    "model_type": "llama", "hidden_size": 8, "num_hidden_layers": 2, "intermediate_size": 16, "num_attention_heads": 2,
    "num_key_value_heads": 1, "vocab_size": 100,
}  # fmt: skip
SFT = """
about = "A warm-up."
command = "sft"
[options]
model = "base"
out = "warm"
examples = "drafts.jsonl"
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write(work: Path) -> Write:
    """Writes a recipe: that of a warm-up, with some of its text replaced, and more at its end."""

    def written(more: str = "", *replaced: tuple[str, str]) -> str:
        text = SFT
        for old, new in replaced:
            assert old in text
            text = text.replace(old, new)
        (work / "mine.toml").write_text(text + more)
        return "mine.toml"

    return written


def tensors(path: Path, shapes: Mapping[str, Sequence[int]]) -> None:
    """A file of weights, all of them 0."""
    head: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, shape in shapes.items():
        size = 4
        for each in shape:
            size *= each
        head[name] = {"dtype": "F32", "shape": [*shape], "data_offsets": [at, at + size]}
        at += size
    told = json.dumps(head).encode()
    path.write_bytes(struct.pack("<Q", len(told)) + told + bytes(at))


@pytest.fixture
def base(work: Path) -> Path:
    """What `save_pretrained` writes, without a tokenizer that reads."""
    folder = work / "base"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "tokenizer_config.json").write_text('{"chat_template": "{{ messages }}"}')
    tensors(folder / "model.safetensors", {"embed": (100, 8), "norm": (8,)})
    return folder


@pytest.fixture
def drafts(work: Path) -> Path:
    path = work / "drafts.jsonl"
    path.write_text('{"prompt": "Foxes", "completion": "# Foxes"}\n' * 3)
    return path
