"""One run from the command line: everything is checked, then the graph runs, then files are written."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmi_agent.base.secrets import Redactor, secret_values
from llmi_agent.cli import summary
from llmi_agent.cli.announcement import announce, tell_problems
from llmi_agent.cli.output import Output, print_files
from llmi_agent.cli.progress import Watcher, ticking, watch
from llmi_agent.document.model import Document
from llmi_agent.document.render import write_document
from llmi_agent.records.journal import Journal, journal_beside
from llmi_agent.runner.episode import (
    arguments,
    attach,
    check_tools,
    document_of,
    follow,
    request_of,
)
from llmi_agent.runner.folder import holds_report, reserved
from llmi_agent.runner.graphs import Graph, find_graph
from llmi_agent.runner.order import Order
from llmi_agent.runner.resume import SHORT, recall, remember
from llmi_agent.runner.setup import prepare
from llmi_agent.runner.signals import run_until_stopped
from llmi_agent.store.home import default_store


def execute(order: Order, output: Output) -> None:
    """Run, write, and say what came of it. Raises whatever stops it; `failures` has the words."""
    began = time.monotonic()
    store = default_store()
    journal = journal_beside(store)
    recalled = recall(order, journal, store) if order.resume is not None else None
    flags = {**recalled.flags, **order.flags} if recalled else order.flags
    order = recalled.order if recalled else order
    setup = prepare(flags)
    tell_problems(setup, output)
    check_tools(setup)
    build = find_graph(order.graph)
    out = Path(order.out) if order.out else None
    name = Redactor(secret_values(setup.secrets)).text(order.prompt)
    with reserved(out, setup.config.out, name) as folder:
        attachments = attach(store, order.attachments)
        announce(setup, output)
        with watch(output.live) as watcher, redirect_stdout(sys.stderr):
            graph = build(**arguments(setup, store))
            life = _Life(journal, order, folder, watcher, output)
            request = (
                {"resume": recalled.episode} if recalled else request_of(order.prompt, attachments)
            )
            try:
                state = run_until_stopped(_watched(graph, request, life))
            except BaseException:
                life.tell_the_way_on()
                raise
        document = document_of(state)
        if holds_report(folder):
            output.say(f"replacing the earlier report in {folder}")
        files = write_document(document, store, folder, order.formats)
        _report(document, files, time.monotonic() - began, output)


@dataclass
class _Life:
    """What the command line learns of a run while it goes on."""

    journal: Journal
    order: Order
    folder: Path
    watcher: Watcher
    output: Output
    episode: str | None = None
    asked: bool = False
    """The policy has begun to write, so there is something to go on with."""

    def tell(self, event: Mapping[str, Any]) -> None:
        if event.get("type") == "opened":
            self.episode = str(event["episode"])
            remember(self.journal, self.episode, self.order, self.folder)
        self.asked = self.asked or event.get("type") == "text"
        if event.get("type") == "restart":
            self.output.say(str(event["message"]), "restart")
        self.watcher.tell(event)

    def tell_the_way_on(self) -> None:
        if self.episode and self.asked:
            self.output.say(f"go on with it: llmi run --resume {self.episode[:SHORT]}", "resumable")


async def _watched(graph: Graph, request: Mapping[str, Any], life: _Life) -> Mapping[str, Any]:
    async with ticking(life.watcher):
        return await follow(graph, request, life.tell)


def _report(document: Document, files: Sequence[Path], seconds: float, output: Output) -> None:
    if output.live:
        summary.show(document, seconds)
    else:
        for sentence in summary.warnings(document):
            output.say(sentence, "missing")
    if output.json:
        output.give(summary.data(document, files, seconds))
    else:
        print_files(files)
