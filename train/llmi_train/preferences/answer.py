"""Answers of a policy that are learnt from: what was asked, and what was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Message: TypeAlias = Mapping[str, Any]
"""A chat message: `role`, `content` (text), and what else a chat template may read."""


@dataclass(frozen=True)
class Ids:
    """What was read and what was sampled, token by token."""

    prompt: tuple[int, ...] = field(repr=False)
    completion: tuple[int, ...] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer, as it was sampled or as somebody wrote it."""

    where: str
    """What it is called in messages: an episode, or a line of a file."""
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
