"""GPUs, as the driver's program says them: here a script in its place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llmi_train.recipes import machine

TWO = "0, GPU-aa, NVIDIA A, 24576\\n1, GPU-bb, NVIDIA B, 81559\\n"


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "nvidia-smi"
    path.write_text(f"#!/bin/sh\nprintf '{TWO}'\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return path


@pytest.mark.parametrize(
    ("visible", "names"),
    [(None, "AB"), ("1", "B"), ("1,0", "BA"), ("GPU-bb", "B"), ("", ""), ("-1", ""), ("7", "")],
)
def test_those_that_may_be_used(
    driver: Path, monkeypatch: pytest.MonkeyPatch, visible: str | None, names: str
) -> None:
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert "".join(each.name[-1] for each in machine.gpus()) == names
    if names == "AB":
        assert machine.gpus()[0].memory == 24 * 1024**3


@pytest.mark.parametrize(
    "says", ["exit 9", "printf 'No devices were found'", "printf '\\377,,,\\n'"]
)
def test_a_driver_that_says_nothing_is_none(driver: Path, says: str) -> None:
    driver.write_text(f"#!/bin/sh\n{says}\n")
    assert machine.gpus() == []


def test_there_may_be_no_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.gpus() == []
