"""`llmi cache`: what is kept of earlier runs, and how to be rid of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from llmi_agent.cli.output import Output
from llmi_agent.cli.parameters import json_option, verbose_option
from llmi_agent.cli.text import plural

if TYPE_CHECKING:
    from llmi_agent.records.cache import Cache, Cleared, Contents
    from llmi_agent.store.artifacts import Size

DAY_SECONDS = 86_400.0


@click.group(no_args_is_help=True)
def cache() -> None:
    """See and clear what is kept of earlier runs.

    A call that was made before is not made again: results of tools whose specs say that they are deterministic are
    found again by tool, version, parameters, settings, attachments and seed; those of other tools with `llmi run
    --cache`.
    """


@cache.command()
@json_option
@verbose_option
@click.pass_obj
def info(output: Output) -> None:
    """Show where and how much it is.

    Each line: what, and how much, with a tab between.
    """
    output.configure_logs()
    place, kept = _cache()
    contents = kept.contents()
    if output.json:
        output.give({"folder": place, **_data(contents)})
        return
    for name, value in _lines(place, contents):
        click.echo(f"{name}\t{value}")


@cache.command()
@click.option("--runs", is_flag=True,
              help="Also forget the runs that are not going on, and delete their pictures and attachments.")  # fmt: skip
@click.option("--older-than", type=click.FloatRange(min=0), default=0.0, metavar="DAYS",
              help="Only what is older than so many days.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask on a terminal whether it is meant.")
@json_option
@verbose_option
@click.pass_obj
def clear(output: Output, runs: bool, older_than: float, yes: bool) -> None:
    """Forget results, so that every call is made again.

    Documents that were written keep their pictures. It is safe while another run is going on.
    """
    output.configure_logs()
    if not yes and sys.stdin is not None and sys.stdin.isatty():
        _confirm(runs, older_than)
    _, kept = _cache()
    cleared = kept.clear(runs=runs, older_than=older_than * DAY_SECONDS)
    if output.json:
        output.give(_cleared_data(cleared))
        return
    click.echo(f"forgot {plural(cleared.results, 'result')}")
    if runs:
        for sentence in _of_runs(cleared, older_than):
            click.echo(sentence)


def _cache() -> tuple[str, Cache]:
    from llmi_agent.records.cache import Cache
    from llmi_agent.records.journal import journal_beside
    from llmi_agent.store.home import default_store

    store = default_store()
    return str(store.root), Cache(journal_beside(store), store)


def _lines(place: str, contents: Contents) -> list[tuple[str, str]]:
    return [
        ("folder", place),
        ("runs", str(contents.runs)),
        ("pictures and attachments", _amount(contents.files)),
        *((f"results of {tool}", str(count)) for tool, count in contents.reusable.items()),
    ]


def _data(contents: Contents) -> dict[str, Any]:
    return {
        "runs": contents.runs,
        "files": vars(contents.files),
        "reusable": contents.reusable,
    }


def _confirm(runs: bool, older_than: float) -> None:
    from llmi_agent.base.errors import LlmiError

    what = "the results, and every run with its pictures and attachments" if runs else "the results"
    age = f", older than {older_than:g} days" if older_than else ""
    if not click.confirm(f"Forget {what}{age}?", err=True):
        raise LlmiError("nothing was forgotten")


def _cleared_data(cleared: Cleared) -> dict[str, Any]:
    return {**vars(cleared), "files": vars(cleared.files), "young": vars(cleared.young)}


def _of_runs(cleared: Cleared, older_than: float) -> Iterator[str]:
    from llmi_agent.records.cache import GRACE_SECONDS

    yield f"forgot {plural(cleared.runs, 'run')}"
    yield f"deleted {_amount(cleared.files)}"
    if cleared.running:
        yield f"still going on, so kept: {plural(cleared.running, 'run')}"
    if cleared.young.files:
        grace = f"{GRACE_SECONDS / 60:g} minutes"
        age = f"{older_than:g} days" if older_than * DAY_SECONDS > GRACE_SECONDS else grace
        yield f"used in the last {age}, so kept for now: {_amount(cleared.young)}"


def _amount(files: Size) -> str:
    from llmi_agent.document.render.wording import size

    return f"{plural(files.files, 'file')}, {size(files.bytes)}"
