"""What became of the rollouts of each step of an online training, in a file that only grows: what is in it is not sampled again."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from llmi_agent.base.errors import InputError, LlmiError

NAME = "rollouts.jsonl"


class Missing(BaseModel):
    """An episode without a reward."""

    model_config = ConfigDict(frozen=True)

    prompt: str
    """By its id."""
    member: int
    episode: str | None
    """None: it could not even begin."""
    why: str


class Share(BaseModel):
    """What one of the processes collected for a step."""

    model_config = ConfigDict(frozen=True)

    episodes: tuple[str, ...]
    """Those with a reward, in the order of the step's prompts."""
    missing: tuple[Missing, ...] = ()
    left_out: Mapping[str, int] = {}
    """Why episodes with a reward teach nothing, and how many."""
    rows: int = 0
    data: str = ""
    """A digest of the rows; empty without any."""
    rewards: float = 0.0
    """The sum of all rewards."""
    valid: float = 0.0
    validities: int = 0
    """The sum of the component `validity`, and of how many episodes."""
    tokens: int = 0
    """That were sampled in this life of the process."""
    seconds: float = 0.0


class Closed(BaseModel):
    """A line of the file: a step whose rollouts are complete, or will not be any more."""

    model_config = ConfigDict(frozen=True)

    step: int
    """From 1."""
    weights: str
    """What the policy went by."""
    wanted: int
    """Episodes."""
    used: int
    """Of these, with a reward."""
    reward: float | None
    """The mean of all rewards."""
    validity: float | None
    rows: int
    """That are trained on, in all processes."""
    tokens: int
    seconds: float
    shares: tuple[Share, ...]
    """By the number of the process."""

    @classmethod
    def of(cls, step: int, weights: str, wanted: int, shares: tuple[Share, ...]) -> Closed:
        """Of what all processes have."""
        used = sum(len(each.episodes) for each in shares)
        judged = sum(each.validities for each in shares)
        return cls(
            step=step,
            weights=weights,
            wanted=wanted,
            used=used,
            reward=sum(each.rewards for each in shares) / used if used else None,
            validity=sum(each.valid for each in shares) / judged if judged else None,
            rows=sum(each.rows for each in shares),
            tokens=sum(each.tokens for each in shares),
            seconds=max(each.seconds for each in shares),
            shares=shares,
        )

    @property
    def missing(self) -> Iterator[Missing]:
        """In all processes."""
        return (each for share in self.shares for each in share.missing)

    @property
    def left_out(self) -> Counter[str]:
        """In all processes."""
        found: Counter[str] = Counter()
        for share in self.shares:
            found.update(share.left_out)
        return found

    @property
    def figures(self) -> dict[str, float | None]:
        """What its rollouts say, whether there was something to learn from them or not."""
        missing = 1 - self.used / self.wanted
        return {"reward": self.reward, "valid": self.validity, "missing": missing}


class Story:
    """The file of a training."""

    def __init__(self, out: Path) -> None:
        """Raises InputError if a line of it cannot be read; the last one may be torn."""
        self._path = out / NAME
        self._known: dict[int, Closed] = {}
        self._whole = 0
        """Bytes up to the end of the last whole line."""
        self._read()

    def of(self, step: int) -> Closed | None:
        """What is known of a step."""
        return self._known.get(step)

    def all(self) -> list[Closed]:
        """In the order of the steps."""
        return [each for _, each in sorted(self._known.items())]

    def add(self, closed: Closed) -> None:
        """One more; it is on the disk then. Raises LlmiError if it cannot be written."""
        line = closed.model_dump_json().encode() + b"\n"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                file.truncate(self._whole)
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise LlmiError(f"cannot write {self._path}: {error.strerror or error}") from None
        self.learn(closed)
        self._whole += len(line)

    def learn(self, closed: Closed) -> None:
        """It is on the disk, where another process has put it."""
        self._known[closed.step] = closed

    def _read(self) -> None:
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise InputError(f"{self._path} cannot be read: {error.strerror or error}") from None
        for number, line in enumerate(data.splitlines(keepends=True), 1):
            if not line.endswith(b"\n"):
                return  # its process was killed
            try:
                self.learn(Closed.model_validate_json(line))
            except ValidationError as error:
                said = error.errors()[0]["msg"]
                raise InputError(
                    f"{self._path}, line {number}, is no record of a step's rollouts: {said:.200}; put back the file, or train "
                    "anew into another folder"
                ) from None
            self._whole += len(line)
