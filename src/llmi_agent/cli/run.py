"""`llmi run`: from a prompt to a document."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click
from click.core import ParameterSource

from llmi_agent.cli.output import Output
from llmi_agent.cli.parameters import (
    formats_option,
    graph_options,
    images_option,
    json_option,
    model_options,
    record_options,
    verbose_option,
)


@click.command()
@click.argument("prompt", required=False)
@model_options
@click.option(
    "--attach",
    "attachments",
    type=click.Path(),
    multiple=True,
    metavar="FILE",
    help="A table, text or picture to write about; may be repeated.",
)
@images_option
@click.option(
    "--out",
    type=click.Path(),
    metavar="DIR",
    help="The folder to write to; an earlier report in it is replaced.  "
    "[default: a new one in llmi-out/, named after the prompt]",
)
@formats_option
@graph_options
@record_options
@click.option(
    "--resume",
    metavar="RUN",
    help="Go on with a run that was cut, by the id that `llmi runs` lists, or the start of it: nothing that is on "
    "record is asked or paid for again.",
)
@json_option
@verbose_option
@click.pass_context
def run(
    ctx: click.Context,
    /,
    prompt: str | None,
    attachments: Sequence[str],
    out: str | None,
    resume: str | None,
    **given: Any,
) -> None:
    """Write an illustrated document on PROMPT ("-" reads it from stdin).

    The paths of the files are printed on stdout, that of the page last.
    """
    output: Output = ctx.obj
    if resume is None:
        prompt = _prompt(prompt)
    elif prompt or attachments or given["split"]:
        raise click.UsageError(
            "--resume goes on with a run as it was: leave out PROMPT, --attach and --split"
        )
    elif ctx.get_parameter_source("formats") is ParameterSource.DEFAULT:
        given["formats"] = ()
    output.configure_logs()
    from llmi_agent.cli.execute import execute
    from llmi_agent.cli.given import Given

    told = Given(**given)
    execute(told, output, prompt=prompt or "", attachments=attachments, out=out, resume=resume)


def _prompt(given: str | None) -> str:
    prompt = _read_stdin() if given == "-" else given or ""
    if not prompt.strip():
        raise click.UsageError("the prompt is empty: say what the document should be about")
    return prompt


def _read_stdin() -> str:
    if sys.stdin is None:
        raise click.UsageError("the prompt was to come from stdin, which is closed")
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError:
        raise click.UsageError("the prompt on stdin is not UTF-8 text") from None
