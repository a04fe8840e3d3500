"""Run by `test_cuts.py` in a process of its own: forks runs, kills them, resumes them, and says what it saw.

Prints one JSON object per trial. Forking after the imports keeps a trial short.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage

from llmi_agent.config.options import Options
from llmi_agent.contract.tool import ToolCall, ToolContext, ToolResult
from llmi_agent.document.model import Document
from llmi_agent.records.journal import journal_beside
from llmi_agent.runner.signals import Stopped, run_until_stopped
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel, slot
from llmi_graphs import build_graph

DRAFT = "# T\n\n" + "\n\nSome words between.\n\n".join(
    [
        slot("search", query="a"),
        slot("edit", img_index=0, prompt="crop"),
        slot("code", code="x"),
        slot("edit", img_index=1, prompt="sepia"),
        slot("diffusion", prompt="p"),
    ]
)


def graph(store: ArtifactStore, log: Path) -> Any:
    """Every model answer and every call's start leaves a line in `log`."""

    def note(line: str) -> None:
        with log.open("a") as file:
            file.write(line + "\n")

    def answer(messages: list[BaseMessage]) -> str:
        note("asked")
        return DRAFT

    async def work(call: ToolCall, context: ToolContext) -> ToolResult:
        note(f"{'picked' if context.job else 'started'} {call.key}")
        try:
            if context.job is None:
                await context.record_job(f"job-{call.key}")
            await asyncio.sleep(0.03)
        except asyncio.CancelledError:
            note(f"cancelled {call.key}")
            raise
        note(f"ended {call.key}")
        return FakeTool("x", "search").picture(call, context)

    kinds = ("search", "edit", "code", "diffusion")
    return build_graph(
        model=ScriptedModel(script=answer, chunk=20, pause=0.004),
        tools=[FakeTool(f"a_{kind}", kind, [work]) for kind in kinds],
        options=Options(retry_wait=0.0),
        store=store,
        secrets={},
    )


def child(work: Any) -> int:
    """Fork, and run `work` in the child, which exits with 0 if it ended well and with 3 if it was stopped."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: None)  # it may come when the run has just ended
            run_until_stopped(work())
            code = 0
        except Stopped:
            code = 3
        finally:
            os._exit(code)
    return pid


LINES = 11
"""Of the log of a whole run: asked, and the start and the end of five calls."""


def reach(log: Path, lines: int, seconds: float) -> None:
    """Wait for so many lines in the log, and then so many seconds."""
    while len(log.read_text().splitlines()) < lines:
        time.sleep(0.001)
    time.sleep(seconds)


def stopped(folder: Path, lines: int, seconds: float, number: signal.Signals) -> dict[str, Any]:
    """Stop a run by a signal so many seconds after the log has so many lines."""
    store, log = ArtifactStore(folder / "store"), folder / "log"
    log.touch()

    async def first() -> None:
        await graph(store, log).ainvoke({"messages": [HumanMessage("Write.")]})
        assert len(asyncio.all_tasks()) == 2  # this one, and the one that guards it

    pid = child(first)
    reach(log, lines, seconds)
    os.kill(pid, number)
    _, status = os.waitpid(pid, 0)
    lines = [line.split() for line in log.read_text().splitlines()]
    begun = {line[1] for line in lines if line[0] == "started"}
    return {
        "code": os.waitstatus_to_exitcode(status),
        "open": sorted(begun - {line[1] for line in lines if line[0] in ("ended", "cancelled")}),
        "cancelled": sum(line[0] == "cancelled" for line in lines),
        "left": [str(path) for path in store.root.rglob(".new-*")],
    }


def trial(folder: Path, lines: int, seconds: float) -> dict[str, Any]:
    """Kill a run so many seconds after the log has so many lines, then resume it."""
    store, log = ArtifactStore(folder / "store"), folder / "log"
    log.touch()

    async def first() -> None:
        await graph(store, log).ainvoke({"messages": [HumanMessage("Write.")]})

    pid = child(first)
    reach(log, lines, seconds)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    journal = journal_beside(store)
    (episode,) = journal.episodes()
    records = journal.read(episode)
    journal.close()
    finished = [record.key for record in records if record.kind == "call_ended"]
    jobs = [
        record.key for record in records if record.kind == "call_job" and record.key not in finished
    ]
    kinds = {record.kind for record in records}

    async def second() -> None:
        answer = await asyncio.wait_for(graph(store, log).ainvoke({"resume": episode}), 20)
        assert len(Document.model_validate(answer["document"]).figures) == 5

    _, status = os.waitpid(child(second), 0)
    lines = log.read_text().splitlines()
    return {
        "completed": status == 0,
        "drafted": "draft_read" in kinds,
        "writing": "model_started" in kinds and "draft_read" not in kinds,
        "asked": lines.count("asked"),
        "twice": [key for key in finished if lines.count(f"started {key}") != 1],
        "not_picked": [key for key in jobs if lines.count(f"picked {key}") != 1],
        "finished": len(finished),
    }


def main() -> None:
    how, folder, count, seed = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    chance = random.Random(seed)
    for number in range(count):
        place = folder / str(number)
        place.mkdir()
        lines, seconds = 1 + number % LINES, chance.uniform(0.0, 0.05)
        if how == "kill":
            seen = trial(place, lines, seconds)
        else:
            seen = stopped(place, lines, seconds, (signal.SIGINT, signal.SIGTERM)[number % 2])
        print(json.dumps(seen), flush=True)


if __name__ == "__main__":
    main()
