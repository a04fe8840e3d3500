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
    listed = [_run(journal, episode) for episode in journal.episodes()[:limit]]
    if output.json:
        output.give(listed)
        return
    for each in listed:
        click.echo(_line(each))


def _run(journal: Journal, episode: str) -> dict[str, Any]:
    from datetime import UTC, datetime

    records = journal.read(episode)
    opened = next(each for each in records if each.kind == "opened")
    order: dict[str, Any] = next((each.data for each in records if each.kind == "order"), {})
    return {
        "episode": episode,
        "began": datetime.fromtimestamp(opened.at, UTC).isoformat(timespec="seconds"),
        "done": any(each.kind == "composed" for each in records),
        "drafted": any(each.kind == "drafted" for each in records),
        "settled": len({each.key for each in records if each.kind == "verdict"}),
        "calls": sum(each.kind == "started" for each in records),
        "model": opened.data["model"],
        "prompt": opened.data["prompt"],
        "out": order.get("out"),
    }


def _line(run: dict[str, Any]) -> str:
    from llmi_agent.cli.resume import SHORT
    from llmi_agent.cli.text import one_line

    state = "done" if run["done"] else "cut while writing"
    if run["drafted"] and not run["done"]:
        state = f"cut, {run['settled']} figures settled"
    prompt = one_line(run["prompt"])
    shown = prompt if len(prompt) <= 60 else prompt[:59] + "…"
    return "\t".join((run["episode"][:SHORT], run["began"], state, run["model"], shown))
