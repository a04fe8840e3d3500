"""The calls of models and of tools, and what they cost: each begins once and ends once, and is about what there is."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator

from llmi_agent.base.text import printable
from llmi_agent.contract.policy import PROMPT
from llmi_agent.contract.tool import call_key
from llmi_agent.records.events import (
    CallEnded,
    CallJob,
    CallStarted,
    Charged,
    DraftGiven,
    Message,
    ModelEnded,
    ModelStarted,
    ModelText,
    SlotPlanned,
    SlotTurned,
    Tokens,
)
from llmi_agent.records.outcome import Finished, Kept
from llmi_agent.records.record import SCHEMA_OF_EVENTS
from llmi_agent.traces.trace import Trace
from llmi_agent.traces.verify.finding import Found, named, number_of_times


def planned(trace: Trace) -> dict[int, set[str]]:
    """Every slot that a draft of the run ever had, with the digests of all that it was; empty where that is not on record."""
    found: dict[int, set[str]] = defaultdict(set)
    for _, event in trace.events:
        if isinstance(event, SlotPlanned):
            found[event.slot].add(event.origin)
    return found


def of_models(trace: Trace) -> Iterator[Found]:
    """The requests to models, and what they answered."""
    known = trace.known
    for digest, message in known.messages.items():
        if (own := Message.of(message.body).digest) != digest:
            yield Found(
                named("message", digest), f"its body is another one: it has the digest {own}"
            )
    yield from _conversations(trace)
    yield from _asked(trace)
    yield from _answers(trace)
    for call, end in known.answered.items():
        raw = known.text(call) if end.raw is None else end.raw
        about = named("model_ended", call)
        if end.withheld and (end.raw is not None or end.tokens is not None):
            yield Found(about, "it held a secret, and yet its raw text or its tokens are on record")
        if end.tokens is not None:
            yield from (Found(about, *said) for said in _of_tokens(end.tokens, raw))
            yield from (Found(about, said, "note") for said in _of_usage(end, end.tokens))


def _conversations(trace: Trace) -> Iterator[Found]:
    """What was sent, and which call each is about."""
    known, slots = trace.known, planned(trace)
    there = {*known.messages, *known.asked}
    sent: list[tuple[str, tuple[str, ...]]] = []
    for _, event in trace.events:
        match event:
            case ModelStarted():
                about = named("model_started", event.call)
                sent.append((about, event.messages))
                if event.parent and event.parent not in known.asked:
                    yield Found(
                        about, f"it goes on from the call {event.parent}, which is not on record"
                    )
                if slots and event.slot is not None and event.slot not in slots:
                    yield Found(about, f"it is about slot {event.slot}, which no draft has")
            case DraftGiven():
                sent.append((named("draft_given"), event.messages))
    if known.asked:  # a run that was cut before may lack what came before it
        sent.append((named("opened"), trace.opened.earlier))
    for about, messages in sent:
        for missing in dict.fromkeys(each for each in messages if each not in there):
            yield Found(about, f"the message {missing} that was sent is not on record")


def _asked(trace: Trace) -> Iterator[Found]:
    """The prompt is the one that drafts were asked for; where a secret was taken out, that may be put in other words."""
    prompt, known = trace.opened.prompt, trace.known
    for call in known.asked.values():
        last = known.messages.get(call.messages[-1]) if call.messages else None
        if call.purpose != "draft" or last is None:
            continue
        data = last.body.get("data")
        told = data.get("additional_kwargs") if isinstance(data, dict) else None
        own = told.get(PROMPT) if isinstance(told, dict) else None
        if isinstance(own, str) and printable(own) != prompt and "[secret]" not in own + prompt:
            about = named("model_started", call.call)
            yield Found(about, f"it asks for {own!r:.60}, and the run began with {prompt!r:.60}")


def _answers(trace: Trace) -> Iterator[Found]:
    """Each call is answered once, and its text comes in pieces that follow on each other."""
    asked, ended = Counter[str](), Counter[str]()
    lengths: dict[str, int] = defaultdict(int)
    for _, event in trace.events:
        match event:
            case ModelStarted():
                asked[event.call] += 1
            case ModelText():
                about = named("model_text", event.key)
                if not asked[event.call]:
                    yield Found(about, "it is a piece of an answer to a call that never started")
                if event.start != lengths[event.call]:
                    said = f"it begins at character {event.start}, and {lengths[event.call]} come before it"
                    yield Found(about, said)
                lengths[event.call] = event.start + len(event.text)
            case ModelEnded():
                ended[event.call] += 1
                if not asked[event.call]:
                    yield Found(named("model_ended", event.call), "the call ends and never started")
    for kind, counts in (("model_started", asked), ("model_ended", ended)):
        for call, count in counts.items():
            if count > 1:
                yield Found(named(kind, call), f"the same call is there {number_of_times(count)}")


def _of_tokens(tokens: Tokens, raw: str) -> Iterator[tuple[str]]:
    ids = len(tokens.completion)
    if tokens.logprobs is not None:
        if len(tokens.logprobs) != ids:
            yield (f"there are {len(tokens.logprobs)} logprobs of {ids} tokens",)
        if not all(math.isfinite(each) for each in tokens.logprobs):
            yield ("one of its logprobs is not a finite number",)
    if not tokens.pieces:
        return
    if (told := sum(count for count, _ in tokens.pieces)) != ids:
        yield (f"its pieces have {told} tokens, and there are {ids}",)
    if (told := sum(length for _, length in tokens.pieces)) != len(raw):
        yield (f"its pieces have {told} characters, and the raw answer has {len(raw)}",)


def _of_usage(end: ModelEnded, tokens: Tokens) -> Iterator[str]:
    """What the vendor counts may leave tokens out that end an answer, and so on: that is no fault of the record."""
    for what, count, ids in (
        ("read", end.input_tokens, tokens.prompt),
        ("written", end.output_tokens, tokens.completion),
    ):
        if count is not None and ids is not None and count != len(ids):
            yield f"the vendor counts {count} tokens {what}, and {len(ids)} ids are on record"


def of_tools(trace: Trace) -> Iterator[Found]:
    """The calls of tools."""
    slots, started = planned(trace), dict[str, CallStarted]()
    going = Counter[str]()
    for _, event in trace.events:
        match event:
            case CallStarted():
                started[event.call] = event
                going[event.call] += 1
                yield from _started(trace, event)
                if slots and event.slot not in slots:
                    about = named("call_started", event.call)
                    yield Found(about, f"it is for slot {event.slot}, which no draft has")
            case CallEnded():
                going[event.call] -= 1
                yield from _ended(event, started.get(event.call), going[event.call])
            case CallJob() if event.call not in started:
                yield Found(named("call_job", event.call), "it is of a call that never started")
            case SlotTurned() if slots and event.slot not in slots:
                yield Found(named("slot_turned", event.key), f"no draft has a slot {event.slot}")


def _started(trace: Trace, call: CallStarted) -> Iterator[Found]:
    about = named("call_started", call.call)
    own = call_key(trace.episode, call.slot, call.attempt, call.tool, call.params, call.inputs)
    if own != call.call and call.call not in _former(trace, "started"):
        said = f"its id is not the digest of what it asks for, which is {own}"
        yield Found(about, said)
    for digest in call.inputs:
        if digest not in _pictures_of(trace):
            yield Found(
                about, f"it starts from the picture {digest}, which is nowhere else on record"
            )


def _former(trace: Trace, kind: str) -> set[str]:
    """Calls that a former version wrote this of: it gave them ids of its own."""
    former = (each for each in trace.records if each.schema < SCHEMA_OF_EVENTS)
    return {each.key for each in former if each.kind == kind}


def _pictures_of(trace: Trace) -> set[str]:
    verdicts = (each for _, each in trace.events if each.type == "slot_settled")
    kept = (getattr(each, "verdict", None) for each in verdicts)
    return {
        *(each.digest for each in trace.inputs),
        *trace.known.pictures,
        *(each.digest for each in kept if isinstance(each, Kept)),
    }


def _ended(end: CallEnded, start: CallStarted | None, left: int) -> Iterator[Found]:
    about = named("call_ended", end.call)
    if start is None:
        yield Found(about, "the call ends and never started")
        return
    if left < 0:
        yield Found(about, "the call ends more often than it was started")
    if (end.by == "cache") and not start.cached:
        yield Found(about, "the cache answers a call that was not found on record")
    if not end.tool:  # of a former version, which did not say it twice
        return
    for name in ("slot", "attempt", "tool"):
        told, asked = getattr(end, name), getattr(start, name)
        if told != asked:
            yield Found(about, f"its {name} is {told}, and that of its start is {asked}")
    if isinstance(end.outcome, Finished) and not end.outcome.candidates:
        yield Found(about, "it worked, and made no picture")


def of_charges(trace: Trace) -> Iterator[Found]:
    """What was paid for is on record, and costs what a call can cost."""
    known, former = trace.known, _former(trace, "charge")
    tools = {event.call: event for _, event in trace.events if isinstance(event, CallStarted)}
    owed = _ended_calls(trace) if trace.state == "done" else set()
    for call, charged in known.charges.items():
        about, charge = named("charged", call), charged.charge
        if charge is None:
            continue
        yield from (Found(about, said) for said in _amounts(charged))
        if call in owed and not charged.settled:
            yield Found(about, "the call has ended, and what it cost was never settled", "note")
        asked, made = known.asked.get(call), tools.get(call)
        name = asked.model if asked else made.tool if made else None
        if name is None and charged.settled and call not in former:
            yield Found(about, "it settles a call that is not on record")
        if name is not None and charge.name != name:
            yield Found(about, f"it is of {charge.name}, and the call of {name}")
        end = known.answered.get(call)
        for told in ("input_tokens", "output_tokens"):
            counted = getattr(end, told) if end else None
            if None not in (counted, paid := getattr(charge, told)) and counted != paid:
                yield Found(about, f"it counts {paid} {told}, and the answer's record {counted}")


def _ended_calls(trace: Trace) -> set[str]:
    """The calls that somebody was asked and that came to an end; former versions did not settle all."""
    if any(each.schema < SCHEMA_OF_EVENTS for each in trace.records):
        return set()
    ended = (event for _, event in trace.events if isinstance(event, CallEnded))
    return {event.call for event in ended if event.by in ("tool", "hook")}


def _amounts(charged: Charged) -> Iterator[str]:
    charge = charged.charge
    assert charge is not None
    for what, usd in (("costs", charge.usd), ("reserves", charged.reserved)):
        if usd is not None and not (math.isfinite(usd) and usd >= 0):
            yield f"it {what} {usd} US dollars, which nothing can"
    if (charge.usd is None) != (charge.basis == "unknown"):
        yield f"it says that its cost is {charge.basis}, and that it is {charge.usd}"
