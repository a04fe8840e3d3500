"""`llmi-train dpo`: learn the better one of two answers."""

from __future__ import annotations

from typing import Any

import click

from llmi_agent.cli.output import Output
from llmi_agent.cli.parameters import Number, json_option, verbose_option
from llmi_train.cli.preference_options import beta_option, sources
from llmi_train.cli.training_options import settings_options


@click.command()
@sources("prompt, chosen and rejected")
@click.option(
    "--margin",
    type=Number(0),
    default=0.0,
    show_default=True,
    metavar="D",
    help="By how much the rewards of the two must differ at least.",
)
@beta_option
@settings_options
@json_option
@verbose_option
@click.pass_obj
def dpo(output: Output, /, **given: Any) -> None:
    """Train a policy by direct preference optimisation: of each group of traces the best first draft against the worst.

    It needs no logprobs, so traces of closed APIs will do; where ids are on record, they are learnt as they were sampled. What
    the policy is held to is the model that it begins from. The path of the new checkpoint is printed.
    """
    output.configure_logs()
    from llmi_train.cli.learning import run

    run("dpo", given, output)
