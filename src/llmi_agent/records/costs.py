"""What a run cost, call by call: known, estimated, or unknown, which is never 0."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict

Basis = Literal["known", "estimated", "unknown"]
"""known: the vendor said so, a model's reported tokens at its price, or free. estimated: the price that the tool or the
settings name. unknown: neither."""


class Charge(BaseModel):
    """One call of a model or a tool, and what it cost."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    call: Literal["model", "tool"]
    name: str
    """The model or the tool."""
    purpose: str
    """`draft` or `repair` for a model, the kind for a tool."""
    slot: int | None = None
    attempt: int = 0
    usd: float | None = None
    """None if it is unknown."""
    basis: Basis = "unknown"
    input_tokens: int | None = None
    output_tokens: int | None = None

    def held(self, reserved: float) -> float:
        """US dollars that a budget counts for it: what was `reserved`, until its cost is known."""
        return reserved if self.usd is None else self.usd


class Costs(BaseModel):
    """All calls of a run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    usd: float = 0.0
    """The sum of what is known and estimated: at least this much if `unknown` is not 0."""
    estimated: float = 0.0
    """The part of it that is estimated."""
    unknown: int = 0
    """How many calls have an unknown cost."""
    charges: tuple[Charge, ...] = ()

    @classmethod
    def of(cls, charges: Iterable[Charge]) -> Costs:
        """The sums over these calls."""
        each = tuple(charges)
        return cls(
            usd=_sum(charge.usd for charge in each),
            estimated=_sum(charge.usd for charge in each if charge.basis == "estimated"),
            unknown=sum(charge.usd is None for charge in each),
            charges=each,
        )

    @classmethod
    def together(cls, all_: Iterable[Costs]) -> Costs:
        """The sums over all of them, without the single charges."""
        each = tuple(all_)
        return cls(
            usd=sum(costs.usd for costs in each),
            estimated=sum(costs.estimated for costs in each),
            unknown=sum(costs.unknown for costs in each),
        )

    @property
    def total(self) -> float | None:
        """The sum, if all of it is known or estimated; None if the cost of a call is unknown."""
        return None if self.unknown else self.usd

    def of_slot(self, slot: int) -> float | None:
        """What the tools' calls for a slot cost; None if one of them is unknown."""
        own = [each.usd for each in self.charges if each.call == "tool" and each.slot == slot]
        return None if None in own else _sum(own)


def _sum(values: Iterable[float | None]) -> float:
    """Rounded far below a cent, so that sums of prices read as people write them."""
    return round(sum(value for value in values if value is not None), 9)
