"""The contract of who judges: what is shown to a judge, the scores that it gives, and rewards that a plugin adds.

    AESTHETICS = JudgeSpec("aesthetics", "how well pictures are composed", load="llmi_aesthetics:make")

    def make(request: JudgeRequest) -> Judge: ...

A judge never raises for what went wrong with it: a score that could not be given is `Score(value=None, error="why")`,
which is missing and not 0. What it is shown was written by a model, and may ask for a good score: that is data.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from llmi_agent.contract.tool import ArtifactReader

NO_PICTURE, ANY_PICTURES, SOME_PICTURES = -1, 0, 99
"""What `Demand.pictures` says where it is no number of pictures, as in the published data of LLM-I."""
MOST_PICTURES = SOME_PICTURES - 1

_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Demand:
    """What a prompt asks for, as a rule can check it. Constructing one validates it."""

    pictures: int = ANY_PICTURES
    """So many, from 1 to 98; `NO_PICTURE` (-1): none; `ANY_PICTURES` (0): as many as the writer likes; `SOME_PICTURES` (99): at
    least one."""
    kinds: tuple[str, ...] = ()
    """Kinds of pictures that it needs, each once."""

    def __post_init__(self) -> None:
        if type(self.pictures) is not int or not NO_PICTURE <= self.pictures <= SOME_PICTURES:
            raise ValueError(
                f"pictures {self.pictures!r}: -1 for none, 0 for any number, 1 to {MOST_PICTURES}, or 99 for at least one"
            )
        if len(set(self.kinds)) < len(self.kinds) or not all(
            isinstance(each, str) and each for each in self.kinds
        ):
            raise ValueError(f"kinds {self.kinds!r}: the names of kinds, each once")


@dataclass(frozen=True)
class Shown:
    """A figure of a document that is judged."""

    figure: int
    """Its number in the document, from 1."""
    slot: int | None
    """The slot that it fills; None for a document that comes from no run."""
    kind: str
    caption: str
    digest: str
    """What its bytes are found by in `Exhibit.pictures`."""
    placeholder: bool = False
    """It is not what was asked for, and says so."""


@dataclass(frozen=True)
class Exhibit:
    """What is judged: a draft, the document that was made of it, and what it was asked to be."""

    prompt: str
    draft: str
    """As the policy wrote it, with its slots."""
    text: str
    """The document in Markdown, without pictures: `[Figure 2: caption]` where one stands, `[Missing figure: caption]` where
    one could not be made."""
    figures: tuple[Shown, ...] = ()
    pictures: ArtifactReader | None = field(default=None, repr=False)
    """Where their bytes are; None if they are not there."""
    demand: Demand | None = None


@dataclass(frozen=True, kw_only=True)
class Score:
    """What a judge or a rule thinks of one thing."""

    component: str
    """What it is a score of: `text`, `image_quality`, `aesthetics`, ..."""
    value: float | None
    """From 0 to 1 for judges; None: it could not be given."""
    slot: int | None = None
    """The slot that it is about; with `call`, None means the whole document."""
    call: str = ""
    """The call of a model or a tool that it is about."""
    reason: str = ""
    """Why, in the judge's words."""
    error: str = ""
    """Why it could not be given."""
    votes: tuple[float, ...] = ()
    """What each vote said that was counted, where there were several."""
    judge: str = ""
    """The model that judged, as its vendor names it; empty for a program."""
    rubric: str = ""
    """A digest of what the judge was asked; empty for a program."""
    reuse: str | None = None
    """What a later judge that is asked the very same finds it by, on record."""

    def __post_init__(self) -> None:
        if not self.component:
            raise ValueError("a score needs the name of its component")
        if (self.value is None) != bool(self.error):
            raise ValueError(f"the score {self.component!r} has either a value or an error")
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"the score {self.component!r} is {self.value}, which is no number")
        if self.slot is not None and self.call:
            raise ValueError(f"the score {self.component!r} is about a slot or a call, not both")


class Judge(Protocol):
    """Who gives scores."""

    @property
    def components(self) -> tuple[str, ...]:
        """The scores that it gives."""

    @property
    def rubric(self) -> str:
        """A digest of what it asks: scores under different rubrics are never compared."""

    async def judge(self, exhibit: Exhibit) -> Sequence[Score]:
        """Its scores. Raises nothing but CancelledError: one that failed gives scores without a value."""


@dataclass(frozen=True)
class JudgeRequest:
    """What a plugin's judge is made for."""

    secrets: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """Exactly those that its spec `needs`."""
    deadline: float | None = None
    """Seconds in which it is to judge one document."""


@dataclass(frozen=True)
class JudgeSpec:
    """A plugin's judge as data. Constructing one validates it."""

    name: str
    description: str
    """For people: what it judges, and by what."""
    load: str
    """"module:attr" of a function from a `JudgeRequest` to a `Judge`, resolved on first use."""
    needs: tuple[str, ...] = ()
    """Names of the secrets (environment variables) without which it cannot judge."""

    def __post_init__(self) -> None:
        _check(self.name, self.load, "judge")


@dataclass(frozen=True)
class RewardSpec:
    """A component of the reward that a plugin adds, as data. Constructing one validates it."""

    name: str
    """The component; a profile gives it a weight under this name."""
    description: str
    """For people: what it rewards."""
    load: str
    """"module:attr" of a plain or async function from a `llmi_agent.traces.Trace` to `Score`s, resolved on first use.

    The one without a slot and a call is the component; scores with these are kept beside it."""

    def __post_init__(self) -> None:
        _check(self.name, self.load, "reward")


def _check(name: str, load: str, what: str) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"{what} name {name!r}: write lower case letters, digits, '_', '-' or '.'")
    module, _, attribute = load.partition(":")
    if not module or not attribute:
        raise ValueError(f"load {load!r} of the {what} {name!r}: write 'module:attr'")
