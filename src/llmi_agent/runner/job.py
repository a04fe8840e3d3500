"""A job, which is a document that is wanted, and what becomes of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llmi_agent.base.errors import LlmiError
from llmi_agent.base.secrets import Redactor, secret_values
from llmi_agent.base.text import one_line
from llmi_agent.contract.judging import Demand
from llmi_agent.contract.tool import Attachment
from llmi_agent.document.model import Document
from llmi_agent.records.costs import Costs
from llmi_agent.runner.failures import culprit, unexpected

FORMATS = ("html",)
"""What is written unless other formats are asked for."""


@dataclass(frozen=True)
class Job:
    """A document that is wanted."""

    prompt: str = ""
    attachments: tuple[Attachment | Path | str, ...] = ()
    """Files by their paths, and what the runner's store has already."""
    out: Path | str | None = None
    """The folder to write to; a report that it holds is replaced. None: no file is written."""
    formats: tuple[str, ...] = FORMATS
    seed: int | None = None
    """Where chance plays a part, another document; None is the seed of the graph's options. A member of a group has one
    of its own, derived from it and its number."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Options for this document alone (`llmi_agent.config.options.PER_REQUEST`)."""
    group: str = ""
    """The same for all members of a group: see `llmi_agent.runner.inputs.group_of`; empty if it is of none."""
    member: int | None = None
    """Its number in the group, from 0."""
    split: str = ""
    """The part of a data set that the prompt is from, such as "train"; empty if it is from none."""
    demand: Demand | None = None
    """What the prompt asks for, as rewards check it; the policy is not told."""
    resume: str = ""
    """An episode to go on with, as it was begun: seed, options, group, member, split and demand are those on record.

    With a prompt: if nothing is on record of the episode, the prompt is written anew; if another prompt or another file is,
    that is an error. Without a prompt, it is one that nothing is on record."""


@dataclass(frozen=True)
class Written:
    """The document is there."""

    episode: str
    document: Document
    files: tuple[Path, ...]
    """The main ones, in the order of `llmi_agent.document.render.FORMATS`; none without a folder."""
    replaced: bool
    """Whether they took the place of an earlier report."""
    seconds: float
    """Since the job was taken."""


@dataclass(frozen=True)
class Failure:
    """Why there is no document."""

    message: str
    """One line, without secrets."""
    error: BaseException
    """The culprit, taken out of groups and causes."""
    unexpected: bool
    """Whether it is none of the errors that are raised on purpose: a fault, ours or a plugin's."""
    episode: str | None = None
    """None if it failed before there was one."""
    costs: Costs = field(default_factory=Costs)
    """What is on record of its calls."""
    seconds: float = 0.0
    """Since the job was taken."""


def failure_of(error: BaseException, secrets: Mapping[str, str] | None = None) -> Failure:
    """An exception as data.

    secrets: what is erased from the words; by default the environment's.
    """
    found = culprit(error)
    strange = not isinstance(found, LlmiError)
    words = unexpected(found) if strange else str(found)
    redactor = Redactor(secret_values(os.environ if secrets is None else secrets))
    return Failure(redactor.text(one_line(words)), found, strange)
