"""The cache: results that earlier runs have on record, found again by all that determines them.

It has no store of its own. The journal's records of finished calls are what is found, and the artifact store holds
their pictures; clearing the cache makes the records nameless, or deletes whole runs and what nothing refers to then.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from llmi_agent.base.errors import InputError
from llmi_agent.contract.tool import Image, Produced, ToolCall, ToolContext
from llmi_agent.host.registry import Registered
from llmi_agent.records.codec import ended_of
from llmi_agent.records.journal import Journal
from llmi_agent.records.outcome import Finished
from llmi_agent.records.room import Files, make_room
from llmi_agent.store.artifacts import ArtifactStore, Size

GRACE_SECONDS = 600.0
"""How old a file must be to be deleted: a run may be about to write down that it uses it."""

_FORM = 1
"""Of what is digested and what is found; another number, and nothing that is on record is found any more."""


@dataclass(frozen=True)
class Contents:
    """What is kept."""

    runs: int
    files: Size
    """Pictures and attachments."""
    reusable: dict[str, int]
    """By tool: how many different calls have a result that can be found again."""


@dataclass(frozen=True)
class Cleared:
    """What was forgotten."""

    results: int
    """Those that are no longer found again."""
    runs: int = 0
    running: int = 0
    """Runs that stay since they are going on."""
    spared: int = 0
    """Runs that stay for their rewards, or since they are part of a split."""
    files: Size = field(default_factory=Size)
    """Pictures and attachments that were deleted."""
    young: Size = field(default_factory=Size)
    """Those to which nothing refers and which stay since they are younger than `GRACE_SECONDS`, or than was asked for."""
    left: int | None = None
    """Bytes that the folder holds now, if it was to be made smaller."""
    blocked: Size = field(default_factory=Size)
    """Files that are too young to be deleted, referred to or not, if they alone are more than the folder was to hold."""


class Cache:
    """Results across runs."""

    def __init__(self, journal: Journal, store: ArtifactStore) -> None:
        self._journal = journal
        self._store = store

    def find(self, reuse: str) -> Finished | None:
        """The last result for this (`identity`) whose pictures are all still there. It costs nothing.

        One that cannot be read is none: it is another run's, which this one must not end for.
        """
        try:
            record = self._journal.reusable(reuse)
            known = ended_of(record).outcome if record else None
        except InputError:
            return None
        if not isinstance(known, Finished) or not _pictures_there(known, self._store):
            return None
        return known.model_copy(update={"usd": 0.0})

    def produced(self, known: Finished) -> Produced:
        """The result as its tool once handed it over. Raises KeyError if a picture is not there."""
        read = self._store.read
        images = (Image(read(each.digest), each.provenance) for each in known.candidates)
        return Produced(tuple(images), known.note, known.usd)

    def contents(self) -> Contents:
        """What is kept now."""
        tools = Counter(reuse.partition(":")[0] for reuse in self._journal.reusables())
        runs = len(self._journal.episodes())
        return Contents(runs, self._store.size(), dict(sorted(tools.items())))

    def clear(
        self,
        *,
        runs: bool = False,
        older_than: float = 0.0,
        down_to: int | None = None,
        everything: bool = False,
    ) -> Cleared:
        """Let no later run find the results on record; with `runs`, also forget the runs that are not going on.

        older_than: seconds; what is younger stays. down_to: bytes; only the oldest runs go, with their results, until
        the folder holds no more. everything: also runs that have rewards, or are part of a split. Pictures and attachments to which no remaining record refers are
        deleted with the runs. It is safe while others run: a run that goes on is held by its session and keeps its
        records, and what a starting one puts into the store or finds there is young by that (`ArtifactStore.renew`).
        """
        now = time.time()
        if runs and down_to is not None:
            return self._made_smaller(down_to, now, older_than, everything)
        results = self._journal.forget_reusables(now - older_than)
        if not runs:
            return Cleared(results)
        forgotten = self._journal.forget_runs(now - older_than, everything=everything)
        deleted, young = self._swept(now, older_than)
        return Cleared(results, *forgotten, deleted, young)

    def _made_smaller(
        self, down_to: int, now: float, older_than: float, everything: bool
    ) -> Cleared:
        results = len(self._journal.reusables())
        since = _young(now, older_than)
        young = dict(self._store.sizes(since))
        files = Files(dict(self._store.sizes()), young.keys(), since)
        forgotten, in_the_way = make_room(
            self._journal, files, down_to, now - older_than, everything=everything
        )
        results -= len(self._journal.reusables())
        swept = self._swept(now, older_than)
        left = self._journal.size() + self._store.size().bytes
        blocked = Size(len(young), sum(young.values())) if in_the_way else Size()
        return Cleared(results, *forgotten, *swept, left, blocked)

    def _swept(self, now: float, older_than: float) -> tuple[Size, Size]:
        """Files to which nothing refers: those that are deleted, and those that are too young for that."""
        # The order matters: who writes a reference after they are read has renewed what it is to before.
        return self._store.sweep(self._journal.digests(), _young(now, older_than))


def _young(now: float, older_than: float) -> float:
    """What was put or renewed since then stays, in seconds since the epoch."""
    return now - max(GRACE_SECONDS, older_than)


def identity(call: ToolCall, registered: Registered, context: ToolContext) -> str | None:
    """What a later call's result may be found by: the tool's name, and a digest of all that the tool can see.

    The same tool of the same version, which gets the same call, settings, attachments, folders, seed, and secrets:
    another account may be shown something else. None for a tool that was handed over in code: nobody knows whether it
    is the same one the next time.
    """
    if registered.version == "?":
        return None
    seen = [
        _FORM,
        registered.distribution,
        registered.version,
        _source(registered.spec.load),
        call.kind,
        call.tool,
        call.description,
        call.params.model_dump(mode="json"),
        call.inputs,
        [(each.name, each.media_type, each.digest) for each in context.attachments],
        [str(folder.absolute()) for folder in context.folders],
        dict(context.settings),
        dict(context.secrets),
        context.seed,
    ]
    try:
        text = json.dumps(seen, sort_keys=True, default=repr)
    except (TypeError, ValueError):  # settings made in code, with keys that are no strings
        return None
    return f"{call.tool}:{hashlib.sha256(text.encode()).hexdigest()}"


def read_sources(tools: Iterable[Registered]) -> None:
    """Read at once what `identity` needs of the tools' code, where an event loop must not wait for it later."""
    for each in tools:
        if each.version != "?":
            _source(each.spec.load)


@lru_cache
def _source(load: str) -> str:
    """A digest of the code in the folder of the tool's module.

    Authors work on a tool without giving it a new version each time, and must not be shown what it did before.
    """
    digest = hashlib.sha256()
    for path in _modules(load.partition(":")[0]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _modules(module: str) -> list[Path]:
    """The Python files beside a module, found without importing anything."""
    top, *inner = module.split(".")
    try:
        spec = find_spec(top)
    except ValueError:  # a module that was made by hand
        return []
    if spec is None:
        return []
    if not inner:
        return [Path(spec.origin)] if spec.has_location and spec.origin else []
    folders = [Path(each, *inner[:-1]) for each in spec.submodule_search_locations or ()]
    found = (path for folder in folders for path in folder.rglob("*.py"))
    return sorted(path for path in found if path.is_file())  # editors leave dangling links


def _pictures_there(outcome: Finished, store: ArtifactStore) -> bool:
    """Whether all its pictures are still in the store; they stay there while the run goes on to use them."""
    return all(store.renew(candidate.digest) for candidate in outcome.candidates)
