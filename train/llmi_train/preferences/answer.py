"""Answers of a policy that are learnt from: what was asked, and what was written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from llmi_agent.traces.parts import ModelCall
from llmi_train.rows.pictures import Picture

Message: TypeAlias = Mapping[str, Any]
"""A chat message: `role`, `content` (text; parts, where it shows pictures), and what else a chat template may read."""


@dataclass(frozen=True, eq=False)
class Ids:
    """What was read and what was written, token by token."""

    prompt: NDArray[np.int64] = field(repr=False)
    completion: NDArray[np.int64] = field(repr=False)

    @classmethod
    def of(cls, prompt: Iterable[int], completion: Iterable[int]) -> Ids:
        return cls(np.fromiter(prompt, np.int64), np.fromiter(completion, np.int64))

    def __len__(self) -> int:
        return len(self.prompt) + len(self.completion)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer, as it was sampled or as somebody wrote it."""

    where: str
    """What it is called in messages: a run, or a line of a file."""
    prompt: tuple[Message, ...] = field(default=(), repr=False)
    completion: Message = field(default_factory=dict, repr=False)
    ids: Ids | None = field(default=None, repr=False)
    """The tokens that were sampled: where they are known, they are what is learnt, and no message is read."""
    plain: bool = False
    """It was given as two texts, and not as messages."""
    template: Mapping[str, Any] = field(default_factory=dict)
    """What its chat template is told besides the messages: `tools`, and the like."""
    episode: str = ""
    group: str = ""
    model: str = ""
    reward: float | None = None
    call: ModelCall | None = field(default=None, repr=False)
    """It as it is on record, without its tokens; None of a file's."""
    pictures: tuple[Picture, ...] = ()
    """Those that the prompt shows, in their order."""


@dataclass(frozen=True)
class Pair:
    """Two answers to the same, one of them better."""

    chosen: Answer
    rejected: Answer


@dataclass(frozen=True)
class Labelled:
    """An answer, and whether it is a good one."""

    answer: Answer
    label: bool


T = TypeVar("T", Answer, Pair, Labelled)
"""What is learnt from, by SFT, DPO and KTO."""


def answers_of(example: Answer | Pair | Labelled) -> tuple[Answer, ...]:
    """The answers of an example, the chosen one first."""
    match example:
        case Pair(chosen, rejected):
            return chosen, rejected
        case Labelled(answer):
            return (answer,)
    return (example,)
