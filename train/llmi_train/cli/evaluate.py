"""`llmi-train eval`."""

from __future__ import annotations

from typing import Any

import click

from llmi_agent.cli.output import Output
from llmi_agent.cli.parameters import json_option, verbose_option
from llmi_train.cli.rollout_options import policy_options, scoring_options


@click.command("eval")
@click.option(
    "--prompts",
    required=True,
    metavar="FILE",
    help='Prompts that the policy was not trained on, as for `llmi batch` ("-" is stdin).',
)
@click.option(
    "--model",
    metavar="MODEL",
    help="The policy: transformers/DIR is the checkpoint in a folder, vllm/MODEL one on a server.  [default: the configured one]",
)
@click.option(
    "--baseline",
    metavar="MODEL",
    help="Another policy, such as the one before training, on the same prompts with the same seeds: they are compared prompt by "
    "prompt.",
)
@click.option(
    "--samples",
    type=click.IntRange(1, 1000),
    default=4,
    show_default=True,
    metavar="K",
    help="Episodes of each prompt.",
)
@click.option(
    "--split",
    default="test",
    show_default=True,
    metavar="NAME",
    help="The prompts of this split are taken, and those whose lines say none. `llmi-train offline` leaves test out.",
)
@policy_options
@scoring_options
@json_option
@verbose_option
@click.pass_context
def evaluate(ctx: click.Context, /, **given: Any) -> None:
    """Evaluate a policy by fresh rollouts on held-out prompts.

    The mean reward, its components, and how often number and kinds of pictures are those that the prompt demands ("pictures"
    and "kinds" of its line), each with a 95% bootstrap interval over prompts. Against a baseline, the differences are paired
    by prompt. An episode without a reward, for a judge failed or a tool's service was down, is missing and not 0; how many
    are is said.

    The same command again goes on with what is there. Exit code 1 says that rewards are missing.
    """
    output: Output = ctx.obj
    output.configure_logs()
    from llmi_train.cli.evaluate_run import evaluate_policy

    if not evaluate_policy(given, output):
        ctx.exit(1)
