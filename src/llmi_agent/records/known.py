"""What is known of an episode: its events so far, folded into what a run that goes on, or a reader, asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from langchain_core.messages import AIMessage, message_to_dict

from llmi_agent.records.costs import Costs
from llmi_agent.records.events import (
    CallEnded,
    CallJob,
    Charged,
    Composed,
    DraftGiven,
    DraftRead,
    Event,
    Message,
    ModelEnded,
    ModelStarted,
    ModelText,
    Opened,
    Ordered,
    Restarted,
    Resumed,
    Rewarded,
    SlotPlanned,
    SlotSettled,
)
from llmi_agent.records.outcome import Finished


class Known:
    """Take its events in their order; each view says what holds after the last one."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.opened: Opened | None = None
        self.model, self.bindings = "", dict[str, str]()
        """The one that is asked first, and the tool of each kind, in the run's last life."""
        self.ordered: Ordered | None = None
        self.composed: Composed | None = None
        self.messages: dict[str, Message] = {}
        """By their digests."""
        self.asked: dict[str, ModelStarted] = {}
        """Calls of models, by their ids."""
        self.answered: dict[str, ModelEnded] = {}
        self.planned: dict[int, SlotPlanned] = {}
        """The slots of the draft that holds, or of the one that is being written."""
        self.given: DraftGiven | None = None
        """The draft that holds, if it was not written in this run."""
        self.read: DraftRead | None = None
        """Which parts of the complete draft are prose."""
        self.jobs: dict[str, str] = {}
        """Vendors' jobs, by the key of their call."""
        self.charges: dict[str, Charged] = {}
        """By the call, as the ledger has it."""
        self.ended: dict[str, CallEnded] = {}
        """Calls of tools, by their keys."""
        self.settled: dict[int, SlotSettled] = {}
        """The last verdict on each slot, perhaps one that is still open."""
        self.rewards: list[Rewarded] = []
        """In the order in which they were given."""
        self._texts: dict[str, list[str]] = {}
        self._accepted: dict[tuple[str, int | None, int], str] = {}
        self._last: dict[tuple[str, str], Event] = {}
        for event in events:
            self.take(event)

    def take(self, event: Event) -> bool:
        """Whether this is new: the last event of its type about the same thing was another one, or it repeats."""
        about = event.type, event.key
        if not event.repeats and self._last.get(about) == event:
            return False
        self._last[about] = event
        self._fold(event)
        return True

    def _fold(self, event: Event) -> None:
        match event:
            case Opened() | Resumed() | Ordered() | Composed():
                self._live(event)
            case Message():
                self.messages[event.digest] = event
            case ModelStarted() | ModelText() | ModelEnded() | Restarted():
                self._write(event)
            case SlotPlanned():
                self.planned[event.slot] = event
            case DraftGiven():
                self._begin_draft()
                self.given = event
            case DraftRead():
                self.read = event
            case CallJob():
                self.jobs[event.call] = event.job
            case Charged():
                self.charges[event.call] = event
            case CallEnded() if event.by != "nobody":
                self.ended[event.call] = event
            case SlotSettled():
                self.settled[event.slot] = event
            case Rewarded():
                self.rewards.append(event)

    def _live(self, event: Opened | Resumed | Ordered | Composed) -> None:
        match event:
            case Opened() | Resumed():
                self.opened = event if isinstance(event, Opened) else self.opened
                self.model, self.bindings = event.model, event.bindings
            case Ordered():
                self.ordered = event
            case Composed():
                self.composed = event

    def _write(self, event: ModelStarted | ModelText | ModelEnded | Restarted) -> None:
        match event:
            case ModelStarted():
                self.asked[event.call] = event
                if event.purpose == "draft":
                    self.given = None
                    self._begin_draft()
            case ModelText():
                self._texts.setdefault(event.call, []).append(event.text)
            case ModelEnded():
                self._answer(event)
            case Restarted():
                self._begin_draft()

    def _begin_draft(self) -> None:
        """What was said of an earlier one is not true of this one, even if it is said again in the same words."""
        self.planned.clear()
        self.read = None
        for about in [each for each in self._last if each[0] in ("slot_planned", "draft_read")]:
            del self._last[about]

    def _answer(self, event: ModelEnded) -> None:
        self.answered[event.call] = event
        question = self.asked.get(event.call)
        if event.accepted and question:
            self._accepted[question.purpose, question.slot, question.attempt] = event.call

    @property
    def costs(self) -> Costs:
        """What all calls have cost, or may have."""
        return Costs.of(each.charge for each in self.charges.values() if each.charge)

    @property
    def pictures(self) -> Iterator[str]:
        """The digests of all that calls have made."""
        for each in self.ended.values():
            if isinstance(each.outcome, Finished):
                yield from (picture.digest for picture in each.outcome.candidates)

    def text(self, call: str) -> str:
        """The answer of a model's call, as far as it is on record."""
        return "".join(self._texts.get(call, ()))

    def answer(self, purpose: str, slot: int | None = None, attempt: int = 0) -> str | None:
        """The id of the call whose answer was accepted; None if there is none yet."""
        if purpose == "draft" and self.given:
            return None
        return self._accepted.get((purpose, slot, attempt))

    @property
    def draft(self) -> str | None:
        """The draft, if it is complete."""
        if self.given:
            return self.given.text
        call = self.answer("draft")
        return None if call is None else self.text(call)

    @property
    def writer(self) -> ModelStarted | DraftGiven | None:
        """Who was asked for the draft that holds."""
        call = self.answer("draft")
        return self.given if call is None else self.asked[call]

    @property
    def cut(self) -> str:
        """Why the draft ends early, if it does."""
        if self.given:
            return self.given.cut
        call = self.answer("draft")
        return "" if call is None else self.answered[call].cut

    def conversation(self, messages: Iterable[str]) -> Iterator[dict[str, Any]]:
        """What `ModelStarted.messages` or `Opened.earlier` name, in LangChain's form (`messages_from_dict`)."""
        for each in messages:
            if each in self.messages:
                yield self.messages[each].body
            else:
                yield message_to_dict(AIMessage(self.text(each), id=each))

    @property
    def last_asked(self) -> list[dict[str, Any]]:
        """The messages that were sent for the last draft; empty if none was asked for."""
        if self.given:
            return list(self.conversation(self.given.messages))
        drafts = [each for each in self.asked.values() if each.purpose == "draft"]
        return list(self.conversation(drafts[-1].messages)) if drafts else []
