"""What is thought of an episode, later, by who judges it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from llmi_agent.records.events.base import Durable

Scope: TypeAlias = Literal["episode", "slot", "call"]
"""What a reward is for: the whole document, one of its slots, or one call of a model or a tool."""
TOTAL = "total"
"""The component that is the reward of the whole, where it has several."""


@dataclass(frozen=True, kw_only=True)
class Rewarded(Durable):
    """A reward, or one component of it. Another one may be given later; none is ever changed."""

    type: ClassVar[str] = "rewarded"
    repeats: ClassVar[bool] = True
    component: str = TOTAL
    value: float | None
    """None: it could not be given, which is not 0."""
    scope: Scope = "episode"
    about: str = ""
    """The number of the slot, or the id of the call."""
    status: Literal["ok", "error"] = "ok"
    error: str = ""
    """Why it could not be given."""
    profile: str = ""
    """By which rules: a name, or a digest of them."""
    judge: str = ""
    """The model that judged, as its vendor names it; empty if it was a program."""
    rubric: str = ""
    """A digest of what the judge was asked."""
    reason: str = ""
    """Why, in the judge's words."""
    votes: tuple[float, ...] = ()
    """What each vote said that was counted, where there were several."""
    reuse: str | None = None
    """What a later judge finds it by, if it is asked the very same."""

    @property
    def key(self) -> str:
        return self.component
