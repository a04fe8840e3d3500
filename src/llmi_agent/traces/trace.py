"""A trace: what is on record of an episode, read back as one value.

There is no second store. A trace reads the episode's records when the first thing is asked of it that is not known
without them, and folds them into what a person, a reward or a trainer asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias

from llmi_agent.base.errors import InputError
from llmi_agent.contract.tool import ArtifactReader, Attachment
from llmi_agent.document.compose import recompose
from llmi_agent.document.model import Document
from llmi_agent.records.codec import events_of
from llmi_agent.records.costs import Costs
from llmi_agent.records.events import (
    Composed,
    Event,
    Halted,
    Input,
    Opened,
    Resumed,
    Rewarded,
    Tokens,
)
from llmi_agent.records.known import Known
from llmi_agent.records.record import Record
from llmi_agent.traces.fold import attempts_of, model_calls_of
from llmi_agent.traces.parts import Attempt, ModelCall, TokenPlaces, TracedSlot

State: TypeAlias = Literal["open", "done", "halted"]
"""`done`: there is a document. `halted`: its last life ended without one, and it is on record why. `open`: it is going
on, or was cut with its process."""


@dataclass(frozen=True)
class Reward:
    """A reward as it was given, and when."""

    at: float
    """In seconds since the epoch."""
    given: Rewarded
    current: bool
    """False: the run has gone on since, so that it was given to something else than there is now."""


@dataclass(frozen=True, eq=False)
class Trace:
    """An episode, finished or broken. What cannot be read raises InputError when it is asked for."""

    episode: str
    read: Callable[[], Sequence[Record]] = field(repr=False)
    """Gives its records, oldest first."""
    pictures: ArtifactReader | None = field(default=None, repr=False)
    """Where the bytes are of the pictures and attachments that it names; None if they are not there."""
    told: Mapping[str, Any] | None = field(default=None, repr=False)
    """Of an exported row: its columns for readers without LLMI. A trace says what its records say."""

    @cached_property
    def records(self) -> tuple[Record, ...]:
        """As they are kept."""
        return tuple(self.read())

    @cached_property
    def events(self) -> tuple[tuple[float, Event], ...]:
        """What happened, each with its time in seconds since the epoch. Raises InputError if a record is damaged."""
        records = self.records
        try:
            return tuple(events_of(records))
        except InputError as error:
            raise InputError(f"the run {self.episode} cannot be read: {error}") from None

    @cached_property
    def known(self) -> Known:
        """All of it, folded as a run that goes on has it."""
        return Known(event for _, event in self.events)

    @cached_property
    def opened(self) -> Opened:
        """What it began with. Raises InputError if that is not on record."""
        if self.known.opened is None:
            raise InputError(f"the run {self.episode} has no beginning on record")
        return self.known.opened

    @property
    def prompt(self) -> str:
        """What was asked for, without secrets."""
        return self.opened.prompt

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """The files that came with it; their bytes are in the store."""
        return self.opened.attachments

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The pictures that it started with."""
        return self.opened.inputs

    @property
    def group(self) -> str:
        """Episodes of one prompt that are compared have the same; empty if it was none of several."""
        return self.opened.group

    @property
    def member(self) -> int | None:
        """Which one of its group it is, from 0."""
        return self.opened.member

    @property
    def split(self) -> str:
        """What the prompt is for: `train`, `test`; empty if nobody said."""
        return self.opened.split

    @property
    def model(self) -> str:
        """The one that was asked first, in the run's last life."""
        return self.known.model

    @property
    def options(self) -> Mapping[str, Any]:
        """All that held, in the run's last life."""
        lives = (each for _, each in self.events if isinstance(each, Opened | Resumed))
        return [each.options for each in lives][-1]

    @cached_property
    def began(self) -> float:
        """In seconds since the epoch."""
        return next(at for at, event in self.events if isinstance(event, Opened))

    @cached_property
    def ended(self) -> float:
        """When the last thing happened in it, in seconds since the epoch."""
        return [at for at, event in self.events if not isinstance(event, Rewarded)][-1]

    @cached_property
    def state(self) -> State:
        """How it stands."""
        state: State = "open"
        for _, event in self.events:
            match event:
                case Composed():
                    state = "done"
                case Halted() if state != "done":
                    state = "halted"
                case Resumed() if state != "done":
                    state = "open"
        return state

    @property
    def halted(self) -> str:
        """Why its last life ended without a document; empty if it did not, or if that is not on record."""
        if self.state != "halted":
            return ""
        return [each.message for _, each in self.events if isinstance(each, Halted)][-1]

    @property
    def draft(self) -> str | None:
        """What the document was made of; None if it is not complete."""
        return self.known.draft

    @property
    def costs(self) -> Costs:
        """What all calls have cost, or may have."""
        return self.known.costs

    @cached_property
    def calls(self) -> tuple[ModelCall, ...]:
        """Every request to a model, in the order in which they were sent."""
        return model_calls_of(self.events, self.known)

    @cached_property
    def attempts(self) -> tuple[Attempt, ...]:
        """Every call of a tool, in the order in which they were made; also those for a draft that was void later."""
        return self._attempts[0]

    @cached_property
    def slots(self) -> tuple[TracedSlot, ...]:
        """Those of the draft that holds, or of the one that was being written last."""
        text, known = self._written, self.known
        places = TokenPlaces(self._sampled) if self._sampled else None
        made: dict[int, list[Attempt]] = {}
        for each in self._attempts[1]:
            made.setdefault(each.slot, []).append(each)
        return tuple(
            TracedSlot(
                slot=number,
                kind=each.kind,
                description=each.description,
                span=each.span,
                source=text[slice(*each.span)],
                unread=each.reason,
                tokens=places.of(each.span) if places else None,
                attempts=tuple(made.get(number, ())),
                verdict=known.settled[number].verdict
                if number in known.settled and known.settled[number].origin == each.origin
                else None,
            )
            for number, each in sorted(known.planned.items())
        )

    @cached_property
    def rewards(self) -> tuple[Reward, ...]:
        """In the order in which they were given."""
        last = max(
            (n for n, (_, event) in enumerate(self.events) if not isinstance(event, Rewarded)),
            default=-1,
        )
        return tuple(
            Reward(at, event, current=n > last)
            for n, (at, event) in enumerate(self.events)
            if isinstance(event, Rewarded)
        )

    def document(self) -> Document | None:
        """The document again, from the records alone; None if there was none.

        It is the one that was handed over: what has happened since then is not in it.
        """
        last = max(
            (n for n, (_, e) in enumerate(self.events) if isinstance(e, Composed)), default=-1
        )
        if last < 0:
            return None
        at, composed = self.events[last]
        assert isinstance(composed, Composed)
        later = (event for _, event in self.events[last + 1 :])
        if all(isinstance(each, Rewarded) for each in later):
            until = self.known
        else:
            until = Known(event for _, event in self.events[: last + 1])
        return recompose(self.episode, until, at if composed.created is None else composed.created)

    @cached_property
    def _attempts(self) -> tuple[tuple[Attempt, ...], tuple[Attempt, ...]]:
        return attempts_of(self.events, self.known)

    @property
    def _written(self) -> str:
        """The draft that holds, or what there is of the last one."""
        if (draft := self.known.draft) is not None:
            return draft
        return next((each.text for each in reversed(self.calls) if each.purpose == "draft"), "")

    @property
    def _sampled(self) -> Tokens | None:
        call = self.known.answer("draft")
        return None if call is None else self.known.answered[call].tokens
