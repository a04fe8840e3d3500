"""The command `llmi`.

Importing this package, and asking it for help, imports nothing beyond the standard library and click: what a
command works with is imported when it runs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from llmi_agent.cli.batch import batch
from llmi_agent.cli.cache import cache
from llmi_agent.cli.doctor import doctor
from llmi_agent.cli.judge import judge
from llmi_agent.cli.output import Output
from llmi_agent.cli.prompt import prompt
from llmi_agent.cli.render import render
from llmi_agent.cli.run import run
from llmi_agent.cli.runs import runs
from llmi_agent.cli.tools import tools
from llmi_agent.cli.traces import traces

EXIT_CODES = """
\b
Exit codes:
  0    done; a figure that could not be made is said in the document and on stderr
  1    the run failed; of a batch: a document did
  2    wrong usage, or an input or a setting that cannot be used
  3    no tool, key or model for what is needed
  130  stopped by Ctrl-C (143: by SIGTERM)
"""


def _print_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        click.echo(f"llmi {version('llmi-agent')}")
        ctx.exit()


class _InOrder(click.Group):
    """Lists its commands as they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(
    cls=_InOrder,
    epilog=EXIT_CODES,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def llmi() -> None:
    """Write illustrated documents: a language model writes, tools make the pictures."""


for _command in (run, batch, runs, traces, judge, tools, prompt, render, cache, doctor):
    llmi.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code, having said on stderr what went wrong."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    output = Output.of(given)
    try:
        code = llmi.main(given, prog_name="llmi", standalone_mode=False, obj=output)
        output.flush()
    except BaseException as error:  # noqa: BLE001 - the one boundary between errors and exit codes
        return output.fail(error)
    return code if isinstance(code, int) else 0
