"""The press of a batch: writes documents, a few at once, and says what became of each."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import click

from llmi_agent.base.errors import InputError
from llmi_agent.base.logs import get_logger
from llmi_agent.base.secrets import Redactor, secret_values
from llmi_agent.base.text import one_line
from llmi_agent.cli.batch_progress import Display, Tally
from llmi_agent.cli.failures import explain
from llmi_agent.cli.output import Output
from llmi_agent.cli.progress import ticking
from llmi_agent.cli.summary import usd
from llmi_agent.cli.text import plural
from llmi_agent.document.render import write_document
from llmi_agent.document.render.files import REPORTS
from llmi_agent.records.costs import Costs
from llmi_agent.records.episode import EpisodeJournal
from llmi_agent.records.journal import Journal
from llmi_agent.run.seeds import member_seed
from llmi_agent.runner.episode import (
    attach,
    document_of,
    follow,
    request_of,
)
from llmi_agent.runner.graphs import Graph
from llmi_agent.runner.manifest import Item, ItemState, Key, Manifest
from llmi_agent.runner.order import Order
from llmi_agent.runner.prompt_file import Prompt
from llmi_agent.runner.resume import SHORT, remember
from llmi_agent.store.artifacts import ArtifactStore


@dataclass(frozen=True)
class Batch:
    """What the command line asks for."""

    prompts: str
    """The file, or "-"."""
    out: str
    concurrency: int
    """Documents at once."""
    group: int | None
    """How often each prompt is written; None: once, without a folder for each time."""
    order: Order
    """What is the same for all of them."""


@dataclass(frozen=True)
class Wanted:
    """A document that is wanted."""

    prompt: Prompt
    member: int | None

    @property
    def key(self) -> Key:
        return self.prompt.id, self.member

    @property
    def name(self) -> str:
        """What people are told it is."""
        return one_line(self.prompt.id) + ("" if self.member is None else f"/{self.member}")

    @property
    def folder(self) -> Path:
        """Below that of the batch."""
        return Path(self.prompt.folder, *(() if self.member is None else (str(self.member),)))


@dataclass
class _Life:
    """What is learnt of a document's episode while it goes on."""

    wanted: Wanted
    inputs: str = ""
    """The digest of what it is made from, once that is known."""
    episode: str | None = None
    began: float = field(default_factory=time.monotonic)

    def record(self, state: ItemState, **fields: Any) -> Item:
        wanted = self.wanted
        seconds = round(time.monotonic() - self.began, 3)
        return Item(
            id=wanted.prompt.id,
            member=wanted.member,
            state=state,
            inputs=self.inputs,
            episode=self.episode,
            seconds=seconds,
            **fields,
        )


@dataclass
class Press:
    """Writes documents, a few at once, and says what became of each."""

    batch: Batch
    folder: Path
    manifest: Manifest
    store: ArtifactStore
    journal: Journal
    graph: Graph
    seed: int
    """What each member's own is derived from."""
    tally: Tally
    screen: Display
    output: Output
    stdout: TextIO | None
    """What tools print does not go there."""
    failures: list[tuple[str, str]] = field(default_factory=list)
    _digests: dict[Path, str] = field(default_factory=dict)
    """Of attached files, each read once."""
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Two threads that render at once gain nothing, and pygments fails if both are the first to import it."""

    async def write_all(self, wanted: Sequence[Wanted]) -> None:
        """Returns when each has been written, was there, or has failed."""
        waiting = iter(wanted)
        try:
            async with ticking(self.screen), asyncio.TaskGroup() as group:
                for _ in range(min(self.batch.concurrency, len(wanted))):
                    group.create_task(self._write_each(waiting))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None

    def tell_failures(self) -> None:
        """On stderr, one line each."""
        if self.failures:
            self.output.say(f"{plural(len(self.failures), 'document')} failed:", "failures")
        for name, message in self.failures:
            self.output.say(f"{name}: {message}", "failed")

    async def _write_each(self, waiting: Iterator[Wanted]) -> None:
        for wanted in waiting:
            self.tally.running += 1
            try:
                await self._write_one(wanted)
            finally:
                self.tally.running -= 1

    async def _write_one(self, wanted: Wanted) -> None:
        """A document that fails does not stop the others; a manifest or a stdout that cannot be written does."""
        life = _Life(wanted)
        try:
            life.inputs = await asyncio.to_thread(self._inputs, wanted.prompt)
            known = self._known(life)
            done = known if known and self._complete(known) else None
            record = done or await self._written(life, known)
        except (Exception, asyncio.CancelledError) as error:  # anybody's code has run
            if _stopping():
                raise
            record, done = await self._failed(life, error), None
        if done:
            self.tally.skipped += 1
            self._give(wanted, "skipped", done)
            return
        if life.inputs:  # else nothing was tried, and what is known of it still holds
            self.manifest.add(record)
        if record.state == "failed":
            self.tally.failed += 1
            self.failures.append((wanted.name, record.message))
        else:
            self.tally.written += 1
        self._give(wanted, record.state, record)

    def _inputs(self, prompt: Prompt) -> str:
        """A digest of what the document is made from. Raises InputError if an attachment is gone."""
        attached = [(path.name, self._digest(path)) for path in prompt.attach]
        return hashlib.sha256(json.dumps([prompt.text, attached]).encode()).hexdigest()

    def _digest(self, path: Path) -> str:
        if path not in self._digests:
            try:
                with path.open("rb") as file:
                    self._digests[path] = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise InputError(f"{path} cannot be read: {error.strerror}") from None
        return self._digests[path]

    def _known(self, life: _Life) -> Item | None:
        """What became of the document so far, if it is still the same one."""
        known = self.manifest.last(life.wanted.key)
        if known and known.inputs != life.inputs:
            changed = "its prompt or attachments have changed, so it is written anew"
            self.output.say(f"{life.wanted.name}: {changed}", "changed")
            return None
        return known

    def _complete(self, known: Item) -> bool:
        """Whether it was written, and in all the formats that are asked for."""
        asked = {REPORTS[each] for each in self.batch.order.formats}
        there = {Path(each).name for each in known.files if (self.folder / each).is_file()}
        return known.state == "written" and asked <= there

    async def _written(self, life: _Life, known: Item | None) -> Item:
        wanted = life.wanted
        # If it goes on with what is on record, the store may have been swept meanwhile.
        attachments = await asyncio.to_thread(attach, self.store, wanted.prompt.attach)
        if known and known.episode and (await self._on_record(known.episode)).known.opened:
            life.episode = known.episode
            self.output.say(f"{wanted.name}: goes on with run {known.episode[:SHORT]}", "resumed")
            request: dict[str, Any] = {"resume": known.episode}
        else:
            seed = member_seed(self.seed, wanted.member)
            request = {**request_of(wanted.prompt.text, attachments), "seed": seed}
        state = await follow(self.graph, request, partial(self._tell, life))
        document = document_of(state)
        folder, formats = self.folder / wanted.folder, self.batch.order.formats
        async with self._writing:
            files = await asyncio.to_thread(write_document, document, self.store, folder, formats)
        return life.record(
            "written",
            title=document.title,
            figures=len(document.figures),
            missing=len(document.missing),
            usd=usd(document.costs),
            files=tuple(path.relative_to(self.folder).as_posix() for path in files),
        )

    def _tell(self, life: _Life, event: Mapping[str, Any]) -> None:
        """An event of its run. The first one comes before anything is asked or paid for."""
        self.tally.tell(event)
        if event.get("type") == "restart":
            self.output.say(f"{life.wanted.name}: {event['message']}", "restart")
        if event.get("type") == "opened" and event["episode"] != life.episode:
            life.episode = str(event["episode"])
            prompt = life.wanted.prompt
            order = replace(self.batch.order, attachments=[str(path) for path in prompt.attach])
            remember(self.journal, life.episode, order, self.folder / life.wanted.folder)
            self.manifest.add(life.record("opened"))

    async def _failed(self, life: _Life, error: BaseException) -> Item:
        failure = explain(error)
        if failure.unexpected:
            log = get_logger(document=life.wanted.name, episode=life.episode)
            log.error("document.failed", exc_info=failure.unexpected)
        charges = (await self._on_record(life.episode)).known.charges if life.episode else {}
        costs = Costs.of(each.charge for each in charges.values() if each.charge)
        message = Redactor(secret_values(os.environ)).text(one_line(failure.message))
        return life.record("failed", usd=usd(costs), message=message)

    async def _on_record(self, episode: str) -> EpisodeJournal:
        return await asyncio.to_thread(EpisodeJournal, self.journal, self.store, episode)

    def _give(self, wanted: Wanted, state: str, record: Item) -> None:
        """The document's line on stdout."""
        if self.stdout is None:
            return
        line = self._data(state, record) if self.output.json else self._line(wanted, state, record)
        with self.screen.aside():
            click.echo(line.encode("utf-8", "surrogateescape"), file=self.stdout)

    def _line(self, wanted: Wanted, state: str, record: Item) -> str:
        costs = "-" if record.usd is None else f"{record.usd:.4f}"
        figures = ("-", "-") if state == "failed" else (record.figures, record.missing)
        path = self._paths(record)[0] if record.files else "-"
        return "\t".join(map(str, (wanted.name, state, *figures, costs, record.seconds, path)))

    def _data(self, state: str, record: Item) -> str:
        data = record.model_dump(exclude={"inputs"})
        return json.dumps({**data, "state": state, "files": self._paths(record)})

    def _paths(self, record: Item) -> list[str]:
        """The main file first."""
        return [str(self.folder / each) for each in record.files]


def _stopping() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
