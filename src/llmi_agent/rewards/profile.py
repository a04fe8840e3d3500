"""By which rules a reward is computed: every weight and threshold is a setting, and the digest of all of them goes with
each score."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from llmi_agent.base.errors import ConfigError
from llmi_agent.records.events.reward import TOTAL
from llmi_agent.rewards import paper

OF_PICTURES = ("image_quality", "task_relevance", "text_image_relevance")
"""What the judge of pictures scores each figure for."""
RULES = ("count", "validity", "kinds", "made", "whole")
JUDGED = ("writing", "pictures")
"""The components of the reward that judges give: `writing` is made of `text` and `tag`, `pictures` of `OF_PICTURES`."""
OWN = (*RULES, *JUDGED)
SCORED = ("text", "tag", *OF_PICTURES)
"""What judges score for it, from 0 to 1."""

Weight: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Profile(BaseModel):
    """How a document is rewarded. docs/rewards.md says what each setting does."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(default="llmi", min_length=1, max_length=100)
    """What it is called. It is part of the digest."""
    form: Literal["llmi", "paper"] = "llmi"
    """`llmi`: by the blame table, and what does not apply leaves the sum. `paper`: their sum over pictures that were realised,
    and nothing else."""
    weights: dict[str, Weight] = {
        "count": 0.2,
        "validity": 0.1,
        "kinds": 0.1,
        "writing": 0.3,
        "pictures": 0.3,
    }
    """What each component weighs: `count`, `validity`, `kinds`, `made`, `whole`, `writing`, `pictures`, and those of plugins by their names. One
    that is not named, or weighs 0, is not in the sum and is not asked for."""
    text_weight: Weight = 1.4
    """What the judge's `text` weighs in `writing`."""
    tag_weight: Weight = 0.6
    """What the judge's `tag` weighs in `writing`."""
    picture_weights: dict[str, Weight] = dict.fromkeys(OF_PICTURES, 1.0)
    """What each of the judge's scores weighs in that of a picture."""
    gated: bool = True
    """Whether the score of pictures is multiplied with that of their count."""
    extra_picture: float = Field(default=paper.EXTRA, ge=0, le=1)
    """What each picture beyond the demanded number costs of `count`."""
    exact_count: bool = False
    """Whether `count` is 1 for the demanded number and 0 for any other, as the paper evaluates."""
    repair_cost: float = Field(default=0.5, ge=0, le=1)
    """What each repair that the policy was asked for by its own fault costs of a slot's validity."""
    undescribed: float = Field(default=0.5, ge=0, le=1)
    """What the validity of a slot is multiplied with whose description says nothing."""
    free_repetition: float = Field(default=0.1, ge=0, lt=1)
    """The share of the prose that may repeat what stands there before without a cost; what is above it is taken off
    `writing`."""
    most_pictures: int = Field(default=paper.MOST_PICTURES, ge=1)
    """With more figures than this, `pictures` is 0."""
    least_judged: float = Field(default=0.5, ge=0, le=1)
    """The share of pictures that a judge must have scored; with fewer, the judge has failed and the total is missing."""

    @model_validator(mode="after")
    def _can_be_summed(self) -> Profile:
        if not any(self.weights.values()):
            raise ValueError("weights: at least one must be above 0")
        if TOTAL in self.weights:
            raise ValueError(f"weights: {TOTAL!r} is the sum itself")
        if unknown := set(self.picture_weights) - set(OF_PICTURES):
            raise ValueError(
                f"picture_weights: no {sorted(unknown)[0]!r}; there are {', '.join(OF_PICTURES)}"
            )
        if self._weighs("writing") and not self.text_weight + self.tag_weight:
            raise ValueError("text_weight and tag_weight: at least one must be above 0")
        if self._weighs("pictures") and not any(self.picture_weights.values()):
            raise ValueError("picture_weights: at least one must be above 0")
        if self.form == "paper" and (more := set(self.weights) - set(OWN)):
            raise ValueError(
                f"weights: the paper's sum has no {sorted(more)[0]!r}; form 'llmi' has"
            )
        return self

    def _weighs(self, component: str) -> bool:
        return self.weights.get(component, 0.0) > 0

    @property
    def components(self) -> tuple[str, ...]:
        """Those that are in the sum."""
        return tuple(name for name, weight in self.weights.items() if weight > 0)

    @property
    def judged(self) -> tuple[str, ...]:
        """What judges have to score for it: their components, not those of plugins."""
        texts = (
            {"text": self.text_weight, "tag": self.tag_weight} if self._weighs("writing") else {}
        )
        pictures = self.picture_weights if self._weighs("pictures") else {}
        return tuple(name for name, weight in {**texts, **pictures}.items() if weight > 0)

    @property
    def added(self) -> tuple[str, ...]:
        """The components of plugins that it sums."""
        return tuple(name for name in self.components if name not in OWN)

    @property
    def digest(self) -> str:
        """The same for the same settings, in whatever order they were given."""
        settings = {"version": VERSION, **self.model_dump(mode="json")}
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


VERSION = 2
"""Of the formulas: it changes with what the same settings give."""

_PAPER = Profile(
    name="paper",
    form="paper",
    weights={
        "count": paper.COUNT_WEIGHT,
        "writing": paper.TEXT_WEIGHT,
        "pictures": paper.PICTURES_WEIGHT,
    },
)
PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        each.name: each
        for each in (
            Profile(),
            _PAPER,
            _PAPER.model_copy(update={"name": "paper-vl", "text_weight": 1.5, "tag_weight": 0.5}),
            Profile(
                name="rules",
                weights={"count": 0.3, "validity": 0.1, "kinds": 0.2, "made": 0.2, "whole": 0.2},
            ),
        )
    }
)
"""Those that have a name."""


def profile_of(name: str, settings: Mapping[str, Any] | None = None) -> Profile:
    """The profile of this name, with these settings in place of its own; it keeps the name unless they say another.

    Raises ConfigError if there is none, or if a setting does not exist or cannot be what it is.
    """
    known = PROFILES.get(name)
    if known is None:
        raise ConfigError(f"there is no profile {name!r:.80}; there are {', '.join(PROFILES)}")
    try:
        return Profile.model_validate({**known.model_dump(), **(settings or {})})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(
            f"the profile {name}: {f'{where}: ' if where else ''}{first['msg']}; the settings are "
            f"{', '.join(Profile.model_fields)}"
        ) from None
