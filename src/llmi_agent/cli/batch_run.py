"""A batch: every document that is wanted and not there yet is written, several at once."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

import click

from llmi_agent.artifacts import ArtifactStore
from llmi_agent.cli import manifest
from llmi_agent.cli.batch_progress import Screen, Tally, show
from llmi_agent.cli.episode import (
    announce,
    arguments,
    attach,
    check_tools,
    document_of,
    follow,
    request_of,
)
from llmi_agent.cli.execute import Order
from llmi_agent.cli.failures import explain
from llmi_agent.cli.folder import reserved
from llmi_agent.cli.graphs import Builder, Graph, find_graph
from llmi_agent.cli.manifest import Key, Manifest, Record
from llmi_agent.cli.progress import ticking
from llmi_agent.cli.prompt_file import Prompt, read_prompts
from llmi_agent.cli.resume import SHORT, remember
from llmi_agent.cli.setup import Setup, prepare
from llmi_agent.cli.signals import run_until_stopped
from llmi_agent.cli.summary import usd
from llmi_agent.cli.text import one_line, plural
from llmi_agent.cli.voice import Voice
from llmi_agent.costs import Charge, Costs
from llmi_agent.errors import InputError, LlmiError
from llmi_agent.home import default_store
from llmi_agent.journal import EpisodeJournal, Journal, journal_beside
from llmi_agent.logs import get_logger
from llmi_agent.render import write
from llmi_agent.render.files import REPORTS


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
class _Wanted:
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


def write_batch(batch: Batch, voice: Voice) -> bool:
    """Write what is not there yet; whether every document is there then. Raises what stops all of them."""
    prompts = read_prompts(batch.prompts)
    members = [None] if batch.group is None else [*range(batch.group)]
    wanted = [_Wanted(prompt, member) for prompt in prompts for member in members]
    setup = prepare(batch.order.flags)
    setup.tell_problems(voice)
    check_tools(setup)
    store = default_store()
    graphs = _Graphs(find_graph(batch.order.graph), setup, store)
    with (
        reserved(Path(batch.out), None, "") as folder,
        manifest.opened(folder) as known,
    ):
        announce(setup, voice)
        tally = Tally(len(wanted))
        with show(tally, live=voice.live) as screen:
            press = _Press(batch, folder, known, store, graphs, tally, screen, voice, sys.stdout)
            try:
                with redirect_stdout(sys.stderr):
                    run_until_stopped(press.write_all(wanted))
            except BaseException:
                with screen.aside():
                    press.tell_failures()
                    voice.say(f"{tally}; the same command again goes on", "resumable")
                raise
        press.tell_failures()
        voice.say(str(tally), "batch.ended")
    return tally.done == tally.total


class _Graphs:
    """The compiled graph, and for the further members of groups the same with other seeds."""

    def __init__(self, build: Builder, setup: Setup, store: ArtifactStore) -> None:
        self._build = build
        self._setup = setup
        self._arguments = arguments(setup, store)
        self._by_member = {0: build(**self._arguments)}

    def of(self, member: int | None) -> Graph:
        member = member or 0
        if member not in self._by_member:
            options = self._setup.config.options
            seeded = options.model_copy(update={"seed": options.seed + member})
            self._by_member[member] = self._build(**{**self._arguments, "options": seeded})
        return self._by_member[member]


@dataclass
class _Life:
    """What is learnt of a document's episode while it goes on."""

    wanted: _Wanted
    inputs: str
    episode: str | None = None
    began: float = field(default_factory=time.monotonic)

    def record(self, state: Any, **fields: Any) -> Record:
        wanted = self.wanted
        seconds = round(time.monotonic() - self.began, 3)
        return Record(
            id=wanted.prompt.id,
            member=wanted.member,
            state=state,
            inputs=self.inputs,
            episode=self.episode,
            seconds=seconds,
            **fields,
        )


@dataclass
class _Press:
    """Writes documents, a few at once, and says what became of each."""

    batch: Batch
    folder: Path
    manifest: Manifest
    store: ArtifactStore
    graphs: _Graphs
    tally: Tally
    screen: Screen
    voice: Voice
    stdout: TextIO
    """What tools print does not go there."""
    failures: list[tuple[str, str]] = field(default_factory=list)
    _digests: dict[Path, str] = field(default_factory=dict)
    """Of attached files, each read once."""

    @cached_property
    def journal(self) -> Journal:
        return journal_beside(self.store)

    async def write_all(self, wanted: Sequence[_Wanted]) -> None:
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
            self.voice.say(f"{plural(len(self.failures), 'document')} failed:", "failures")
        for name, message in self.failures:
            self.voice.say(f"{name}: {message}", "failed")

    async def _write_each(self, waiting: Iterator[_Wanted]) -> None:
        for wanted in waiting:
            self.tally.running += 1
            try:
                await self._write_one(wanted)
            finally:
                self.tally.running -= 1

    async def _write_one(self, wanted: _Wanted) -> None:
        """A document that fails does not stop the others; a manifest or a stdout that cannot be written does."""
        life = _Life(wanted, "")
        try:
            life.inputs = await asyncio.to_thread(self._inputs, wanted.prompt)
            known = self._known(life)
            if known and known.state == "written" and self._complete(known):
                self.tally.skipped += 1
                self._give(wanted, "skipped", known)
                return
            life.episode = self._resumable(life, known)
            record = await self._written(life)
        except Exception as error:  # noqa: BLE001 - models, plugins and graphs may raise anything
            record = self._failed(life, error)
        self.manifest.add(record)
        if record.state == "written":
            self.tally.written += 1
        else:
            self.tally.failed += 1
            self.failures.append((wanted.name, record.message))
        self._give(wanted, record.state, record)
