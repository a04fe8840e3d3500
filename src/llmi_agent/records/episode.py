"""One episode's side of the journal: what is known of it, and what there is to add."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from llmi_agent.base.errors import InputError
from llmi_agent.contract.tool import Provenance, ToolCall, call_key
from llmi_agent.records.codec import entry_of, events_of
from llmi_agent.records.commit import Commit
from llmi_agent.records.events import Event, Opened
from llmi_agent.records.journal import Journal
from llmi_agent.records.known import Known
from llmi_agent.records.outcome import Dropped, Kept, Outcome
from llmi_agent.records.overview import Tally, summary
from llmi_agent.records.record import Entry, Record
from llmi_agent.records.rows import BESIDE, Closing
from llmi_agent.store.artifacts import ArtifactStore

LINGER = 0.02
"""Seconds that a record waits for others, unless somebody waits for it."""


class EpisodeJournal:
    """One episode's side of the journal: what is known of it, and what there is to add.

    new: nothing is on record of it. Raises InputError if the episode was written by a later LLMI.
    """

    def __init__(
        self, journal: Journal, store: ArtifactStore, episode: str, *, new: bool = False
    ) -> None:
        self._journal = journal
        self._store = store
        self._episode = episode
        self._waiting: list[Entry] = []
        self._due: asyncio.TimerHandle | None = None
        """When what waits is handed over."""
        self._last: Commit | None = None
        """The last records that were handed over; once they are on disk, so are all before them."""
        self._tally = Tally()
        self._records = 0
        """All but those that others add."""
        self._latest = -math.inf
        """When the latest of them was made."""
        self._closed = True
        """The episode's overview says what its records do."""
        self._hold = ExitStack()
        self._may_be_gone: frozenset[str] = frozenset()
        """Pictures of earlier lives. Those of this one are there: who clears the store leaves runs that go on alone."""
        try:
            self.known = Known(self._read(() if new else journal.read(episode)))
        except InputError as error:
            raise InputError(f"the run {episode} cannot be read: {error}") from None
        self._may_be_gone = frozenset(self.known.pictures)

    @classmethod
    def held(cls, journal: Journal, store: ArtifactStore, episode: str) -> EpisodeJournal:
        """The same, and nobody else goes on with the episode until `release`. Raises InputError if somebody does."""
        with ExitStack() as stack:
            stack.enter_context(journal.hold(episode))  # before it is read
            own = cls(journal, store, episode)
            own._hold = stack.pop_all()
        return own

    @classmethod
    def fresh(cls, journal: Journal, store: ArtifactStore, episode: str) -> EpisodeJournal:
        """As `held`, of an episode whose id is new: nothing is on record of it, so nothing is read."""
        own = cls(journal, store, episode, new=True)
        own._hold.enter_context(journal.hold(episode))
        return own

    def release(self) -> None:
        """Others may go on with the episode."""
        self._send(last=True)
        self._hold.close()

    def say(self, event: Event) -> None:
        """An event has happened; a durable one is written soon, unless just the same is on record.

        With what else comes until then: to wake the writer for each record costs more than to write it.
        """
        if not event.durable or not self.known.take(event):
            return
        self._note(event)
        if isinstance(event, Opened):
            self._send()  # what others note of the run comes after it
            return
        if self._due is not None:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._send()
        else:
            self._due = loop.call_later(LINGER, self._send)

    def outcome(self, call: ToolCall) -> Outcome | None:
        """What the call came to, if that is on record and its pictures are still in the store."""
        ended = self.known.ended.get(call.key)
        if ended is None:
            return None
        pictures = getattr(ended.outcome, "candidates", ())
        return ended.outcome if all(self._there(each.digest) for each in pictures) else None

    def verdict(self, slot: int, origin: str) -> Kept | Dropped | None:
        """What became of a slot for good, if it is still the same slot and its picture is still in the store.

        `origin` is the digest of the slot as the draft has it.
        """
        settled = self.known.settled.get(slot)
        if settled is None or settled.origin != origin:
            return None
        verdict = settled.verdict
        if isinstance(verdict, Dropped):
            return None if verdict.open else verdict
        return verdict if self._there(verdict.digest) else None

    def _there(self, digest: str) -> bool:
        return digest not in self._may_be_gone or self._store.renew(digest)

    def made_from(self, digest: str, slot: int, verdict: Kept) -> bool:
        """Whether the verdict is on what a call on record made of this picture, and of no other."""
        attempt = verdict.attempts - 1
        known = call_key(self._episode, slot, attempt, verdict.tool, verdict.params, (digest,))
        return known in self.known.ended

    def provenance(self, digest: str) -> Provenance | None:
        """Where a picture that was kept comes from."""
        verdicts = (each.verdict for each in self.known.settled.values())
        kept = (each for each in verdicts if isinstance(each, Kept))
        return next((each.provenance for each in kept if each.digest == digest), None)

    async def committed(self) -> None:
        """Returns when all that was said so far is on disk: to be awaited before money moves or a call starts.

        Raises LlmiError if it cannot be written, now or earlier.
        """
        self._send()
        if self._last is not None:
            await self._last

    def flush(self) -> None:
        """As `committed`, for those who have no event loop."""
        self._send()
        if self._last is not None:
            self._last.result()

    def _send(self, last: bool = False) -> None:
        """Hand over what waits. After a failure nothing more: there must be no record without those before it.

        last: nothing will come any more, as far as is known.
        """
        if self._due is not None:
            self._due.cancel()
            self._due = None
        failed = self._last is not None and self._last.done() and self._last.exception()
        closes = not self._closed and (
            last or self.known.composed is not None or self._tally.halted
        )
        if failed or not (self._waiting or closes):
            return
        entries = list(self._waiting)
        self._waiting.clear()
        closing = None
        if closes:
            columns = {**summary(self.known, self._tally), "last": self._latest}
            closing = Closing(self._episode, columns, self._records)
            self._closed = True
        self._last = self._journal.append(self._episode, *entries, closing=closing)

    def _read(self, records: Sequence[Record]) -> Iterator[Event]:
        own = [each for each in records if each.kind not in BESIDE]
        self._records = len(own)
        self._latest = max((each.at for each in own), default=self._latest)
        self._tally.sampled = sum(each.tokens is not None for each in records)
        for _, event in events_of(records):
            self._tally.take(event)
            yield event

    def _note(self, event: Event) -> None:
        entry = entry_of(event)
        self._waiting.append(entry)
        self._latest = max(self._latest, entry.at)
        self._records += entry.kind not in BESIDE
        self._tally.sampled += entry.tokens is not None
        self._tally.take(event)
        self._closed = False
