"""The command line as a function, with a home of its own and the tiny packages of this folder installed."""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PACKAGES = Path(__file__).parent / "packages"


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Ended]


@pytest.fixture(autouse=True)
def home(own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, beside what `own_home` sees to."""
    monkeypatch.delenv("FAKE_KEY", raising=False)
    monkeypatch.setenv("LLMI_PLUGINS", "fake-pictures")
    monkeypatch.syspath_prepend(str(PACKAGES))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.fixture(autouse=True)
def quiet_again() -> Iterator[None]:
    """Undo what the command does to the process's logging and warnings."""
    loggers = [logging.getLogger(), logging.getLogger("llmi_agent")]
    before = [(each.handlers[:], each.level, each.propagate) for each in loggers]
    with warnings.catch_warnings():
        yield
    for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
        logger.handlers[:] = handlers
        logger.setLevel(level)
        logger.propagate = propagate


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    """Run `llmi` with these arguments in this process."""
    from llmi_agent.cli import main

    def run(*arguments: str) -> Ended:
        code = main(arguments)
        captured = capfd.readouterr()
        return Ended(code, captured.out, captured.err)

    return run


@pytest.fixture
def environment() -> dict[str, str]:
    """For commands in a process of their own."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(PACKAGES), *sys.path])}
