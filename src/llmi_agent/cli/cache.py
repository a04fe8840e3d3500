"""`llmi cache`: what is kept of earlier runs, and how to be rid of it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from llmi_agent.cli.output import Output
from llmi_agent.cli.parameters import Number, json_option, verbose_option
from llmi_agent.cli.text import plural

if TYPE_CHECKING:
    from llmi_agent.records.cache import Cache, Cleared, Contents
    from llmi_agent.store.artifacts import Size

DAY_SECONDS = 86_400.0
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([kmgt]i?)?b", re.IGNORECASE)
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}  # fmt: skip


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


def _size(ctx: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """Bytes. Raises BadParameter."""
    if value is None:
        return None
    found = _SIZE.fullmatch(value.strip())
    if not found:
        message = f"{value!r} is no size; write one such as 5GB, 500 MB or 1.5 GiB"
        raise click.BadParameter(message, ctx, parameter)
    return int(float(found[1]) * _UNITS[(found[2] or "").lower()])


@cache.command()
@click.option("--runs", is_flag=True,
              help="Also forget the runs that are not going on, and delete their pictures and attachments.")  # fmt: skip
@click.option("--older-than", type=Number(min=0), default=0.0, metavar="DAYS",
              help="Only what is older than so many days.")  # fmt: skip
@click.option("--down-to", callback=_size, metavar="SIZE",
              help="With --runs: only the oldest runs, until the folder holds no more than that, such as 5GB.")  # fmt: skip
@click.option("--all", "everything", is_flag=True,
              help="With --runs: also those that were given rewards or are part of a split, which are kept otherwise.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask on a terminal whether it is meant.")
@json_option
@verbose_option
@click.pass_obj
def clear(
    output: Output, runs: bool, older_than: float, down_to: int | None, everything: bool, yes: bool
) -> None:
    """Forget results, so that every call is made again.

    With --runs, runs are forgotten, too, but for those that were given rewards or are part of a split: they may be what somebody trains on. Documents that were written keep their pictures. It is safe while another run is going on.
    """
    output.configure_logs()
    if not runs and (everything or down_to is not None):
        raise click.UsageError("--down-to and --all are about runs; add --runs")
    if not yes and sys.stdin is not None and sys.stdin.isatty():
        _confirm(runs, older_than, down_to, everything)
    _, kept = _cache()
    cleared = kept.clear(
        runs=runs,
        older_than=older_than * DAY_SECONDS,
        down_to=down_to,
        everything=everything,
    )
    if output.json:
        output.give(_cleared_data(cleared))
        return
    click.echo(f"forgot {plural(cleared.results, 'result')}")
    if runs:
        for sentence in (*_of_runs(cleared, older_than), *_left(cleared, down_to, older_than)):
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


def _confirm(runs: bool, older_than: float, down_to: int | None, everything: bool) -> None:
    from llmi_agent.base.errors import LlmiError
    from llmi_agent.document.render.wording import size

    what = "the results"
    if runs:
        which = "every run" if everything else "every run without rewards or a split"
        what = f"the results, and {which} with its pictures and attachments"
    if down_to is not None:
        which = "runs" if everything else "runs without rewards or a split"
        what = f"the oldest {which}, with their pictures and attachments, until {size(down_to)} are left"
    age = f", older than {older_than:g} days" if older_than else ""
    if not click.confirm(f"Forget {what}{age}?", err=True):
        raise LlmiError("nothing was forgotten")


def _cleared_data(cleared: Cleared) -> dict[str, Any]:
    sizes = {name: vars(getattr(cleared, name)) for name in ("files", "young", "blocked")}
    return {**vars(cleared), **sizes}


def _of_runs(cleared: Cleared, older_than: float) -> Iterator[str]:
    yield f"forgot {plural(cleared.runs, 'run')}"
    yield f"deleted {_amount(cleared.files)}"
    if cleared.running:
        yield f"still going on, so kept: {plural(cleared.running, 'run')}"
    if cleared.spared:
        kept = plural(cleared.spared, "run")
        yield f"given rewards or part of a split, so kept: {kept} (--all forgets them, too)"
    if cleared.young.files:
        yield f"used in the last {_age(older_than)}, so kept for now: {_amount(cleared.young)}"


def _left(cleared: Cleared, down_to: int | None, older_than: float) -> Iterator[str]:
    from llmi_agent.document.render.wording import size

    if cleared.left is None or down_to is None:
        return
    held = f"the folder holds {size(cleared.left)}"
    if cleared.left <= down_to:
        yield held
    elif cleared.blocked.files:
        young = f"used in the last {_age(older_than)}, so kept for now with the runs of that time"
        yield f"{held}, more than asked for; {young}: {_amount(cleared.blocked)}"
    else:
        yield f"{held}, more than asked for: nothing else may go"


def _age(older_than: float) -> str:
    """How old what is deleted must be: as many days as were asked for, but at least the time of grace."""
    from llmi_agent.records.cache import GRACE_SECONDS

    long = older_than * DAY_SECONDS > GRACE_SECONDS
    return f"{older_than:g} days" if long else f"{GRACE_SECONDS / 60:g} minutes"


def _amount(files: Size) -> str:
    from llmi_agent.document.render.wording import size

    return f"{plural(files.files, 'file')}, {size(files.bytes)}"
