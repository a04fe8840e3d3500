"""`llmi run`: from a prompt to a document."""

from __future__ import annotations

import sys
from typing import Any

import click
from click.core import ParameterSource

from llmi_agent.cli.parameters import bindings, formats_option, json_option, verbose_option
from llmi_agent.cli.voice import Voice


@click.command()
@click.argument("prompt", required=False)
@click.option(
    "--model",
    metavar="MODEL",
    help='The language model by its litellm name, such as "openai/gpt-5", or "offline".  '
    "[default: the configured one, else offline]",
)
@click.option(
    "--fallback",
    multiple=True,
    metavar="MODEL",
    help="A model that writes instead when the one before it fails; may be repeated.",
)
@click.option(
    "--api-base",
    metavar="URL",
    help="An OpenAI-compatible server that serves the model, such as http://localhost:8000/v1.",
)
@click.option(
    "--budget",
    type=click.FloatRange(min=0),
    metavar="USD",
    help="What the run may cost. A call that might exceed it, or whose price is unknown, is not made.",
)
@click.option(
    "--cache",
    is_flag=True,
    help="Use results of earlier runs for paid and chance tools, too, where the request is the same.",
)
@click.option(
    "--attach",
    "attachments",
    type=click.Path(),
    multiple=True,
    metavar="FILE",
    help="A table, text or picture to write about; may be repeated.",
)
@click.option(
    "--images",
    "folders",
    type=click.Path(exists=True, file_okay=False),
    multiple=True,
    metavar="DIR",
    help="A folder of pictures to search in; may be repeated.",
)
@click.option(
    "--out",
    type=click.Path(),
    metavar="DIR",
    help="The folder to write to; an earlier report in it is replaced.  "
    "[default: a new one in llmi-out/, named after the prompt]",
)
@formats_option
@click.option(
    "--use",
    callback=bindings,
    multiple=True,
    metavar="KIND=TOOL",
    help="The tool for a kind of picture, by a name that `llmi tools` lists; may be repeated.",
)
@click.option(
    "--graph",
    default="interleave",
    show_default=True,
    metavar="NAME",
    help="The state machine to run, by its entry point.",
)
@click.option(
    "--resume",
    metavar="RUN",
    help="Go on with a run that was cut, by the id that `llmi runs` lists, or the start of it: nothing that is on "
    "record is asked or paid for again.",
)
@json_option
@verbose_option
@click.pass_context
def run(ctx: click.Context, /, prompt: str | None, **given: Any) -> None:
    """Write an illustrated document on PROMPT ("-" reads it from stdin).

    The paths of the files are printed on stdout, that of the page last.
    """
    voice: Voice = ctx.obj
    if given["resume"] is None:
        prompt = _prompt(prompt)
    elif prompt or given["attachments"]:
        raise click.UsageError(
            "--resume goes on with a run as it was: leave out PROMPT and --attach"
        )
    elif ctx.get_parameter_source("formats") is ParameterSource.DEFAULT:
        given["formats"] = ()
    voice.configure_logs()
    from llmi_agent.cli.execute import Order, execute

    execute(Order(prompt=prompt or "", **given), voice)


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
