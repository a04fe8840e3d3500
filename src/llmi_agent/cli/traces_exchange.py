"""`llmi traces export` and `llmi traces import`: traces for others, and of others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from llmi_agent.cli.output import Output
from llmi_agent.cli.parameters import json_option, verbose_option
from llmi_agent.cli.text import plural
from llmi_agent.cli.traces_options import (
    chosen,
    filters,
    from_option,
    limit_option,
    meant,
    place_of,
)

if TYPE_CHECKING:
    from llmi_agent.traces.exchange.exporting import Exported
    from llmi_agent.traces.exchange.importing import Imported

FORMS = ("parquet", "jsonl", "atif", "sft", "dpo", "kto", "llm-i")
_SHOWN = 10
"""Episodes that are named of those which could not be taken."""


@click.command()
@click.argument("episodes", metavar="[RUN]...", nargs=-1)
@click.option(
    "--out",
    type=click.Path(),
    required=True,
    metavar="FILE",
    help="What to write: .parquet, .jsonl, .jsonl.gz or .jsonl.zst; for ATIF also a folder.",
)
@click.option(
    "--form",
    type=click.Choice(FORMS),
    help="What a row is: a run with all that is on record of it (parquet, jsonl), an ATIF trajectory, or what "
    "trainers learn from.  [default: by FILE's ending]",
)
@from_option
@click.option(
    "--pictures",
    type=click.Choice(("none", "beside", "inside")),
    help="How pictures and attachments go along: not at all, in a folder beside FILE, or in it.  "
    "[default: beside; with sft, dpo and kto none]",
)
@click.option(
    "--tokens",
    is_flag=True,
    help="With sft: the ids of the tokens that were sampled, instead of messages.",
)
@click.option(
    "--pairs",
    type=click.Choice(("all", "best")),
    help="With dpo: every two runs of a group whose rewards differ, or only the best with the worst.  [default: all]",
)
@filters
@limit_option()
@json_option
@verbose_option
@click.pass_obj
def export(
    output: Output,
    /,
    episodes: tuple[str, ...],
    out: str,
    form: str | None,
    place: str | None,
    pictures: Any,
    tokens: bool,
    pairs: Any,
    limit: int | None,
    **given: Any,
) -> None:
    """Write runs to a file for other programs, or for another home.

    All runs go into it, the oldest first, unless some are named or options say which. The file appears whole or not at all.
    What cannot go into it is said on stderr; the file's path is printed. docs/traces.md says what each column holds.
    """
    from llmi_agent.traces.choosing import EVERY, traces
    from llmi_agent.traces.exchange.exporting import export as written

    output.configure_logs()
    where = place_of(place)
    found = meant(where, episodes, given, limit)
    some = episodes or limit is not None or chosen(given) != EVERY
    peers = traces(where) if form == "kto" and some else ()
    done = written(found, out, form, pictures=pictures, tokens=tokens, pairs=pairs, peers=peers)
    if output.json:
        output.give({**vars(done), "out": str(done.out), "named": _named(done.named)})
        return
    for sentence in _of_export(done):
        output.say(sentence, "exported")
    click.echo(str(done.out))


def _of_export(done: Exported) -> Iterator[str]:
    files = f", {plural(done.pictures, 'file')} of theirs with them" if done.pictures else ""
    yield f"{plural(done.episodes, 'run')} read, {plural(done.rows, 'row')} written{files}"
    if done.absent:
        yield f"{plural(done.absent, 'file')} could not go along: no longer there, or altered"
    for why, count in done.left_out.items():
        yield f"left out {count} times: {why}"
    for episode, why in done.named[:_SHOWN]:
        yield f"not exported: {episode}: {why}"
    if (more := done.unreadable - len(done.named[:_SHOWN])) > 0:
        yield f"not exported: {plural(more, 'more run')}"


@click.command(name="import")
@click.argument("places", metavar="PLACE...", nargs=-1, required=True, type=click.Path(exists=True))
@click.option(
    "--into",
    type=click.Path(file_okay=False),
    metavar="HOME",
    help="The home of LLMI that takes them.  [default: your own]",
)
@click.option(
    "--unchecked",
    is_flag=True,
    help="Take runs too in which `llmi traces verify` finds an error, as far as they can be read.",
)
@json_option
@verbose_option
@click.pass_context
def import_(
    ctx: click.Context, /, places: tuple[str, ...], into: str | None, *, unchecked: bool
) -> None:
    """Take over runs from other homes, journals, and files that `llmi traces export` wrote.

    The same run twice is one. One that went on elsewhere, or got further rewards there, is completed. What contradicts what
    is here, or is damaged (`llmi traces verify`), is refused by name; the rest is taken, and the exit code is then 1. An import that was
    interrupted goes on when it is repeated.
    """
    from pathlib import Path

    from llmi_agent.store.artifacts import ArtifactStore
    from llmi_agent.traces.exchange.importing import import_traces

    output: Output = ctx.obj
    output.configure_logs()
    store = None if into is None else ArtifactStore(Path(into).expanduser() / "artifacts")
    done = import_traces(list(places), store, unchecked=unchecked)
    if output.json:
        output.give({**vars(done), "named": _named(done.named)})
    else:
        for sentence in _refusals(done):
            output.say(sentence, "refused")
        click.echo(_of_import(done))
    if done.refused:
        ctx.exit(1)


def _of_import(done: Imported) -> str:
    files = f"; {plural(done.pictures, 'file')} of theirs taken"
    absent = f", {done.absent} not there" if done.absent else ""
    return (
        f"{plural(done.new, 'new run')}, {done.completed} completed, {done.same} here already, "
        f"{done.refused} refused{files}{absent}"
    )


def _refusals(done: Imported) -> Iterator[str]:
    for what, why in done.named[:_SHOWN]:
        yield f"refused: {why}" if why.startswith(what) else f"refused: {what}: {why}"
    if (more := done.refused - len(done.named[:_SHOWN])) > 0:
        yield f"refused: {more} more"


def _named(named: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"episode": episode, "why": why} for episode, why in named]
