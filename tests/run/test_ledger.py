"""The ledger: what is reserved, what is settled, and what a cut run leaves behind."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from llmi_agent.base.errors import UnavailableError
from llmi_agent.config.options import Options
from llmi_agent.contract.spec import ToolSpec
from llmi_agent.contract.tool import Failed, ToolCall
from llmi_agent.records.costs import Charge, Costs
from llmi_agent.records.episode import EpisodeJournal
from llmi_agent.records.events import CallJob, Charged, Event
from llmi_agent.records.journal import journal_beside
from llmi_agent.records.outcome import Finished, Outcome
from llmi_agent.run.ledger import Ledger
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import make_call

DRAFT = Charge(call="model", name="openai/a", purpose="draft")


def spec(usd: float | None = None) -> ToolSpec:
    return ToolSpec("t", "search", "a tool", "nowhere:Nothing", usd=usd)


def call(slot: int = 0) -> ToolCall:
    return make_call(spec(), slot=slot, query="x")


Open = Callable[..., Ledger]


@pytest.fixture
def ledger(store: ArtifactStore) -> Open:
    """Opens one anew on the same journal, as a resumed run does it."""
    lives: list[EpisodeJournal] = []

    def opened(events: list[Any] | None = None, **options: Any) -> Ledger:
        for earlier in lives:
            earlier.flush()
        own = EpisodeJournal(journal_beside(store), store, "e")
        lives.append(own)

        async def committed() -> None: ...

        def tell(event: Event) -> Awaitable[None]:
            own.say(event)
            if events is not None:
                events.append(event)
            waiting = committed()
            waiting.close()
            return waiting

        return Ledger("e", Options(**options), own.known, tell)

    return opened


def worked(usd: float | None = None) -> Finished:
    return Finished(candidates=(), usd=usd)


@pytest.mark.parametrize(
    ("price", "outcome", "usd", "basis"),
    [
        (0.04, worked(), 0.04, "estimated"),
        (0.04, worked(0.05), 0.05, "known"),
        (None, worked(), None, "unknown"),
        (None, worked(0.05), 0.05, "known"),
        (0.0, worked(), 0.0, "known"),
        (0.04, Failed("unreachable", "x"), None, "unknown"),
        (0.04, Failed("bad_params", "x", usd=0.0), 0.0, "known"),
        (0.0, Failed("crashed", "x"), 0.0, "known"),
        (None, Failed("crashed", "x"), None, "unknown"),
    ],
)
def test_a_call_costs_what_is_said_else_its_price_else_nobody_knows(
    ledger: Open, price: float | None, outcome: Outcome, usd: float | None, basis: str
) -> None:
    events: list[Any] = []
    own = ledger(events)
    assert own.reserve_call(call(), spec(price)) is None
    own.settle_call(call(), spec(price), outcome)
    (charge,) = own.costs.charges
    assert (charge.usd, charge.basis) == (usd, basis)
    assert (charge.name, charge.purpose, charge.slot) == ("t", "search", 0)
    *_, event = events
    assert event == Charged(call=call().key, charge=charge, reserved=price or 0.0, settled=True)


def test_the_settings_price_goes_before_the_tools(ledger: Open) -> None:
    own = ledger(prices={"t": 0.5})
    own.reserve_call(call(), spec(0.04))
    own.settle_call(call(), spec(0.04), worked())
    assert own.costs.usd == 0.5


def test_what_is_reserved_counts_until_it_is_settled(ledger: Open) -> None:
    own = ledger(budget=0.1)
    assert own.reserve_call(call(0), spec(0.06)) is None
    refused = own.reserve_call(call(1), spec(0.06))
    assert refused is not None
    assert refused.reason == "budget"
    assert "$0.06" in refused.message
    assert "$0.04 of the budget of $0.1 is left" in refused.message
    own.settle_call(call(0), spec(0.06), worked(0.01))
    assert own.left == pytest.approx(0.09)
    assert own.reserve_call(call(1), spec(0.06)) is None


def test_a_budget_is_spent_to_the_last_cent(ledger: Open) -> None:
    own = ledger(budget=0.3)
    for slot in range(3):
        assert own.reserve_call(call(slot), spec(0.1)) is None
        own.settle_call(call(slot), spec(0.1), worked())
    assert own.reserve_call(call(3), spec(0.1)) is not None
    assert own.reserve_call(call(4), spec(0.0)) is None


def test_a_call_of_unknown_cost_keeps_what_was_reserved_for_it(ledger: Open) -> None:
    own = ledger(budget=0.1)
    own.reserve_call(call(), spec(0.06))
    own.settle_call(call(), spec(0.06), Failed("timeout", "x"))
    assert own.left == pytest.approx(0.04)
    assert own.costs.unknown == 1
    assert own.costs.of_slot(0) is None


def test_a_resumed_run_knows_what_was_spent_and_what_was_cut(ledger: Open) -> None:
    first = ledger(budget=1.0)
    first.reserve_model("model-0", DRAFT, 0.3)
    first.settle_model("model-0", DRAFT.model_copy(update={"usd": 0.2, "basis": "known"}))
    first.reserve_call(call(), spec(0.1))
    second = ledger(budget=1.0)
    assert second.left == pytest.approx(0.7)
    assert (second.costs.usd, second.costs.unknown) == (0.2, 1)
    second.reserve_call(call(), spec(0.1))
    second.settle_call(call(), spec(0.1), worked())
    assert second.costs.usd == pytest.approx(0.3)
    assert second.costs.unknown == 1, "the call that was cut may have been paid for"
    assert ledger(budget=1.0).left == pytest.approx(0.6)


def test_a_run_cut_again_and_again_forgets_no_reserve(ledger: Open) -> None:
    for life in range(1, 4):
        own = ledger(budget=0.1)
        assert own.reserve_call(call(), spec(0.03)) is None
        assert own.left == pytest.approx(0.1 - 0.03 * life)
    refused = ledger(budget=0.1).reserve_call(call(), spec(0.03))
    assert refused is not None
    assert refused.reason == "budget"
    assert ledger(budget=0.1).costs.unknown == 3


def test_a_vendor_job_that_is_picked_up_is_paid_once(ledger: Open, store: ArtifactStore) -> None:
    ledger().reserve_call(call(), spec(0.1))
    journal = EpisodeJournal(journal_beside(store), store, "e")
    journal.say(CallJob(call=call().key, job="job-1"))
    journal.flush()
    own = ledger()
    own.reserve_call(call(), spec(0.1))
    own.settle_call(call(), spec(0.1), worked())
    assert (own.costs.usd, own.costs.unknown) == (0.1, 0)


def test_what_was_turned_away_is_no_charge_in_this_life_or_the_next(ledger: Open) -> None:
    own = ledger(budget=1.0)
    own.reserve_model("model-0", DRAFT, 0.3)
    own.release("model-0")
    assert own.left == ledger(budget=1.0).left == 1.0


def test_an_unknown_price_is_refused_under_a_budget_only(ledger: Open) -> None:
    assert ledger().reserve_call(call(), spec()) is None
    assert math.isinf(ledger().left)
    refused = ledger(budget=1.0).reserve_call(call(1), spec())
    assert refused is not None
    assert "[options.prices]" in refused.message
    with pytest.raises(UnavailableError, match=r"options\.prices"):
        ledger(budget=1.0).reserve_model("model-0", DRAFT, None)


def test_sums_read_as_people_write_them() -> None:
    charges = [Charge(call="tool", name="t", purpose="search", slot=0, usd=0.1, basis="known")] * 3
    costs = Costs.of([*charges, Charge(call="model", name="m", purpose="draft")])
    assert (costs.usd, costs.unknown, costs.of_slot(0), costs.of_slot(1)) == (0.3, 1, 0.3, 0.0)
