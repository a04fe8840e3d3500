"""Run by `test_kills.py` in a process of its own: kills runs at every boundary of their records, and goes on with them.

Prints one JSON object per trial: what was wrong with it, and what it saw. Forking after the imports keeps a trial short.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import shutil
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from kill_scene import FIGURES, FREE, KNOWN, Log, graph
from langchain_core.messages import HumanMessage

from llmi_agent.document.compose import recompose
from llmi_agent.document.model import Document
from llmi_agent.records import writer
from llmi_agent.records.codec import events_of
from llmi_agent.records.costs import Charge
from llmi_agent.records.events import CallEnded, CallJob, Charged, Event, ModelEnded, ModelStarted
from llmi_agent.records.journal import journal_beside
from llmi_agent.records.known import Known
from llmi_agent.store import decoder
from llmi_agent.store.artifacts import ArtifactStore

Insert = Callable[[Any, Sequence[writer.Write]], None]
About = tuple[str, str, int | None, int]
"""Of a charge: the model or tool, the model's purpose, the slot, the attempt."""
SECONDS = 20.0


def dying(after: int, *, before_it: bool) -> Insert:
    """Writes so many records, and then kills the process; `before_it`: before the transaction that has the last of them."""
    insert, seen = writer.insert, 0

    def write(connection: Any, rows: Sequence[writer.Write]) -> None:
        nonlocal seen
        if seen + len(rows) < after:
            insert(connection, rows)
            seen += len(rows)
            return
        if before_it:
            time.sleep(0.01)  # whatever does not wait for these records happens
        else:
            insert(connection, rows[: after - seen])
        os.kill(os.getpid(), signal.SIGKILL)

    return write


def life(work: Callable[[], Coroutine[Any, Any, None]], kill: Insert | None = None) -> int:
    """Run it in a child; returns the child's exit code, which is negative if it was killed."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            if kill:
                writer.insert = kill
            asyncio.run(work())
            code = 0
        except BaseException:  # noqa: BLE001 - it is said, and the child ends
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


class Trial:
    """A run in a store of its own, through all its lives."""

    def __init__(self, folder: Path, prepared: Path) -> None:
        shutil.copytree(prepared, folder)
        self.folder = folder
        self.store, self.log = ArtifactStore(folder), Log(folder / "log")
        self.faults: list[str] = []
        self.kills = 0
        self.turned, self.unused = Counter[About](), Counter[About]()
        """Calls that cost nothing in the end; calls that were paid for, as far as the records know, and never came about."""

    def begin(self, kill: Insert | None = None, *, troubled: bool = True) -> bool:
        """Whether it came to its end."""
        return self._lived({"messages": [HumanMessage("Write.")]}, kill, troubled=troubled)

    def resume(self, kill: Insert | None = None) -> bool:
        """The same, for another life of it. What is on record by now must not happen again."""
        events = self.events()
        lines = self.log.lines
        ended = self._lived({"resume": self.episode()}, kill)
        later = self.log.lines[len(lines) :]
        self._check_again(events, later, ended=ended)
        return ended

    def episode(self) -> str:
        journal = journal_beside(self.store)
        newest, *before = journal.episodes()
        journal.close()
        return newest if before else ""

    def events(self) -> list[Event]:
        if not self.episode():
            return []
        journal = journal_beside(self.store)
        events = [event for _, event in events_of(journal.read(self.episode()))]
        journal.close()
        return events

    @property
    def document(self) -> Document:
        return Document.model_validate_json((self.folder / "document.json").read_text())

    def _lived(self, request: Any, kill: Insert | None, *, troubled: bool = True) -> bool:
        async def work() -> None:
            runs = graph(self.store, self.log, troubled=troubled)
            answer = await asyncio.wait_for(runs.ainvoke(request), SECONDS)
            (self.folder / "document.json").write_text(json.dumps(answer["document"]))

        records, lines = len(self.events()), len(self.log.lines)
        code = life(work, kill)
        self._note(self.events()[records:], self.log.lines[lines:], killed=code != 0)
        if code not in (0, -signal.SIGKILL):
            self.faults.append(f"a life ended with {code}")
        return code == 0

    def _note(self, events: list[Event], lines: list[str], *, killed: bool) -> None:
        """What a life has set money aside for, and was killed before it started it."""
        self.kills += killed
        self.turned += Counter(_place(each.split()) for each in lines if each.startswith("turned"))
        held = (each.charge for each in events if isinstance(each, Charged) and not each.settled)
        jobs = {each.call for each in events if isinstance(each, CallJob)}
        told = (each.split()[1] for each in lines if each.startswith("recorded"))
        self.faults += [f"the job of {key} is not on record" for key in told if key not in jobs]
        if killed:
            self.unused += Counter(map(_about, filter(None, held))) - _paid(lines)

    def _check_again(self, before: list[Event], later: list[str], *, ended: bool) -> None:
        """Nothing whose end was on record before is asked or called later; jobs are picked up."""
        known = Known(before)
        keys = Counter(line.split()[1] for line in later if line.startswith("started"))
        done = {e.call for e in before if isinstance(e, CallEnded) and e.by != "nobody"}
        jobs = {each.call for each in before if isinstance(each, CallJob)} - done
        self.faults += [f"{key} was called again" for key in done if keys[key]]
        self.faults += [f"{key} was started beside its job" for key in jobs if keys[key]]
        picked = Counter(line.split()[1] for line in later if line.startswith("picked"))
        self.faults += [f"{key} was picked up again" for key in done if picked[key]]
        if ended and known.draft is not None:
            self.faults += [f"the job of {key} is lost" for key in jobs if picked[key] != 1]
        for each in before:
            question = known.asked.get(each.call) if isinstance(each, ModelEnded) else None
            if isinstance(each, ModelEnded) and each.accepted and question:
                about = "draft" if question.purpose == "draft" else question.slot
                again = [
                    line
                    for line in later
                    if line.startswith("asked") and line.split()[2] == str(about)
                ]
                self.faults += [f"asked again: {line}" for line in again]

    def check_money(self) -> None:
        """Whatever reached a vendor is in the document's costs, and nothing twice."""
        charges = Counter(map(_about, self.document.costs.charges))
        paid = _paid(self.log.lines)
        for about in {each for each in (*charges, *paid) if each[0] != FREE}:
            most = paid[about] + self.unused[about]
            if not paid[about] - self.turned[about] <= charges[about] <= most:
                said = f"paid {paid[about]} times, counted {charges[about]} (at most {most})"
                self.faults.append(f"{said}: {about}")

    def check_whole(self, model: Document) -> None:
        """The document is what it would be without a kill, and is on record."""
        ours, theirs = ([_bare(each) for each in of.blocks] for of in (self.document, model))
        self.faults += [f"{a} rather than {b}" for a, b in zip(ours, theirs, strict=True) if a != b]
        known = Known(self.events())
        created = datetime.fromisoformat(self.document.created).timestamp()
        if recompose(self.episode(), known, created) != self.document:
            self.faults.append("it cannot be made again from its records")
        started = {each.call for each in known.asked.values()}
        if started != {e.call for e in self.events() if isinstance(e, ModelStarted)}:
            self.faults.append("two calls of models have one name")


def _about(charge: Charge) -> About:
    model = charge.call == "model"
    return charge.name, charge.purpose if model else "", charge.slot, charge.attempt


def _paid(lines: Iterable[str]) -> Counter[About]:
    """What reached a vendor, by the lines of the log."""
    calls = (each.split() for each in lines if each.startswith(("started", "asked")))
    return Counter(map(_place, calls))


def _place(words: list[str]) -> About:
    """What the line of a call is about."""
    if words[0] == "started":
        return words[2], "", int(words[3]), int(words[4])
    *_, model, of = words
    return model, "draft" if of == "draft" else "repair", None if of == "draft" else int(of), 0


def _bare(block: Any) -> dict[str, Any]:
    return dict(block.model_dump(exclude={"usd"}))


def prepare(folder: Path) -> None:
    """A store with one finished run, whose result is found again. In this process: what it imports, no child must."""

    async def write() -> None:
        runs = graph(store, Log(folder / "log"), troubled=False, first=KNOWN)
        await runs.ainvoke({"messages": [HumanMessage("Before.")]})

    folder.mkdir()
    store = ArtifactStore(folder)
    asyncio.run(write())
    journal_beside(store).close()
    decoder.shared.close()
    (folder / "log").unlink()
    assert threading.active_count() == 1, threading.enumerate()
    gc.freeze()


def main() -> None:
    folder, step = Path(sys.argv[1]), int(sys.argv[2])
    prepare(folder / "prepared")
    chance = random.Random(step)

    def trial(name: str) -> Trial:
        return Trial(folder / name, folder / "prepared")

    model = trial("model")
    assert model.begin(troubled=False)
    assert len(model.document.figures) == FIGURES, model.document
    whole = trial("whole")
    assert whole.begin()
    whole.check_money()
    whole.check_whole(model.document)
    records = len(whole.events())
    print(json.dumps({"faults": whole.faults, "records": records}), flush=True)
    for number, after in enumerate(range(0, records, step)):
        began = time.monotonic()
        own = trial(f"{after}")
        before_it = number % 3 == 2
        own.begin(dying(after, before_it=before_it))
        if own.kills and own.episode():
            if number % 2:
                own.resume(dying(chance.randrange(1, 60), before_it=False))
            if not (own.folder / "document.json").exists():
                own.resume()
        said = {"after": after, "before_it": before_it, "kills": own.kills}
        if (own.folder / "document.json").exists():
            own.check_money()
            own.check_whole(model.document)
        elif own.episode():
            own.faults.append("there is no document")
        elif own.log.lines:
            own.faults.append("something was asked, and nothing is on record")
        seconds = round(time.monotonic() - began, 2)
        print(json.dumps({**said, "seconds": seconds, "faults": own.faults}), flush=True)
        shutil.rmtree(own.folder)


if __name__ == "__main__":
    main()
