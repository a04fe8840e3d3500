"""`llmi-train kto`: learn from good and from bad answers."""

from __future__ import annotations

from typing import Any

import click

from llmi_agent.cli.output import Output
from llmi_agent.cli.parameters import Number, json_option, verbose_option
from llmi_train.cli.preference_options import beta_option, sources
from llmi_train.cli.training_options import settings_options


@click.command()
@sources("prompt, completion and label")
@beta_option
@click.option(
    "--desirable-weight",
    type=Number(0),
    default=1.0,
    show_default=True,
    metavar="W",
    help="How much good answers weigh.",
)
@click.option(
    "--undesirable-weight",
    type=Number(0),
    default=1.0,
    show_default=True,
    metavar="W",
    help="How much bad ones do.",
)
@settings_options
@json_option
@verbose_option
@click.pass_obj
def kto(output: Output, /, **given: Any) -> None:
    """Train a policy by Kahneman-Tversky optimisation: first drafts above the mean of their group are good, those below are bad.

    It needs no logprobs, so traces of closed APIs will do; where ids are on record, they are learnt as they were sampled. At
    least two go through the model together (--rows-at-once), of different groups where there are any. The path of the new
    checkpoint is printed.
    """
    output.configure_logs()
    from llmi_train.cli.learning import run

    run("kto", given, output)
