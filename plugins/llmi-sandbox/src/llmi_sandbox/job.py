"""What the parent and the child tell each other: three small JSON files in the run's folder.

job.json        parent -> child   what to run, and within which limits
state.json      child -> parent   written before the policy's code starts, out of its reach
out/report.json child -> parent   how the code ended; the code itself can forge it
ended.json      the process that waits for the code -> parent   its exit code, out of reach too
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Job:
    """One run of code."""

    code: str | None
    """None only asks which layers can be put on."""
    seed: int = 0
    memory: int = 4096 * 1024 * 1024
    """Bytes of address space."""
    cpu: int = 120
    """Seconds of processor time."""
    unconfined: bool = False
    """Run the code even if a needed layer is missing."""


@dataclass(frozen=True)
class State:
    """How far the child came before the code."""

    layers: list[dict[str, Any]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """Why the code was not started; empty if it was."""


@dataclass(frozen=True)
class Report:
    """How the code ended."""

    error: str = ""
    figures: list[str] = field(default_factory=list)
    """Names of files in the `out` folder."""


@dataclass(frozen=True)
class Places:
    """The layout of a run's folder."""

    root: Path
    lock: int | None = None
    """The parent's handle of the folder; while it is open, no other process clears the folder away."""

    @property
    def work(self) -> Path:
        """The code's working folder."""
        return self.root / "work"

    @property
    def out(self) -> Path:
        """Where the figures and the report go."""
        return self.root / "out"

    @property
    def job(self) -> Path:
        return self.root / "job.json"

    @property
    def state(self) -> Path:
        return self.root / "state.json"

    @property
    def ended(self) -> Path:
        return self.root / "ended.json"

    @property
    def report(self) -> Path:
        return self.out / "report.json"


def dump(value: Job | State | Report) -> str:
    """As JSON text."""
    return json.dumps(asdict(value))


def load_job(text: str) -> Job:
    """The job that the parent wrote."""
    return Job(**json.loads(text))
