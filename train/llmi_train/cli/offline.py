"""`llmi-train offline`: GRPO from traces."""

from __future__ import annotations

from typing import Any

import click

from llmi_agent.cli.output import Output
from llmi_agent.cli.parameters import Number, json_option, verbose_option
from llmi_agent.cli.traces_options import moment
from llmi_train.cli.grpo_options import fresh_options, loss_options, rows_options
from llmi_train.cli.recipe_option import recipe_option
from llmi_train.cli.training_options import settings_options


@click.command(context_settings={"default_map": {"step_rows": 64}})
@click.option(
    "--traces",
    "places",
    multiple=True,
    type=click.Path(),
    metavar="PLACE",
    help="Where the runs are: a home, a journal, an exported file, or a folder of these; may be repeated.  [default: your own home]",
)
@click.option(
    "--model",
    required=True,
    metavar="DIR",
    help="The checkpoint to begin from: a local folder, also as transformers/DIR.",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Where the new checkpoint goes.",
)
@click.option(
    "--behaviour",
    metavar="DIR",
    help="The checkpoint that sampled the runs, if --model is a later one.",
)
@click.option(
    "--profile",
    metavar="NAME",
    help="The reward by which runs are compared: its name, or its whole version.  [default: the only one on record]",
)
@click.option(
    "--policy", default="", metavar="TEXT", help="Only runs whose model's name has this in it."
)
@click.option(
    "--since",
    callback=moment,
    metavar="TIME",
    help="Only runs that began then or later: 2026-11-28, or 2d, 12h ago.",
)
@click.option("--until", callback=moment, metavar="TIME", help="Only runs that began before.")
@click.option(
    "--split",
    metavar="NAME",
    help="Only runs of this split.  [default: all but those held out, such as test]",
)
@click.option(
    "--temperature",
    type=Number(0, min_open=True),
    metavar="T",
    help="What all runs must have been sampled at.  [default: the only one on record]",
)
@rows_options
@click.option(
    "--leave-out-bad",
    is_flag=True,
    help="Leave out runs that cannot be trained on, and count them, instead of refusing all.",
)
@click.option(
    "--trust-unstated",
    is_flag=True,
    help="Take what is not on record of how runs were sampled to be neutral.",
)
@loss_options
@click.option(
    "--epochs",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="How often all rows are gone through.",
)
@fresh_options
@settings_options
@recipe_option
@json_option
@verbose_option
@click.pass_obj
def offline(output: Output, /, **given: Any) -> None:
    """Train a policy by GRPO on runs that were recorded with their tokens, against the policy that sampled them.

    Nothing is sampled in training: each row is what the policy read and wrote, and its advantage is that of its run within
    the group that was collected together (`llmi-train collect --group`). Everything is looked at before anything is trained:
    runs without logprobs, of other weights, another tokenizer or another template are refused.

    The path of the new checkpoint is printed: `llmi-train eval` compares it, `llmi run --model transformers/DIR` serves it.
    """
    output.configure_logs()
    from llmi_train.cli.offline_run import run

    run(given, output)
