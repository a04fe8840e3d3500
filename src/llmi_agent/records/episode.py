"""One episode's side of the journal: what is known of it, and what there is to add."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Future
from contextlib import ExitStack
from typing import Any

from llmi_agent.contract.tool import Failed, Provenance, ToolCall
from llmi_agent.records.journal import Entry, Journal, Kind, Record
from llmi_agent.records.outcome import Dropped, Finished, Kept, Outcome, read_verdict
from llmi_agent.store.artifacts import ArtifactStore

PIECE = 256
"""Characters of a streamed draft that make a record..."""
PIECE_SECONDS = 0.5
"""...or seconds since the last one, whichever comes first."""
LINGER = 0.02
"""Seconds that a record waits for others, unless somebody waits for it."""


class EpisodeJournal:
    """One episode's side of the journal: what is known of it, and what to add."""

    def __init__(self, journal: Journal, store: ArtifactStore, episode: str) -> None:
        self._journal = journal
        self._store = store
        self._episode = episode
        self.opened: dict[str, Any] | None = None
        """What the run was started with."""
        self.asked: list[dict[str, Any]] = []
        """The messages that the draft answers."""
        self.draft: str | None = None
        """The draft, if it is complete."""
        self.jobs: dict[str, str] = {}
        """Vendor jobs by the key of their call."""
        self.writer = ""
        """The model that wrote the draft."""
        self.cut = ""
        """Why the draft ends early, if it does."""
        self.charges: dict[str, Any] = {}
        """What each call cost, or may cost, by its key, as the ledger has it."""
        self._piece, self._flushed = "", 0.0
        self._waiting: list[Entry] = []
        self._due: asyncio.TimerHandle | None = None
        """When what waits is handed over."""
        self._verdicts: dict[int, tuple[str, Kept | Dropped]] = {}
        self._answers: dict[str, str] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._last: Future[None] | None = None
        """The last records that were handed over; once they are on disk, so are all before them."""
        self._hold = ExitStack()
        for record in journal.read(episode):
            self._take(record)

    @classmethod
    def held(cls, journal: Journal, store: ArtifactStore, episode: str) -> EpisodeJournal:
        """The same, and nobody else goes on with the episode until `release`. Raises InputError if somebody does."""
        with ExitStack() as stack:
            stack.enter_context(journal.hold(episode))  # before it is read
            own = cls(journal, store, episode)
            own._hold = stack.pop_all()
        return own

    def release(self) -> None:
        """Others may go on with the episode."""
        self._hold.close()

    def open(self, request: dict[str, Any]) -> None:
        """The run begins with this request."""
        self.opened = request
        self._write("opened", data=request)
        self._send()  # what others note of the run comes after it

    def ask(self, messages: list[dict[str, Any]]) -> None:
        """The policy is asked for a draft."""
        self.asked = messages
        self._piece, self._flushed = "", time.monotonic()
        self._write("asked", data=messages)

    def text(self, piece: str) -> None:
        """A piece of the draft as it is being written; kept back until it is worth a record."""
        self._piece += piece
        if len(self._piece) >= PIECE or time.monotonic() - self._flushed >= PIECE_SECONDS:
            self._write("text", data=self._piece)
            self._piece, self._flushed = "", time.monotonic()

    def drafted(self, draft: str, writer: str, cut: str = "") -> None:
        """The draft is complete; `writer` is the model that wrote it, `cut` is why it ends early, if it does."""
        self.draft, self.writer, self.cut, self._piece = draft, writer, cut, ""
        self._write("drafted", writer, [draft, cut])

    def answer(self, slot: int, attempt: int) -> str | None:
        """What the policy answered when it was asked to repair this attempt."""
        return self._answers.get(f"{slot}:{attempt}")

    def answered(self, slot: int, attempt: int, text: str) -> None:
        """The policy's answer to a repair request."""
        self._answers[f"{slot}:{attempt}"] = text
        self._write("answer", f"{slot}:{attempt}", text)

    def started(self, call: ToolCall) -> None:
        """A call begins."""
        data = {"slot": call.slot, "attempt": call.attempt, "kind": call.kind, "tool": call.tool}
        self._write_later("started", call.key, data)

    def job(self, call: ToolCall, job: str) -> None:
        """The vendor's id of a call that is under way."""
        self.jobs[call.key] = job
        self._write("job", call.key, job)

    def charged(self, key: str, data: dict[str, Any] | None, *, ended: bool) -> None:
        """What a call costs; None if it was no charge after all.

        When it has `ended`, this is written with the record of how it did: without that, it is done anew.
        """
        self.charges[key] = data
        write = self._write_later if ended else self._write
        write("charge", key, data)

    def outcome(self, call: ToolCall) -> Outcome | None:
        """What the call came to, if that is on record and its pictures are still in the store."""
        outcome = self._outcomes.get(call.key)
        if isinstance(outcome, Finished) and not pictures_there(outcome, self._store):
            return None
        return outcome

    def finished(self, call: ToolCall, outcome: Outcome, reuse: str | None = None) -> None:
        """A call ended; its pictures are in the store already.

        reuse: what later runs find the result by. A failure, and a picture that shows nothing, is not found again.
        """
        self._outcomes[call.key] = outcome
        useful = isinstance(outcome, Finished) and not all(
            each.blank for each in outcome.candidates
        )
        self._write("finished", call.key, _dump(outcome), reuse if useful else None)

    def verdict(self, slot: int, origin: str) -> Kept | Dropped | None:
        """What became of a slot, if it is still the same slot and its picture is still in the store.

        `origin` is the digest of the slot as the draft has it.
        """
        known, verdict = self._verdicts.get(slot, ("", None))
        if known != origin:
            return None
        if isinstance(verdict, Kept) and not self._store.renew(verdict.artifact.digest):
            return None
        return verdict

    def provenance(self, digest: str) -> Provenance | None:
        """Where a picture that was kept comes from."""
        kept = (each for _, each in self._verdicts.values() if isinstance(each, Kept))
        return next((each.provenance for each in kept if each.artifact.digest == digest), None)

    def settled(self, slot: int, origin: str, verdict: Kept | Dropped) -> None:
        """What became of a slot. That the run was stopped, or had no money left, is no verdict: it may go on."""
        open_ = isinstance(verdict, Dropped) and verdict.reason in ("cancelled", "budget")
        if not open_ and self._verdicts.get(slot) != (origin, verdict):
            self._verdicts[slot] = (origin, verdict)
            self._write("verdict", str(slot), [origin, verdict.model_dump(mode="json")])

    def compose(self, title: str) -> None:
        """The document is there."""
        self._write("composed", data=title)

    async def committed(self) -> None:
        """Returns when all that was said so far is on disk: to be awaited before money moves or a call starts.

        Raises LlmiError if it cannot be written, now or earlier.
        """
        self._send()
        if self._last is None:
            return
        if not self._last.done():
            await asyncio.shield(asyncio.wrap_future(self._last))
        self._last.result()

    def flush(self) -> None:
        """As `committed`, for those who have no event loop."""
        self._send()
        if self._last is not None:
            self._last.result()

    def _write(self, kind: Kind, key: str = "", data: Any = None, reuse: str | None = None) -> None:
        """Soon, with what else comes until then: to wake the writer for each record costs more than to write it."""
        self._waiting.append(Entry(kind, key, data, reuse))
        if self._due is not None:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._send()
        else:
            self._due = loop.call_later(LINGER, self._send)

    def _write_later(self, kind: Kind, key: str, data: Any) -> None:
        """With the next record: that this one is lost in a crash changes nothing, and each write takes time."""
        self._waiting.append(Entry(kind, key, data))

    def _send(self) -> None:
        """Hand over what waits. After a failure nothing more: there must be no record without those before it."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        failed = self._last is not None and self._last.done() and self._last.exception()
        if self._waiting and not failed:
            entries = list(self._waiting)
            self._waiting.clear()
            self._last = self._journal.append(self._episode, *entries)

    def _take(self, record: Record) -> None:
        match record.kind:
            case "opened":
                self.opened = record.data
            case "asked":
                self.asked = record.data
            case "drafted":
                (self.draft, self.cut), self.writer = record.data, record.key
            case "answer":
                self._answers[record.key] = record.data
            case "job":
                self.jobs[record.key] = record.data
            case "charge":
                self.charges[record.key] = record.data
            case "finished":
                self._outcomes[record.key] = _load(record.data)
            case "verdict":
                origin, verdict = record.data
                self._verdicts[int(record.key)] = (origin, read_verdict(verdict))


def pictures_there(outcome: Finished, store: ArtifactStore) -> bool:
    """Whether all its pictures are still in the store; they stay there while the run goes on to use them."""
    return all(store.renew(candidate.artifact.digest) for candidate in outcome.candidates)


def _dump(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Failed):
        return {"failed": vars(outcome)}
    return outcome.model_dump(mode="json")


def _load(data: dict[str, Any]) -> Outcome:
    if "failed" in data:
        return Failed(**data["failed"])
    return Finished.model_validate(data)
