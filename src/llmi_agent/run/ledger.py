"""The ledger of an episode: reserves what a call may cost before it, settles what it did cost after it."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import chain, count

from llmi_agent.base.errors import UnavailableError
from llmi_agent.config.options import Options
from llmi_agent.contract.spec import ToolSpec
from llmi_agent.contract.tool import Failed, ToolCall
from llmi_agent.records.costs import Charge, Costs
from llmi_agent.records.events import Charged, Event
from llmi_agent.records.known import Known
from llmi_agent.records.outcome import Outcome
from llmi_agent.run.purse import Purse

Tell = Callable[[Event], Awaitable[None]]

_CENT_FRACTION = 1e-9
"""What sums of floats may be off by."""


@dataclass(frozen=True)
class _Entry:
    charge: Charge
    reserved: float

    @property
    def held(self) -> float:
        """US dollars that the budget counts for it."""
        return self.charge.held(self.reserved)


class Ledger:
    """Charges by the key of their call. One that was reserved and never settled stays, as unknown.

    known: what is on record of the episode. tell: is told of each charge, and gives what is to be awaited before money moves.
    purse: what the episode shares with others; by default nothing.
    """

    def __init__(
        self,
        episode: str,
        options: Options,
        known: Known,
        tell: Tell,
        purse: Purse | None = None,
    ) -> None:
        self._options = options
        self._known = known
        self._episode = episode
        self._tell = tell
        self._purse = purse
        self._entries: dict[str, _Entry] = {}
        self._running: set[str] = set()
        """Calls whose reserve may yet be given back in part."""
        self._reserved: Awaitable[None] | None = None
        """Something that may not be on disk yet."""
        for call, charged in known.charges.items():
            if charged.charge:
                self._entries[call] = _Entry(charged.charge, charged.reserved)
        self._share()

    @property
    def costs(self) -> Costs:
        """What all calls have cost so far."""
        return Costs.of(entry.charge for entry in self._entries.values())

    @property
    def left(self) -> float:
        """US dollars that may still be spent; infinite without a budget."""
        own = float("inf") if self._options.budget is None else self._options.budget - self._held
        return min(own, self._purse.left) if self._purse else own

    @property
    def _held(self) -> float:
        return sum(entry.held for entry in self._entries.values())

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

    def settle_call(
        self, call: ToolCall, spec: ToolSpec, outcome: Outcome, *, worked: bool = False
    ) -> None:
        """Record what the call cost, as far as its outcome tells; one that was not reserved is no charge.

        worked: the tool has done its work, whatever became of that.
        """
        if call.key not in self._entries:
            return
        price = self.price(spec)
        if outcome.usd is not None or price == 0:
            update = {"usd": outcome.usd or 0.0, "basis": "known"}
        elif price is None or (isinstance(outcome, Failed) and not worked):
            update = {"usd": None, "basis": "unknown"}
        else:
            update = {"usd": price, "basis": "estimated"}
        self._settle(call.key, self._entries[call.key].charge.model_copy(update=update))

    def costs_money(self, call: str) -> bool:
        """Whether it has cost something, or may have."""
        entry = self._entries.get(call)
        return entry is not None and entry.charge.usd != 0

    def reserve_model(
        self, call: str, charge: Charge, most: float | None, *, free: bool = False
    ) -> None:
        """Set aside the `most` that a model's answer may cost, None being unknown.

        Raises UnavailableError if that is too much, or unknown under a budget.
        """
        example = "{input = 0.15, output = 0.6}  # USD per million tokens"
        what = f"the {charge.purpose} by the model {charge.name}"
        if refusal := self._refusal(what, charge.name, most, example):
            raise UnavailableError(refusal)
        self._reserve(call, charge, 0.0 if free else most or None)

    def settle_model(self, call: str, charge: Charge) -> None:
        """Record what the model's answer cost."""
        self._settle(call, charge)

    async def turn(self, usd: float) -> None:
        """Returns when the group has so much for it, or no other member's call can give any back any more.

        What is reserved for a call that runs is more than it costs, mostly: nobody is refused for that alone.
        """
        own = float("inf") if self._options.budget is None else self._options.budget - self._held
        while self._purse and self._purse.left < min(usd, own) and self._purse.due(self._episode):
            await self._purse.changed()

    def close(self) -> None:
        """The episode is at its end: what it holds, it keeps."""
        self._running.clear()
        self._share()

    async def committed(self, call: str) -> None:
        """Returns when what was reserved is on disk: only then may the call start. Raises LlmiError if it cannot be.

        A call that is given up before has reached nobody, and is no charge.
        """
        if self._reserved is None:
            return
        try:
            await self._reserved
        except BaseException:
            if call not in self._known.jobs:
                self.release(call)
            raise
        self._reserved = None

    def release(self, call: str) -> None:
        """The call never reached its vendor, or was turned away: it cost nothing, and is no charge."""
        self._entries.pop(call, None)
        self._running.discard(call)
        self._share()
        self._tell(Charged(call=call, charge=None, settled=True))

    def _refusal(self, what: str, name: str, price: float | None, example: str) -> str:
        if math.isinf(self.left):
            return ""
        if price is None:
            return (
                f"what {what} costs is unknown, and {self._budget()}; name the price under "
                f'[options.prices] in llmi.toml: "{name}" = {example}'
            )
        left = max(self.left, 0.0)
        if price > left + _CENT_FRACTION:
            return f"{what} may cost {_usd(price)}, and {_usd(left)} of {self._budget(of=True)}"
        return ""

    @property
    def tighter(self) -> tuple[str, str]:
        """The budget that leaves less, in words, and the flag that sets it."""
        if purse := self._tighter_purse:
            return f"the {purse.holder}'s budget", purse.flag
        return "the budget", "--budget"

    @property
    def _tighter_purse(self) -> Purse | None:
        """The purse, if it leaves less than the run's own budget."""
        own, purse = self._options.budget, self._purse
        shared = purse is not None and (own is None or purse.left < own - self._held)
        return purse if shared else None

    def _budget(self, *, of: bool = False) -> str:
        """The budget that is the tighter one, in words."""
        whose, flag = self.tighter
        purse = self._tighter_purse
        amount = purse.budget if purse else self._options.budget or 0.0
        if not of:
            return f"the {purse.holder if purse else 'run'} has a budget of {_usd(amount)}"
        return f"{whose} of {_usd(amount)} is left; raise it with {flag}"

    def _reserve(self, key: str, charge: Charge, most: float | None) -> None:
        if most != 0 and key in self._entries and key not in self._known.jobs:
            # An earlier life of the run was cut in this call: it may have been paid for, and is paid again.
            self._enter(self._cut(key), self._entries[key])
        entry = _Entry(charge, most or 0.0)
        self._running.add(key)
        if most == 0:
            self._entries[key] = entry
        else:
            self._reserved = self._enter(key, entry)

    def _cut(self, key: str) -> str:
        """A key of its own for each time that the call was cut."""
        first = f"{key}-cut"
        numbered = (f"{first}-{number}" for number in count(2))
        return next(each for each in chain((first,), numbered) if each not in self._entries)

    def _settle(self, key: str, charge: Charge) -> None:
        self._running.discard(key)
        self._enter(key, _Entry(charge, self._entries[key].reserved), settled=True)

    def _enter(self, key: str, entry: _Entry, *, settled: bool = False) -> Awaitable[None]:
        self._entries[key] = entry
        self._share()
        return self._tell(
            Charged(call=key, charge=entry.charge, reserved=entry.reserved, settled=settled)
        )

    def _share(self) -> None:
        """Count it against what is shared, before anybody else asks what is left."""
        if self._purse:
            due = any(self._entries[key].reserved for key in self._running)
            self._purse.hold(self._episode, self._held, due=due)


def _usd(amount: float) -> str:
    return f"${amount:.6f}".rstrip("0").removesuffix(".")
