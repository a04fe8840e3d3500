"""Rollouts against a loopback server that gives tokens, with a real tool."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.testing import random_png, slot


@pytest.fixture(autouse=True)
def work(own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in; the home's settings are those of the environment."""
    monkeypatch.setenv("LLMI_PLUGINS", "llmi-vllm,llmi-gallery,llmi-offline")
    monkeypatch.setenv("LLMI_RETRY_WAIT", "0.01")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "red-fox.png").write_bytes(random_png())
    (tmp_path / "llmi.toml").write_text('[options]\nfolders = ["pictures"]\n')
    return tmp_path


@pytest.fixture
def prompts(work: Path) -> str:
    """Two prompts of one picture each, and one of none."""
    lines = [
        {"id": f"p{n}", "prompt": f"The fox, {n}.", "pictures": 1, "kinds": ["search"]}
        for n in range(2)
    ]
    lines.append({"id": "bare", "prompt": "Only words.", "pictures": -1, "split": "dev"})
    Path("p.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    return "p.jsonl"


def draft(messages: list[dict[str, Any]]) -> str:
    """A document with a picture, whatever is asked."""
    asked = messages[-1]["content"]
    return (
        f"# {asked}\n\nIt runs.\n\n"
        + slot("search", "A fox runs", query="red fox")
        + "\n\nThe end.\n"
    )
