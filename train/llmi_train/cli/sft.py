"""`llmi-train sft`: learn from the best answers on record, or from examples."""

from __future__ import annotations

from typing import Any

import click

from llmi_agent.cli.output import Output
from llmi_agent.cli.parameters import Finite, json_option, verbose_option
from llmi_train.cli.preference_options import sources
from llmi_train.cli.recipe_option import recipe_option
from llmi_train.cli.training_options import settings_options


@click.command()
@sources("prompt and completion, messages, or ids with labels")
@click.option(
    "--best",
    type=click.IntRange(1),
    metavar="K",
    help="Of each group so many drafts at most, the best ones.  [default: 1; with --least all]",
)
@click.option(
    "--least",
    type=Finite(),
    metavar="REWARD",
    help="Only drafts with such a reward or a better one, also of runs that are in no group.  [default: the best of a group "
    "in which not all have the same]",
)
@settings_options
@recipe_option
@json_option
@verbose_option
@click.pass_obj
def sft(output: Output, /, **given: Any) -> None:
    """Fine-tune a policy on answers that are worth repeating: the best first drafts on record, or examples.

    The loss is that of the answers alone, with their ends. Of traces, the ids that were sampled are learnt as they are on
    record; where there are none, as of closed APIs, the model's chat template makes tokens of what was asked and written. The
    path of the new checkpoint is printed: `llmi run --model transformers/DIR` serves it at once.
    """
    output.configure_logs()
    from llmi_train.cli.learning import run

    run("sft", given, output)
