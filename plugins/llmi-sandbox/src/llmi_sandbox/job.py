"""What the processes of the sandbox tell each other.

job.json         LLMI -> keeper and worker   what to run, and within which limits
Standing         worker -> keeper            the layers, by a pipe that is closed before the policy's code starts
out/report.json  worker -> LLMI              how the code ended; the code itself can forge it
Ended            keeper -> LLMI              by the call's socket, out of the code's reach
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

Stopped = Literal["", "time", "memory", "files", "threads", "cut"]


@dataclass(frozen=True)
class Job:
    """One run of code."""

    code: str | None
    """None only asks which layers can be put on."""
    seed: int = 0
    memory: int = 2048 * 1024 * 1024
    """Bytes that the code may take beyond what the libraries take."""
    seconds: float = 60.0
    """Of the clock on the wall, and of the processor."""
    given: int = 0
    """Bytes of attachments in the working folder."""
    unconfined: bool = False
    """Run the code even if a needed layer is missing."""


@dataclass(frozen=True)
class Standing:
    """How far the worker came before the code."""

    layers: list[dict[str, Any]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """Why the code was not started; empty if it was."""


@dataclass(frozen=True)
class Report:
    """How the code ended."""

    error: str = ""
    figures: list[str] = field(default_factory=list)
    """Names of files in the `out` folder."""
    empty: int = 0
    """Open figures that were left out because nothing is drawn in them."""
    unshown: str = ""
    """Characters that no installed font has."""


@dataclass(frozen=True)
class Ended:
    """How a run ended, told by the keeper."""

    stopped: Stopped
    """Why it was killed; empty if it ended by itself."""
    status: int
    """The worker's exit status; negative: the signal that killed it."""
    output: str
    """The last of what it printed."""
    standing: Standing | None
    """None if the worker ended before it had shut itself in."""


@dataclass(frozen=True)
class Places:
    """The layout of a run's folder."""

    root: Path
    lock: int | None = None
    """LLMI's handle of the folder; while it is open, no other process clears the folder away."""

    @property
    def work(self) -> Path:
        """The code's working folder."""
        return self.root / "work"

    @property
    def out(self) -> Path:
        """Where the figures and the report go."""
        return self.root / "out"

    @property
    def top(self) -> Path:
        """Empty; the worker's root directory is put together over it."""
        return self.root / "top"

    @property
    def job(self) -> Path:
        return self.root / "job.json"

    @property
    def report(self) -> Path:
        return self.out / "report.json"


def dump(value: Job | Standing | Report | Ended) -> str:
    """As JSON text."""
    return json.dumps(asdict(value))


def load_job(text: str) -> Job:
    """The job that LLMI wrote."""
    return Job(**json.loads(text))


def load_standing(text: str) -> Standing | None:
    """What the worker said about its layers; None if it said nothing."""
    return Standing(**json.loads(text)) if text else None


def load_ended(text: str) -> Ended:
    """What the keeper said in the end."""
    fields = json.loads(text)
    standing = fields.pop("standing")
    return Ended(**fields, standing=Standing(**standing) if standing else None)
