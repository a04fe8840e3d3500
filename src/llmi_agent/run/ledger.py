"""The ledger of an episode: reserves what a call may cost before it, settles what it did cost after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain, count
from typing import Any

from llmi_agent.base.errors import UnavailableError
from llmi_agent.config.options import Options
from llmi_agent.contract.spec import ToolSpec
from llmi_agent.contract.tool import Failed, ToolCall
from llmi_agent.records.costs import Charge, Costs
from llmi_agent.records.episode import EpisodeJournal
from llmi_agent.records.outcome import Outcome

_CENT_FRACTION = 1e-9
"""What sums of floats may be off by."""


@dataclass(frozen=True)
class _Entry:
    charge: Charge
    reserved: float

    @property
    def held(self) -> float:
        """US dollars that the budget counts for it: what was reserved, until its cost is known."""
        return self.reserved if self.charge.usd is None else self.charge.usd


class Ledger:
    """Charges by the key of their call. One that was reserved and never settled stays, as unknown.

    emit: is told of each settled charge, as an event of type `cost`.
    """

    def __init__(
        self, options: Options, journal: EpisodeJournal, emit: Callable[[Mapping[str, Any]], None]
    ) -> None:
        self._options = options
        self._journal = journal
        self._emit = emit
        self._entries: dict[str, _Entry] = {}
        self._reserved = False
        """Something that may not be on disk yet."""
        self._numbers = count(len(journal.charges))
        on_record = {key: data for key, data in journal.charges.items() if data}
        for key, data in on_record.items():
            self._entries[key] = _Entry(Charge.model_validate(data["charge"]), data["reserved"])

    @property
    def costs(self) -> Costs:
        """What all calls have cost so far."""
        return Costs.of(entry.charge for entry in self._entries.values())

    @property
    def left(self) -> float:
        """US dollars that may still be spent; infinite without a budget."""
        if self._options.budget is None:
            return float("inf")
        return self._options.budget - sum(entry.held for entry in self._entries.values())

    def price(self, spec: ToolSpec) -> float | None:
        """What a call of the tool is expected to cost: what the settings say, else what the tool says."""
        named = self._options.prices.get(spec.name)
        return named if isinstance(named, float) else spec.usd

    def reserve_call(self, call: ToolCall, spec: ToolSpec) -> Failed | None:
        """Set aside what the call may cost; the reason `budget` if that is too much, or unknown under a budget."""
        price = self.price(spec)
        if refusal := self._refusal(f"a call of {spec.name}", spec.name, price, "0.05"):
            return Failed("budget", refusal, usd=0.0)
        charge = Charge(
            call="tool", name=spec.name, purpose=call.kind, slot=call.slot, attempt=call.attempt
        )
        self._reserve(call.key, charge, price)
        return None

    def settle_call(self, call: ToolCall, spec: ToolSpec, outcome: Outcome) -> None:
        """Record what the call cost, as far as its outcome tells; one that was not reserved is no charge."""
        if call.key not in self._entries:
            return
        price = self.price(spec)
        if outcome.usd is not None or price == 0:
            update = {"usd": outcome.usd or 0.0, "basis": "known"}
        elif isinstance(outcome, Failed) or price is None:
            update = {"usd": None, "basis": "unknown"}
        else:
            update = {"usd": price, "basis": "estimated"}
        self._settle(call.key, self._entries[call.key].charge.model_copy(update=update))

    def reserve_model(self, charge: Charge, most: float | None, *, free: bool = False) -> str:
        """Set aside the `most` that a model's answer may cost, None being unknown; returns the charge's key.

        Raises UnavailableError if that is too much, or unknown under a budget.
        """
        example = "{input = 0.15, output = 0.6}  # USD per million tokens"
        what = f"the {charge.purpose} by the model {charge.name}"
        if refusal := self._refusal(what, charge.name, most, example):
            raise UnavailableError(refusal)
        key = f"model-{next(self._numbers)}"
        self._reserve(key, charge, 0.0 if free else most or None)
        return key

    def settle_model(self, key: str, charge: Charge) -> None:
        """Record what the model's answer cost."""
        self._settle(key, charge)

    async def committed(self) -> None:
        """Returns when what was reserved is on disk: only then may the call start. Raises LlmiError if it cannot be."""
        if self._reserved:
            await self._journal.committed()
            self._reserved = False

    def release(self, key: str) -> None:
        """The call never reached its vendor, or was turned away: it cost nothing, and is no charge."""
        self._entries.pop(key, None)
        self._journal.charged(key, None, ended=False)

    def _refusal(self, what: str, name: str, price: float | None, example: str) -> str:
        budget = self._options.budget
        if budget is None:
            return ""
        if price is None:
            return (
                f"what {what} costs is unknown, and the run has a budget of {_usd(budget)}; name the price under "
                f'[options.prices] in llmi.toml: "{name}" = {example}'
            )
        left = max(self.left, 0.0)
        if price > left + _CENT_FRACTION:
            return (
                f"{what} may cost {_usd(price)}, and {_usd(left)} of the budget of {_usd(budget)} is left; "
                "raise it with --budget"
            )
        return ""

    def _reserve(self, key: str, charge: Charge, most: float | None) -> None:
        if key in self._entries and key not in self._journal.jobs:
            # An earlier life of the run was cut in this call: it may have been paid for, and is paid again.
            self._enter(self._cut(key), self._entries[key], ended=False)
        entry = _Entry(charge, most or 0.0)
        if most == 0:
            self._entries[key] = entry
        else:
            self._reserved = True
            self._enter(key, entry, ended=False)

    def _cut(self, key: str) -> str:
        """A key of its own for each time that the call was cut."""
        first = f"{key}-cut"
        numbered = (f"{first}-{number}" for number in count(2))
        return next(each for each in chain((first,), numbered) if each not in self._entries)

    def _settle(self, key: str, charge: Charge) -> None:
        self._enter(key, _Entry(charge, self._entries[key].reserved), ended=True)
        self._emit({"type": "cost", **charge.model_dump()})

    def _enter(self, key: str, entry: _Entry, *, ended: bool) -> None:
        self._entries[key] = entry
        data = {"charge": entry.charge.model_dump(), "reserved": entry.reserved}
        self._journal.charged(key, data, ended=ended)


def _usd(amount: float) -> str:
    return f"${amount:.6f}".rstrip("0").removesuffix(".")
