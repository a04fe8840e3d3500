"""Rewards: each is a number or says why it is none, and is for something that there is."""

from __future__ import annotations

import math
from collections.abc import Iterator

from llmi_agent.records.events import CallStarted, Rewarded
from llmi_agent.traces.trace import Trace
from llmi_agent.traces.verify.calls import planned
from llmi_agent.traces.verify.finding import Found, named


def of_rewards(trace: Trace) -> Iterator[Found]:
    """Those of an episode."""
    calls = {event.call for _, event in trace.events if isinstance(event, CallStarted)}
    calls |= trace.known.asked.keys()
    slots = {str(slot) for slot in planned(trace)} | {
        str(event.slot) for _, event in trace.events if isinstance(event, CallStarted)
    }
    for given in trace.known.rewards:
        about = named("rewarded", given.component)
        yield from (Found(about, said) for said in _value(given))
        if given.scope == "slot" and given.about not in slots:
            yield Found(about, f"it is for slot {given.about or '(none)'}, which no draft has")
        if given.scope == "call" and given.about not in calls:
            said = f"it is for the call {given.about or '(none)'}, which is not on record"
            yield Found(about, said)


def _value(given: Rewarded) -> Iterator[str]:
    if given.status == "ok" and given.value is None:
        yield "it was given, and has no value"
    if given.status == "error" and given.value is not None:
        yield "it could not be given, and yet has a value"
    if given.value is not None and not math.isfinite(given.value):
        yield f"its value is {given.value}, which is no number to reckon with"
