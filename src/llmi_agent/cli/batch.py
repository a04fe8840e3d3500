"""`llmi batch`: many documents in one process."""

from __future__ import annotations

from typing import Any

import click

from llmi_agent.cli.output import Output
from llmi_agent.cli.parameters import (
    Number,
    formats_option,
    graph_options,
    images_option,
    json_lines_option,
    model_options,
    record_options,
    verbose_option,
)


@click.command()
@click.argument("prompts")
@click.option(
    "--out",
    type=click.Path(),
    required=True,
    metavar="DIR",
    help="The folder to write to. The same command again goes on with what is there.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 1000),
    default=4,
    show_default=True,
    metavar="N",
    help="How many documents are written at once.",
)
@click.option(
    "--group",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Write each prompt N times, independently and each with a seed of its own, to DIR/ID/0, DIR/ID/1, ...",
)
@click.option(
    "--group-budget",
    type=Number(min=0),
    metavar="USD",
    help="What all documents of a group may cost together.",
)
@model_options
@images_option
@formats_option
@graph_options
@record_options
@json_lines_option
@verbose_option
@click.pass_context
def batch(
    ctx: click.Context, /, prompts: str, out: str, concurrency: int, group: int | None, **given: Any
) -> None:
    """Write a document on each line of PROMPTS, a .jsonl file ("-" is stdin).

    A line is {"prompt": "...", "id": "...", "attach": ["data.csv"], "split": "train"}, or a string that is a prompt. The id
    names the document's folder in DIR; paths are relative to the file; a line's split goes before --split. What is on
    record already keeps the split that it was begun with. "pictures" (a number; -1: none, 0: any, 99: at least one) and
    "kinds" (a list) are what rewards will check, and are put on record; "language" is for others.

    One line for each document is printed as it ends: id, state, figures, missing figures, US dollars, seconds, and the
    path of the file, with tabs between. What is complete is skipped, what was cut goes on: nothing that is on record is
    asked or paid for again; what failed is tried again. What was written from other inputs or with other settings is
    written anew; a raised budget alone changes nothing. Exit code 1 says that a document failed.
    """
    output: Output = ctx.obj
    output.configure_logs()
    from llmi_agent.cli.batch_run import write_batch
    from llmi_agent.cli.given import Given

    told = Given(**given)
    if told.group_budget is not None and group is None:
        raise click.UsageError("--group-budget is what a group may cost: give --group, too")
    if not write_batch(
        told, output, prompts=prompts, out=out, concurrency=concurrency, group=group
    ):
        ctx.exit(1)
