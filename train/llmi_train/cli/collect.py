"""`llmi-train collect`."""

from __future__ import annotations

from typing import Any

import click

from llmi_agent.cli.output import Output
from llmi_agent.cli.parameters import json_option, verbose_option
from llmi_train.cli.rollout_options import policy_options, scoring_options


@click.command()
@click.option(
    "--prompts",
    required=True,
    metavar="FILE",
    help='What the policy is asked: a file of prompts, as for `llmi batch` ("-" is stdin).',
)
@click.option(
    "--model",
    metavar="MODEL",
    help="The policy: transformers/DIR is the checkpoint in a folder, vllm/MODEL one on a server.  [default: the configured one]",
)
@click.option(
    "--group",
    type=click.IntRange(1, 1000),
    default=8,
    show_default=True,
    metavar="G",
    help="Episodes of each prompt: what one is worth is measured against the others of its group.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Also write each document, as a page, to DIR/ID/0, DIR/ID/1, ...  [default: they are on record alone]",
)
@click.option(
    "--split",
    default="train",
    show_default=True,
    metavar="NAME",
    help="The prompts of this split are taken, and those whose lines say none.",
)
@click.option(
    "--weights",
    metavar="VERSION",
    help="The version of the model's weights, where its server does not say it.",
)
@policy_options
@scoring_options
@json_option
@verbose_option
@click.pass_context
def collect(ctx: click.Context, /, **given: Any) -> None:
    """Collect traces to train on: a group of episodes of each prompt, many at once.

    Each runs through the graph with its tools, as a run of `llmi` does, with the configuration of llmi.toml; each token that
    the policy samples is on record in your home of LLMI. With --profile or --judge each is given its rewards as soon as it is
    there.

    The same command again goes on with what is there: nothing is asked or paid for twice. Another checkpoint, also one that
    took the place of this one, or other settings begin anew. Exit code 1 says that an episode failed.
    """
    output: Output = ctx.obj
    output.configure_logs()
    from llmi_train.cli.collect_run import collect_traces

    if not collect_traces(given, output):
        ctx.exit(1)
