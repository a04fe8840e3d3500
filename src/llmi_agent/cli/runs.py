"""`llmi runs`: what the journal knows of earlier runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from llmi_agent.cli.output import Output
from llmi_agent.cli.parameters import json_option, verbose_option

if TYPE_CHECKING:
    from llmi_agent.records.journal import Journal


@click.command()
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, metavar="N",
              help="How many to list.")  # fmt: skip
@json_option
@verbose_option
@click.pass_obj
def runs(output: Output, limit: int) -> None:
    """List runs, the newest first.

    One that was cut goes on with `llmi run --resume RUN`. Each line: the run, when it began, how far it is (done, or slots settled and known), its prompt.
    """
    from llmi_agent.records.journal import journal_beside
    from llmi_agent.store.home import default_store

    output.configure_logs()
    store = default_store()
    journal = journal_beside(store)
    listed = [_run(journal, episode) for episode in journal.episodes(limit=limit)]
    if output.json:
        output.give(listed)
        return
    for each in listed:
        click.echo(_line(each))


def _run(journal: Journal, episode: str) -> dict[str, Any]:
    from datetime import UTC, datetime

    from llmi_agent.records.codec import events_of
    from llmi_agent.records.events import CallStarted
    from llmi_agent.records.known import Known

    events = list(events_of(journal.read(episode)))
    known = Known(event for _, event in events)
    assert known.opened is not None, "it is listed by that"
    return {
        "episode": episode,
        "began": datetime.fromtimestamp(events[0][0], UTC).isoformat(timespec="seconds"),
        "done": known.composed is not None,
        "drafted": known.draft is not None,
        "settled": len(known.settled),
        "calls": sum(isinstance(e, CallStarted) and not e.cached for _, e in events),
        "model": known.opened.model,
        "prompt": known.opened.prompt,
        "out": known.ordered.order.get("out") if known.ordered else None,
    }


def _line(run: dict[str, Any]) -> str:
    from llmi_agent.base.text import one_line
    from llmi_agent.runner.resume import SHORT

    state = "done" if run["done"] else "cut while writing"
    if run["drafted"] and not run["done"]:
        state = f"cut, {run['settled']} figures settled"
    prompt = one_line(run["prompt"])
    shown = prompt if len(prompt) <= 60 else prompt[:59] + "…"
    return "\t".join((run["episode"][:SHORT], run["began"], state, run["model"], shown))
