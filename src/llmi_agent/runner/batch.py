"""A batch: many jobs, a few at once, with a manifest by which it goes on after anything."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from llmi_agent.base.errors import LlmiError
from llmi_agent.base.text import one_line
from llmi_agent.document.render.files import REPORTS
from llmi_agent.runner.inputs import Inputs, group_of
from llmi_agent.runner.job import FORMATS, Failure, Job, Written, failure_of
from llmi_agent.runner.manifest import Item, ItemState, Key, Manifest
from llmi_agent.runner.prompt_file import Prompt
from llmi_agent.runner.runner import Runner, Tell


@dataclass(frozen=True)
class Wanted:
    """A document of a batch."""

    prompt: Prompt
    member: int | None
    """Of the prompt's group; None if it has none."""

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


def all_wanted(prompts: Sequence[Prompt], group: int | None) -> list[Wanted]:
    """The documents of these prompts: each once, or as often as `group` says."""
    members = [None] if group is None else [*range(group)]
    return [Wanted(prompt, member) for prompt in prompts for member in members]


@dataclass(frozen=True)
class Ended:
    """What became of a document."""

    wanted: Wanted
    state: Literal["written", "skipped", "failed"]
    """skipped: it was there before."""
    item: Item
    """As the manifest has it, unless its inputs could not even be read."""
    failure: Failure | None = None


class Listener(Protocol):
    """Who is told how a batch goes, on the event loop. What it raises stops the batch, but of a run's event that run."""

    def begun(self, wanted: Wanted) -> None:
        """The document's turn has come."""

    def tell(self, wanted: Wanted, event: Mapping[str, Any]) -> None:
        """An event of its run; before them, if it is written anew, {"type": "changed", "what": "inputs"} or "settings"."""

    def ended(self, ended: Ended) -> None:
        """The document is there, or has failed. Not told of one that is stopped."""


@dataclass
class Batch:
    """Writes documents into a folder."""

    runner: Runner
    folder: Path
    manifest: Manifest
    """The folder's."""
    listener: Listener
    formats: tuple[str, ...] = FORMATS
    """None: no files are written, and a document is there if it is on record."""
    concurrency: int = 4
    """Documents at once."""
    seed: int = 0
    """What each member's own is derived from."""
    _inputs: Inputs = field(default_factory=Inputs)

    async def write(self, wanted: Sequence[Wanted]) -> None:
        """Returns when each has been written, was there, or has failed; to be cancelled stops them all."""
        waiting = iter(wanted)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self.concurrency, len(wanted))):
                    group.create_task(self._write_each(waiting))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _write_each(self, waiting: Iterator[Wanted]) -> None:
        for wanted in waiting:
            self.listener.begun(wanted)
            self.listener.ended(await self._ended(wanted))

    async def _ended(self, wanted: Wanted) -> Ended:
        """A document that fails does not stop the others; a manifest that cannot be written does."""
        prompt = wanted.prompt
        try:
            inputs = await asyncio.to_thread(
                self._inputs.digest, prompt.text, prompt.attach, prompt.demand
            )
        except (
            LlmiError,
            OSError,
            ValueError,
        ) as error:  # nothing was tried, and what is known of it still holds
            failure = failure_of(error, self.runner.secrets)
            return Ended(wanted, "failed", self._failed(wanted, "", failure), failure)
        known = self._known(wanted, inputs)
        if known and self._complete(known):
            return Ended(wanted, "skipped", known)
        outcome = await self._outcome(wanted, inputs, known)
        if isinstance(outcome, Failure):
            ended = Ended(wanted, "failed", self._failed(wanted, inputs, outcome), outcome)
        else:
            ended = Ended(wanted, "written", self._written(wanted, inputs, outcome))
        self.manifest.add(ended.item)
        return ended

    def _known(self, wanted: Wanted, inputs: str) -> Item | None:
        """What became of the document so far, if it is still the same one."""
        known = self.manifest.last(wanted.key)
        if known is None:
            return None
        settings = self.runner.settings
        if known.inputs != inputs:
            changed = "inputs"
        elif known.settings and settings and known.settings != settings:
            changed = "settings"
        else:
            return known
        self.listener.tell(wanted, {"type": "changed", "what": changed})
        return None

    def _complete(self, known: Item) -> bool:
        """Whether it was written, and in all the formats that are asked for."""
        asked = {REPORTS[each] for each in self.formats}
        there = {Path(each).name for each in known.files if (self.folder / each).is_file()}
        return known.state == "written" and asked <= there

    async def _outcome(self, wanted: Wanted, inputs: str, known: Item | None) -> Written | Failure:
        member, prompt = wanted.member, wanted.prompt
        job = Job(
            prompt.text,
            prompt.attach,
            self.folder / wanted.folder if self.formats else None,
            self.formats,
            seed=self.seed,
            group="" if member is None else self._group(prompt, inputs),
            member=member,
            split=prompt.split,
            demand=prompt.demand,
            resume=(known.episode or "") if known else "",
        )
        return await self.runner.attempt(job, self._listening(wanted, inputs, job.resume))

    def _group(self, prompt: Prompt, inputs: str) -> str:
        return group_of(inputs, self.runner.settings, prompt.id, self.folder)

    def _listening(self, wanted: Wanted, inputs: str, resumed: str) -> Tell:
        def tell(event: Mapping[str, Any]) -> None:
            if event.get("type") == "opened" and event["episode"] != resumed:
                item = self._item(wanted, inputs, "opened", episode=str(event["episode"]))
                self.manifest.add(item)
            self.listener.tell(wanted, event)

        return tell

    def _written(self, wanted: Wanted, inputs: str, written: Written) -> Item:
        document = written.document
        return self._item(
            wanted,
            inputs,
            "written",
            episode=written.episode,
            title=document.title,
            figures=len(document.figures),
            missing=len(document.missing),
            usd=document.costs.total,
            seconds=round(written.seconds, 3),
            files=tuple(path.relative_to(self.folder).as_posix() for path in written.files),
        )

    def _failed(self, wanted: Wanted, inputs: str, failure: Failure) -> Item:
        return self._item(
            wanted,
            inputs,
            "failed",
            episode=failure.episode,
            usd=failure.costs.total,
            seconds=round(failure.seconds, 3),
            message=failure.message,
        )

    def _item(self, wanted: Wanted, inputs: str, state: ItemState, **known: Any) -> Item:
        return Item(
            id=wanted.prompt.id,
            member=wanted.member,
            state=state,
            inputs=inputs,
            settings=self.runner.settings,
            **known,
        )
