"""`llmi-train sft`: learn from the best answers on record, or from examples."""

from __future__ import annotations

from typing import Any

import click

from llmi_agent.cli.output import Output
from llmi_agent.cli.parameters import json_option, verbose_option
from llmi_train.cli.training_options import settings_options


@click.command()
@click.option(
    "--examples",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Examples in TRL's forms: JSON lines or Parquet with prompt and completion, messages, or ids with labels.",
)
@click.option(
    "--model", metavar="DIR", required=True, help="The checkpoint to begin from: a local folder."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False),
    metavar="DIR",
    required=True,
    help="Where the new checkpoint goes.",
)
@click.option(
    "--epochs",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    metavar="N",
    help="How often each example is seen.",
)
@click.option(
    "--longest",
    type=click.IntRange(2),
    metavar="N",
    help="Tokens of a prompt with its answer, at most.  [default: what the model can read]",
)
@click.option(
    "--leave-out-bad",
    is_flag=True,
    help="Leave out what cannot be learnt from, and count it, instead of refusing all.",
)
@settings_options
@json_option
@verbose_option
@click.pass_obj
def sft(output: Output, /, **given: Any) -> None:
    """Fine-tune a policy on answers that are worth repeating; the loss is that of the answers alone.

    The path of the new checkpoint is printed: `llmi run --model transformers/DIR` serves it at once.
    """
    output.configure_logs()
    from llmi_train.cli.learning import run

    run("sft", given, output)
