"""`llmi-train online`: GRPO with the graph as the rollout."""

from __future__ import annotations

from typing import Any

import click

from llmi_agent.cli.output import Output
from llmi_agent.cli.parameters import Number, json_option, verbose_option
from llmi_train.cli.grpo_options import fresh_options, loss_options, rows_options
from llmi_train.cli.recipe_option import recipe_option
from llmi_train.cli.rollout_options import run_options, scoring_options
from llmi_train.cli.training_options import shared_options


@click.command()
@click.option(
    "--prompts",
    required=True,
    metavar="FILE",
    help='What the policy is asked: a file of prompts, as for `llmi batch` ("-" is stdin).',
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
    "--prompts-per-step",
    type=click.IntRange(1),
    default=8,
    show_default=True,
    metavar="K",
    help="Prompts of each step.",
)
@click.option(
    "--group",
    type=click.IntRange(2, 1000),
    default=8,
    show_default=True,
    metavar="G",
    help="Episodes of each prompt: what one is worth is measured against the others of its group.",
)
@click.option(
    "--steps",
    type=click.IntRange(1),
    metavar="N",
    help="How many steps.  [default: as many as --epochs takes]",
)
@click.option(
    "--epochs",
    type=click.IntRange(1),
    metavar="E",
    help="How often each prompt comes, in place of --steps.  [default: 1]",
)
@click.option(
    "--updates",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="Steps of the optimizer on the rollouts of each step, each over all of them.",
)
@click.option(
    "--step-deadline",
    type=Number(0, min_open=True),
    default=600.0,
    show_default=True,
    metavar="S",
    help="Seconds for the rollouts of a step and their rewards: what is not there by then is given up, and its reward is missing.",
)
@click.option(
    "--patience",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    metavar="N",
    help="Stop after so many steps in a row that have nothing to learn from.",
)
@click.option(
    "--vllm",
    metavar="URL",
    help="Let vLLM's server there write, such as http://localhost:8000/v1; it is given the weights before each step, over NCCL.  "
    "[default: the model writes in this process]",
)
@click.option(
    "--split",
    default="train",
    show_default=True,
    metavar="NAME",
    help="The prompts of this split are taken, and those whose lines say none.",
)
@run_options
@scoring_options
@rows_options
@loss_options
@fresh_options
@shared_options
@recipe_option
@json_option
@verbose_option
@click.pass_obj
def online(output: Output, /, **given: Any) -> None:
    """Train a policy by GRPO on what it writes meanwhile: at each step a group of episodes of each of some prompts.

    Each episode runs through the graph with its tools, as a run of `llmi` does, with the configuration of llmi.toml, and is
    given its reward by --profile and --judge; it is on record in your home of LLMI as a trace. The model writes in this process,
    with the weights that are trained, or on a server of vLLM that is given them (--vllm).

    The same command with --resume goes on with a training that was cut: rollouts that are on record are not sampled again. The path
    of the new checkpoint is printed: `llmi-train eval` compares it, `llmi run --model transformers/DIR` serves it.
    """
    output.configure_logs()
    from llmi_train.cli.online_run import run

    run(given, output)
