"""`llmi runs`: what the journal knows of earlier runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from llmi_agent.cli.output import Output
from llmi_agent.cli.parameters import json_option, verbose_option

if TYPE_CHECKING:
    from llmi_agent.runner.episodes import Listed


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
    from dataclasses import asdict

    from llmi_agent.runner.episodes import Episodes
    from llmi_agent.store.home import default_store

    output.configure_logs()
    listed = Episodes(default_store()).listed(limit)
    if output.json:
        output.give([asdict(each) for each in listed])
        return
    for each in listed:
        click.echo(_line(each))


def _line(run: Listed) -> str:
    from llmi_agent.base.text import one_line
    from llmi_agent.runner.episodes import SHORT

    state = "done" if run.done else "cut while writing"
    if run.drafted and not run.done:
        state = f"cut, {run.settled} figures settled"
    if not run.readable:
        state = "cannot be read"
    prompt = one_line(run.prompt)
    shown = prompt if len(prompt) <= 60 else prompt[:59] + "…"
    return "\t".join((run.episode[:SHORT], run.began, state, run.model, shown))
