"""Whole trainings: killed and gone on with, by several processes, refused, stopped."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from llmi_train.rows.row import Row

from .tiny import checkpoint, read, rows

SETTINGS: dict[str, Any] = {
    "step_rows": 8, "rows_at_once": 2, "lr": 1e-3, "warmup": 1, "epochs": 2, "save_every": 1, "probe_rows": 0, "max_kl": None,
}  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def made(base: Path) -> list[Row]:
    """19 rows that this very checkpoint sampled."""
    return rows(read(base))


Ask = Callable[..., list[int]]


@pytest.fixture(scope="module")
def worker() -> Iterator[Ask]:
    """Does trainings in processes of their own; gives their exit codes."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("worker.py"))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        wanted, told = process.stdin, process.stdout
        assert wanted
        assert told

        def ask(base: Path, out: Path, processes: int = 1, **given: Any) -> list[int]:
            asked = {
                "base": str(base),
                "out": str(out),
                "kill": 0,
                "resume": False,
                "settings": SETTINGS,
            }
            environments = [{}] if processes == 1 else list(together(processes))
            line = json.dumps({"asked": {**asked, **given}, "environments": environments})
            print(line, file=wanted, flush=True)
            codes: list[int] = json.loads(told.readline())
            return codes

        yield ask
        wanted.close()


def together(processes: int) -> Iterator[dict[str, str]]:
    """What torchrun tells each of several processes."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = str(listening.getsockname()[1])
    for rank in range(processes):
        ranks = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes)}
        yield {**ranks, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}


def weights(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / "model.safetensors")


def assert_same(one: Path, other: Path) -> None:
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_training_that_is_killed_and_gone_on_with_ends_with_the_same_weights(
    base: Path, tmp_path: Path, worker: Ask
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert worker(base, whole) == [0]
    assert worker(base, cut, kill=3) == [-9]
    assert json.loads((cut / "training.json").read_text())["state"] == "begun"
    torn = cut / "checkpoint-2"
    (torn / "WHOLE").unlink()  # as if it had been killed while this was written
    assert worker(base, cut, kill=4, resume=True) == [-9]
    assert worker(base, cut, resume=True) == [0]
    assert_same(whole, cut)
    assert not torch.equal(weights(whole)["model.norm.weight"], weights(base)["model.norm.weight"])
    assert json.loads((cut / "training.json").read_text())["state"] == "done"
    assert not list(cut.glob("checkpoint-*"))


@pytest.mark.parametrize("loss", ["dapo", "dr_grpo", "gspo", "cispo"])
def test_two_processes_train_as_one_does(
    loss: str, base: Path, tmp_path: Path, worker: Ask
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    settings = {**SETTINGS, "loss": loss, "epochs": 1, "clip": 0}
    assert worker(base, one, settings=settings) == [0]
    assert worker(base, two, processes=2, settings=settings) == [0, 0]
    first, second = history(one), history(two)
    assert len(first) == 3
    for alone, shared in zip(first, second, strict=True):
        for name in sorted(alone.keys() - {"step_time", "entropy"}):
            assert shared[name] == pytest.approx(alone[name], rel=1e-4, abs=1e-6), name


def history(out: Path) -> list[dict[str, float]]:
    """The figures of each step."""
    told = json.loads((out / "training.json").read_text())["figures"]["history"]
    return [each for each in told if "kl" in each]
