"""The command `llmi-train`.

As with `llmi`, what a command works with is imported when it runs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from llmi_agent.cli.output import Output
from llmi_train.cli.collect import collect
from llmi_train.cli.dpo import dpo
from llmi_train.cli.evaluate import evaluate
from llmi_train.cli.kto import kto
from llmi_train.cli.offline import offline
from llmi_train.cli.online import online
from llmi_train.cli.plan import plan
from llmi_train.cli.prompts import prompts
from llmi_train.cli.sft import sft

NAME = "llmi-train"

EXIT_CODES = """
\b
Exit codes:
  0    done
  1    it failed; of a check: there is a fault
  2    wrong usage, or an input or a setting that cannot be used
  3    no package, key or model for what is needed
  130  stopped by Ctrl-C
"""


@click.group(
    epilog=EXIT_CODES,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="llmi-train", prog_name=NAME, message="%(prog)s %(version)s")
def llmi_train() -> None:
    """Train policies from traces, and prepare what they are trained on."""


for _command in (
    prompts,
    collect,
    sft,
    dpo,
    kto,
    offline,
    online,
    evaluate,
    plan,
):
    llmi_train.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code, having said on stderr what went wrong."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    output = Output.of(given, NAME)
    try:
        code = llmi_train.main(given, prog_name=NAME, standalone_mode=False, obj=output)
        output.flush()
    except BaseException as error:  # noqa: BLE001 - the one boundary between errors and exit codes
        return output.fail(error)
    return code if isinstance(code, int) else 0
