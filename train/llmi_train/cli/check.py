"""`llmi-train prompts check`: what is in a file of prompts, and what is wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from llmi_agent.cli.output import Output
from llmi_agent.cli.parameters import Number, json_option, verbose_option
from llmi_agent.cli.text import plural

if TYPE_CHECKING:
    from llmi_train.prompts.checking import Report


@click.command()
@click.argument("source", metavar="FILE", type=click.Path(exists=True))
@click.argument("others", metavar="[OTHER]...", nargs=-1, type=click.Path(exists=True))
@click.option(
    "--threshold",
    type=Number(0.3, 1),
    default=0.7,
    show_default=True,
    metavar="SHARE",
    help="How much two texts have in common that are nearly the same: a share of their pieces.",
)
@click.option(
    "--shortest",
    type=click.IntRange(0),
    default=12,
    show_default=True,
    metavar="N",
    help="Letters that a prompt must have; one in Chinese or Japanese counts as four.",
)
@click.option(
    "--longest",
    type=click.IntRange(1),
    default=32_000,
    show_default=True,
    metavar="N",
    help="Letters that it may have.",
)
@json_option
@verbose_option
@click.pass_context
def check(ctx: click.Context, /, source: str, others: tuple[str, ...], **given: Any) -> None:
    """Report on the prompts of FILE: JSON lines, Parquet with LLM-I's columns, or a folder that `datasets` saved.

    How many there are of each split, language, kind and demand; lines that cannot be used, duplicates, leaks between
    splits and into each OTHER, demands that the words do not say or contradict, tools that are named, and what is too
    short or too long. The exit code is 1 if there is a fault; what cannot be told is said, and is none.
    """
    from pathlib import Path

    from llmi_train.prompts.checking import check as checked
    from llmi_train.prompts.converting import read_for

    output: Output = ctx.obj
    output.configure_logs()
    with ExitStack() as stack:
        read, *rest = (
            stack.enter_context(read_for(Path(each), None)) for each in (source, *others)
        )
        report = checked(read, rest, **given)
    if output.json:
        findings = report.findings
        output.give({**vars(report), "faults": findings.faults, "findings": findings.as_json()})
    else:
        for line in _lines(report):
            click.echo(line)
    for other in rest:
        if other.bad_lines:
            output.say(f"{other.source}: {plural(other.bad_lines, 'line')} could not be used")
    if report.findings.faults:
        ctx.exit(1)


def _lines(report: Report) -> Iterator[str]:
    from llmi_agent.base.text import one_line
    from llmi_train.cli.reading import SHOWN
    from llmi_train.prompts.findings import FAULTS, WHAT

    yield f"{report.source}: {plural(report.prompts, 'prompt')}"
    for name in ("splits", "languages", "pictures", "kinds"):
        counts: Counter[str] = getattr(report, name)
        yield f"  {name}: {_counts(counts)}"
    for what, count in report.left_out.most_common(SHOWN):
        yield f"  not read: {one_line(what)}, of {count:,}"
    for kind, what in WHAT.items():
        if count := report.findings.counts[kind]:
            yield f"{'fault' if kind in FAULTS else 'notice'}: {kind}, {count:,}: {what}"
            for example in report.findings.examples[kind][:SHOWN]:
                yield f"    {one_line(str(example), 200)}"
            if count > SHOWN:
                yield f"    and {count - SHOWN:,} more"
    faults = report.findings.faults
    yield f"{plural(faults, 'fault')}" if faults else "no fault was found"


def _counts(counts: Counter[str]) -> str:
    from llmi_agent.base.text import one_line

    parts = [
        f"{one_line(name, 60) or 'not said'}: {count:,}" for name, count in counts.most_common(20)
    ]
    more = f", and {len(counts) - 20:,} more" if len(counts) > 20 else ""
    return (", ".join(parts) or "none") + more
