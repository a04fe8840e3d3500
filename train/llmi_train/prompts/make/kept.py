"""The answers that were paid for: a file beside the prompts that only grows, by which the same command goes on.

Each line is an answer, or that there was none, by what was asked. It is handed to the system the moment it is there, so
that a killed process loses none, and it is on the disk before the next question depends on it.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from llmi_agent.base.alone import held_alone
from llmi_agent.base.errors import InputError, LlmiError

FORM = 1


class Heading(BaseModel):
    """The first line: all that decides what is asked. Another one is another set of prompts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    made_by: Literal["llmi-train prompts make"] = "llmi-train prompts make"
    form: int = FORM
    n: int
    model: str
    check_model: str
    seed: int
    split: str
    mix: str
    """A digest, as are the others below."""
    wording: str
    manner: str


class Spending(BaseModel):
    """US dollars."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    usd: float = 0.0
    """What is known and estimated."""
    estimated: float = 0.0
    """The part of it that is estimated."""
    unknown: int = 0
    """How many calls have an unknown cost."""

    def more(self, other: Spending) -> Spending:
        """Both together."""
        return self._sum(other, 1)

    def less(self, other: Spending) -> Spending:
        """Without the other, which is a part of it."""
        return self._sum(other, -1)

    def _sum(self, other: Spending, sign: int) -> Spending:
        return Spending(
            usd=round(self.usd + sign * other.usd, 12),
            estimated=round(self.estimated + sign * other.estimated, 12),
            unknown=self.unknown + sign * other.unknown,
        )


class Answer(BaseModel):
    """A line: what was answered to a question."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    """`questions.digest_of` it."""
    of: Literal["write", "check"]
    text: str = ""
    model: str = ""
    """Who answered, as its vendor names it."""
    cut: str = ""
    """Why it ends early."""
    error: str = ""
    """Why there is none."""
    spent: Spending = Spending()


class Loss(BaseModel):
    """A line: what was spent on answers that nobody waited for, since the command was stopped."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lost: Spending


class Round(BaseModel):
    """A line: with some prompts missing that no model would give, the command came to its end for the so-manieth time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    round: int


class Kept:
    """The open file. Nobody else has it open: see `opened`."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        self._file = file
        self._path = path
        self._places: dict[bytes, tuple[int, int]] = {}
        """Where each answer's line begins, and how long it is: the answers themselves stay in the file."""
        self._running: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None
        self.rounds = 0
        self.spent = Spending()
        """On all answers, in this life of the command and in those before."""

    def find(self, key: str) -> Answer | None:
        """What was answered before."""
        place = self._places.get(bytes.fromhex(key))
        if place is None:
            return None
        return Answer.model_validate_json(os.pread(self._file.fileno(), place[1], place[0]))

    async def add(self, answer: Answer) -> None:
        """Append it; it is on the disk then. Raises LlmiError if it cannot be written."""
        self._take(answer, *self._write(answer))
        if self._next is None:
            self._next = asyncio.create_task(self._sync_after(self._running))
        await asyncio.shield(self._next)

    async def _sync_after(self, running: asyncio.Task[None] | None) -> None:
        """Once for all that came meanwhile."""
        if running is not None:
            await asyncio.wait({running})
        self._running, self._next = self._next, None
        await asyncio.to_thread(self._sync)

    def add_loss(self, lost: Spending) -> None:
        """Append what was spent in vain."""
        self.spent = self.spent.more(lost)
        self._write(Loss(lost=lost))
        self._sync()

    def end_round(self) -> None:
        """Put on record that all was tried: the same command again tries for the missing ones anew."""
        self.rounds += 1
        self._write(Round(round=self.rounds))
        self._sync()

    def _take(self, answer: Answer, at: int, size: int) -> None:
        self._places[bytes.fromhex(answer.key)] = at, size
        self.spent = self.spent.more(answer.spent)

    def _write(self, line: BaseModel) -> tuple[int, int]:
        brief = isinstance(line, Answer)
        data = line.model_dump_json(exclude_defaults=brief).encode() + b"\n"
        try:
            at = self._file.seek(0, os.SEEK_END)
            self._append(at, data)
        except OSError as error:
            raise self._unwritten(error) from None
        return at, len(data)

    def _append(self, at: int, data: bytes) -> None:
        """All of it, or nothing: the next line must not stand behind a piece of this one. Raises OSError."""
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._file.fileno(), rest) :]
        except OSError:
            os.ftruncate(self._file.fileno(), at)
            raise

    def _sync(self) -> None:
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._unwritten(error) from None

    def _unwritten(self, error: OSError) -> LlmiError:
        return LlmiError(f"cannot write {self._path}: {error.strerror or error}")

    def read(self, heading: Heading) -> None:
        """Take in what is there, or begin with this heading. Raises InputError if it is something else."""
        end = 0
        for number, line in enumerate(self._file, 1):
            if not line.endswith(b"\n"):
                break  # torn as its process was killed
            if number == 1:
                _compare(line, heading, self._path)
            else:
                self._read_line(number, line, end)
            end += len(line)
        self._file.truncate(end)
        if not end:
            self._write(heading)
            self._sync()

    def _read_line(self, number: int, line: bytes, at: int) -> None:
        try:
            data = json.loads(line)
            if "round" in data:
                self.rounds = Round.model_validate(data).round
            elif "lost" in data:
                self.spent = self.spent.more(Loss.model_validate(data).lost)
            else:
                self._take(Answer.model_validate(data), at, len(line))
        except (ValueError, TypeError):
            raise InputError(
                f"{self._path}, line {number}: this is no answer of a model; choose another --out, or move the file away"
            ) from None


@contextmanager
def opened(path: Path, heading: Heading) -> Iterator[Kept]:
    """The file, made if there is none, and kept from other processes while the block runs.

    The lock falls with the process; where the system has no `flock` there is none. Raises InputError if another process
    has it, or what is in it is something else, or was asked by another command.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from None
    with file:
        if not held_alone(file):
            raise InputError(
                f"another process is writing to {path}; wait for its end, or choose another --out"
            )
        file.seek(0)
        kept = Kept(file, path)
        kept.read(heading)
        yield kept


def _compare(line: bytes, heading: Heading, path: Path) -> None:
    try:
        before = Heading.model_validate_json(line)
    except ValidationError:
        raise InputError(
            f"{path} is not of `llmi-train prompts make`; choose another --out"
        ) from None
    changed = [
        _change(name, getattr(before, name), value)
        for name, value in heading.model_dump().items()
        if getattr(before, name) != value
    ]
    if changed:
        raise InputError(
            f"{path} belongs to another command ({'; '.join(changed)}): give the same options to go on with it, or "
            "choose another --out"
        )


_IN_WORDS: Mapping[str, str] = {
    "mix": "another mix",
    "wording": "the models are asked in other words now",
    "manner": "another temperature, top_p, max_tokens, stop or version of weights",
    "form": "the file has another form now",
}


def _change(name: str, before: Any, now: Any) -> str:
    return _IN_WORDS.get(name) or f"its --{name.replace('_', '-')} was {before}, not {now}"
