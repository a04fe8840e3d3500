"""What a look at one thing came to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import click

from llmi_agent.base.errors import LlmiError

State: TypeAlias = Literal["ok", "missing", "notice"]
"""`missing`: as it is, it cannot be run. `notice`: it can, and should be known."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    state: State
    what: str
    says: str


def tried(what: str, look: Callable[[], str]) -> Finding:
    """What the look says, or why it cannot be used."""
    try:
        return Finding("ok", what, look())
    except click.ClickException as error:
        return Finding("missing", what, error.format_message())
    except LlmiError as error:
        return Finding("missing", what, str(error))
