"""`llmi traces`: what is on record of runs, to be listed, looked at, counted, checked and written again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from llmi_agent.cli.output import Output, print_files
from llmi_agent.cli.parameters import formats_option, json_option, verbose_option
from llmi_agent.cli.text import plural
from llmi_agent.cli.traces_exchange import export, import_
from llmi_agent.cli.traces_options import (
    chosen,
    filters,
    from_option,
    limit_option,
    meant,
    place_of,
)
from llmi_agent.cli.traces_score import score

if TYPE_CHECKING:
    from llmi_agent.records.overview import Overview
    from llmi_agent.traces.trace import Trace
    from llmi_agent.traces.verify import Finding

_PROMPT = 60


@click.group(no_args_is_help=True)
def traces() -> None:
    """See, check and exchange what is on record of runs.

    A trace is all that is on record of a run: what models were asked and answered, every call of a tool, what became of
    each slot, what it cost, and the rewards it was given later. RUN is its id, or the beginning of it; PLACE is a home
    of LLMI, a journal (journal.db), a file that `llmi traces export` wrote, or a folder of these.
    """


@traces.command()
@click.argument("place", type=click.Path(), required=False)
@filters
@limit_option(20)
@json_option
@verbose_option
@click.pass_obj
def ls(output: Output, /, place: str | None, limit: int, **given: Any) -> None:
    """List runs, the newest first.

    Each line: the run, when it began, its state, its model, how many figures were kept + are missing of those that were
    asked for, US dollars, the reward of the whole as it is now, its prompt, its group, its number in the group, its split,
    with tabs between; - is none. PLACE is your own home by default.
    """
    from llmi_agent.traces.choosing import overviews

    output.configure_logs()
    found = overviews(place_of(place), chosen(given), limit)
    if output.json:
        _give_each(map(_row, found))
        return
    for each in _lines(found):
        click.echo(each)


@traces.command()
@click.argument("episode", metavar="RUN")
@from_option
@click.option("--html", type=click.Path(dir_okay=False), metavar="FILE",
              help="Write it as one page, with its pictures, that any browser shows.")  # fmt: skip
@json_option
@verbose_option
@click.pass_obj
def show(output: Output, episode: str, place: str | None, html: str | None) -> None:
    """Show all that is on record of a run.

    Every call of a model and of a tool with its time, its cost and what came of it; each slot with its attempts and
    its verdict; the rewards. Slots and attempts are numbered from 0, as in the records.
    """
    from llmi_agent.traces.choosing import one

    output.configure_logs()
    trace = one(place_of(place), episode)
    trace.opened  # noqa: B018 - what cannot be read ends here
    if html is not None:
        from pathlib import Path

        from llmi_agent.traces.page import write_page

        written = write_page(trace, Path(html))
        if not output.json:
            print_files([written])
            return
    if output.json:
        from llmi_agent.traces.plain import plain

        output.give(plain(trace))
        return
    from llmi_agent.cli.traces_view import lines

    for each in lines(trace):
        click.echo(each)


@traces.command()
@click.argument("place", type=click.Path(), required=False)
@filters
@limit_option()
@click.option("--plot", type=click.Path(dir_okay=False), metavar="FILE",
              help="Also draw it, to a .png or a .svg.")  # fmt: skip
@json_option
@verbose_option
@click.pass_obj
def stats(
    output: Output, /, place: str | None, limit: int | None, plot: str | None, **given: Any
) -> None:
    """Count what runs did: kinds, tools, models, failures, costs, rewards.

    What is known, what is estimated and what nobody knows stand apart, and each number says how many it is over. Times
    are those of calls that were made; results that were found on record are counted by themselves. PLACE is your own
    home by default.
    """
    from llmi_agent.traces.choosing import traces
    from llmi_agent.traces.stats import stats as counted

    output.configure_logs()
    found = counted(traces(place_of(place), chosen(given), limit))
    if plot is not None:
        from pathlib import Path

        from llmi_agent.traces.plot import plot as drawn

        drawn(found, Path(plot))
    if output.json:
        from llmi_agent.traces.stats_plain import plain

        output.give(plain(found))
    else:
        from llmi_agent.cli.traces_tables import tables

        for line in tables(found):
            click.echo(line)
    for sentence in found.unreadable:
        output.say(sentence, "unreadable")


@traces.command()
@click.argument("episodes", metavar="[RUN]...", nargs=-1)
@from_option
@filters
@limit_option()
@json_option
@verbose_option
@click.pass_context
def verify(
    ctx: click.Context,
    /,
    episodes: tuple[str, ...],
    place: str | None,
    limit: int | None,
    **given: Any,
) -> None:
    """Check that what is on record of runs is whole and true to itself.

    Every digest (the bytes of pictures and files, messages, calls, slots), every span, every count, every reference, and
    whether the document that the records make is the one in the run's folder, if that is still there. Each line is one
    finding: error or note, the run, the record, what is wrong. All runs are checked if none is named. Exit code 1 says that
    there is an error; a note is odd, and may well be true.
    """
    output: Output = ctx.obj
    output.configure_logs()
    found = meant(place_of(place), episodes, given, limit)
    findings, checked, blind = _checked(found, output)
    errors = sum(each.level == "error" for each in findings)
    if output.json:
        output.give({"checked": checked, "errors": errors, "findings": [vars(f) for f in findings]})
    else:
        notes = len(findings) - errors
        said = (
            f"{plural(checked, 'run')} checked: {plural(errors, 'error')}, {plural(notes, 'note')}"
        )
        click.echo(said)
    if blind:
        output.say(
            f"the pictures of {plural(blind, 'run')} are not there, so their bytes were not checked",
            "pictures",
        )
    if errors:
        ctx.exit(1)


@traces.command()
@click.argument("episode", metavar="RUN")
@from_option
@click.option("--out", type=click.Path(file_okay=False), required=True, metavar="DIR",
              help="Where to write.")  # fmt: skip
@formats_option
@json_option
@verbose_option
@click.pass_obj
def replay(
    output: Output, episode: str, place: str | None, out: str, formats: tuple[str, ...]
) -> None:
    """Write the document of a run again, from its record alone.

    No tool and no model is asked. A picture that is not there any more, or was altered, is said on stderr and in the document.
    """
    from pathlib import Path

    from llmi_agent.cli.summary import data
    from llmi_agent.traces.choosing import one
    from llmi_agent.traces.replay import replay as written_again

    output.configure_logs()
    trace = one(place_of(place), episode)
    written = written_again(trace, trace.pictures, Path(out), formats)
    for figure in written.gone:
        became = "has been altered" if figure in written.altered else "is not there any more"
        said = f"the picture of figure {figure.number} ({figure.digest}) {became}"
        output.say(said, "missing")
    if output.json:
        told = data(written.document, written.files, trace.ended - trace.began)
        output.give({**told, "gone": [each.number for each in written.gone]})
    else:
        print_files(written.files)


def _checked(found: Iterable[Trace], output: Output) -> tuple[list[Finding], int, int]:
    """What was found, how many were looked at, and of how many the pictures are not there."""
    from llmi_agent.traces.verify import names_files, verify as findings_of

    findings: list[Finding] = []
    checked = blind = 0
    for trace in found:
        checked += 1
        blind += trace.pictures is None and names_files(trace)
        for finding in findings_of(trace, trace.pictures):
            findings.append(finding)
            if not output.json:
                click.echo(f"{finding.level}\t{finding}")
    return findings, checked, blind


def _row(run: Overview) -> dict[str, Any]:
    """An overview as JSON: what is a list in it is one there, and what only the store needs is not."""
    told = run._asdict()
    del told["number"], told["stale"]
    told["group"] = told.pop("grp")
    for name in ("kinds", "failures"):
        told[name] = [each for each in told[name].split(",") if each]
    told["drafted"] = bool(told["drafted"])
    return told


def _lines(found: Iterable[Overview]) -> Iterator[str]:
    """A line for each, its cells with tabs between."""
    from datetime import UTC, datetime

    from llmi_agent.base.text import one_line
    from llmi_agent.runner.episodes import SHORT

    for run in found:
        known = (
            run.state != "unreadable" or run.began > 0
        )  # a line of a file need not even have an id
        began = datetime.fromtimestamp(run.began, UTC).isoformat(timespec="seconds")
        figures = f"{run.kept}+{run.missing} of {run.slots}"
        cost = f"{run.usd:.6g}" + (f"+{run.unknown} unknown" if run.unknown else "")
        reward = "-" if run.reward is None else f"{run.reward:g}"
        model, prompt = one_line(run.model, _PROMPT) or "-", one_line(run.prompt, _PROMPT)
        shown = (
            one_line(run.episode[:SHORT]) if known or " " not in run.episode else "-",
            began if known else "-",
            run.state,
            model,
            figures,
            cost,
            reward,
            prompt,
            one_line(run.grp[:SHORT]) or "-",
            "-" if run.member is None else str(run.member),
            one_line(run.split, _PROMPT) or "-",
        )
        yield "\t".join(shown)


def _give_each(values: Iterable[Any]) -> None:
    """A JSON list, one value after the other: there may be very many."""
    import json

    before = "["
    for each in values:
        click.echo(f"{before}\n{json.dumps(each)}", nl=False)
        before = ","
    click.echo("[]" if before == "[" else "\n]")


for _command in (score, export, import_):
    traces.add_command(_command)
