"""The options of commands that run a policy afresh, and by what its episodes are scored."""

from __future__ import annotations

import click

from llmi_agent.cli.judging_options import judging_options
from llmi_agent.cli.parameters import Number, graph_options, images_option, together

run_options = together(
    click.option(
        "--temperature",
        type=Number(0, 5),
        metavar="T",
        help="How freely the model chooses. Train at the same.  [default: the configured one, else 1]",
    ),
    click.option(
        "--max-tokens",
        type=click.IntRange(1),
        metavar="N",
        help="The most tokens of one answer.  [default: the configured ones, else what the context holds]",
    ),
    click.option(
        "--limit",
        type=click.IntRange(1),
        metavar="N",
        help="Take the first N prompts of the file.",
    ),
    click.option(
        "--concurrency",
        type=click.IntRange(1, 1000),
        default=64,
        show_default=True,
        metavar="N",
        help="Episodes at once: a local checkpoint writes them together.",
    ),
    click.option(
        "--budget",
        type=Number(min=0),
        metavar="USD",
        help="What an episode may cost. A call that might exceed it, or whose price is unknown, is not made.",
    ),
    click.option(
        "--cache/--no-cache",
        default=True,
        show_default=True,
        help="Use results of earlier runs for paid and chance tools, too, where the request is the same.",
    ),
    images_option,
    graph_options,
)
"""What runs, and how."""

policy_options = together(
    click.option(
        "--api-base",
        metavar="URL",
        help="The server of a model that is on one, such as http://localhost:8000/v1 of vllm/MODEL.",
    ),
    run_options,
    click.option(
        "--seed",
        type=int,
        metavar="N",
        help="What is drawn by chance is drawn from it; each episode of a group has a seed of its own.  "
        "[default: the configured one, else 0]",
    ),
)
"""The same of a policy that may be anywhere, where nothing else is drawn by chance."""

scoring_options = together(
    click.option(
        "--profile",
        metavar="NAME|FILE",
        help="By which rules: llmi, paper, paper-vl, rules, or a .toml file of your own.",
    ),
    judging_options("judge-"),
)
"""By what episodes are scored."""
