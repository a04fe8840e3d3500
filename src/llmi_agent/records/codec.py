"""Events as records, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from llmi_agent.base.errors import InputError
from llmi_agent.base.invalid import first_fault
from llmi_agent.base.logs import get_logger
from llmi_agent.base.text import one_line
from llmi_agent.records import arrays, former
from llmi_agent.records.events import EVENTS, CallEnded, Event, ModelEnded, Rewarded
from llmi_agent.records.record import SCHEMA, SCHEMA_OF_EVENTS, Entry, Record, damaged


def entry_of(event: Event) -> Entry:
    """What the journal is to keep of a durable event, stamped now."""
    return Entry(
        event.type,
        event.key,
        _text(event),
        reuse=event.reuse if isinstance(event, CallEnded | Rewarded) else None,
        tokens=_packed(event) if isinstance(event, ModelEnded) else None,
        reward=_reward(event) if isinstance(event, Rewarded) else None,
    )


def entry_again(record: Record) -> Entry:
    """What the journal is to keep of a record that another one kept. Its result is found by no later run."""
    reward = _event_of(record) if record.kind == Rewarded.type else None
    return Entry(
        record.kind,
        record.key,
        record.data,
        at=record.at,
        tokens=record.tokens,
        reward=_reward(reward) if isinstance(reward, Rewarded) else None,
        schema=record.schema,
    )


def _packed(event: ModelEnded) -> bytes | None:
    """What was sampled. What cannot be packed is not kept, which ends no run, and is said."""
    try:
        return arrays.pack(event.tokens) if event.tokens else None
    except ValueError as error:
        said = f"what was sampled in {event.call} is not kept: {error}"
        get_logger().warning("tokens.absent", message=said)
        return None


def _reward(event: Rewarded) -> tuple[str, str, str, float | None, str]:
    """What a reward is found by."""
    return event.scope, event.about, event.component, event.value, event.status


def _text(event: Event) -> str:
    """An event as JSON; half a surrogate pair, which is no text, becomes a question mark."""
    adapter = _adapter(type(event))
    apart = {"tokens"} if isinstance(event, ModelEnded) else None
    try:
        return adapter.dump_json(event, exclude=apart).decode()
    except PydanticSerializationError:
        plain = json.dumps(adapter.dump_python(event, exclude=apart), ensure_ascii=False)
        return plain.encode("utf-8", "replace").decode()


def ended_of(record: Record) -> CallEnded:
    """The end of a call that stands by itself, of any schema. Raises InputError as `events_of` does."""
    if record.schema < SCHEMA_OF_EVENTS:
        with _sound(record):
            return former.ended(record.key, json.loads(record.data))
    event = _event_of(record)
    assert isinstance(event, CallEnded), record.kind
    return event


def _event_of(record: Record) -> Event:
    known = EVENTS.get(record.kind)
    if record.schema > SCHEMA or known is None:
        raise InputError(
            f"a record of the type {record.kind!r} and schema {record.schema} was written by a later LLMI than this one; "
            "install that one to read it"
        )
    with _sound(record):
        strict = True if known is Rewarded else None  # a text, or a yes, is no reward
        event: Event = _adapter(known).validate_json(record.data, strict=strict)
        if record.tokens is not None and isinstance(event, ModelEnded):
            return replace(event, tokens=arrays.unpack(record.tokens))
    return event


@contextmanager
def _sound(record: Record) -> Iterator[None]:
    """Whatever reading the record raises is that it is damaged: an InputError."""
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(damaged(record.kind, _damage(error))) from None


def _damage(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return one_line(f"{type(error).__name__}: {error}")[:200]
    return first_fault(error)


def events_of(records: Iterable[Record], *, strict: bool = False) -> Iterator[tuple[float, Event]]:
    """The events of one episode, each with its time in seconds since the epoch, in their order.

    A reward that cannot be read is left out, and logged: what was given to a run is no part of it.
    strict: it is an error, too.

    Raises InputError for what else is damaged, or was written by a later LLMI.
    """
    earlier = former.Former()
    for record in records:
        if record.schema < SCHEMA_OF_EVENTS:
            with _sound(record):
                events = list(earlier.events(record))
            yield from ((record.at, event) for event in events)
        elif record.kind == Rewarded.type and not strict:
            if reward := _reward_of(record):
                yield record.at, reward
        else:
            yield record.at, _event_of(record)


def _reward_of(record: Record) -> Event | None:
    try:
        return _event_of(record)
    except InputError as error:
        name = one_line(record.key)[:100]
        said = f"the reward {name!r} is left out: {error}; `llmi traces verify` finds whose it is"
        get_logger().warning("reward.unreadable", message=said)
        return None


def _adapter(event: type[Any]) -> TypeAdapter[Any]:
    if event not in _adapters:
        _adapters[event] = TypeAdapter(event)
    return _adapters[event]


_adapters: dict[type[Any], TypeAdapter[Any]] = {}
