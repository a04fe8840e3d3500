"""`llmi-train prompts make`."""

from __future__ import annotations

from typing import Any

import click

from llmi_agent.cli.output import Output
from llmi_agent.cli.parameters import Number, json_option, verbose_option
from llmi_train.cli.split import shares_of


@click.command()
@click.option(
    "--model", metavar="MODEL", help="Who writes the requests.  [default: the configured one]"
)
@click.option(
    "--check-model",
    metavar="MODEL",
    help="Who checks them. A model that checks what it wrote overlooks its own errors.  [default: the one that writes]",
)
@click.option(
    "--n", type=click.IntRange(1, 100_000), required=True, metavar="N", help="How many prompts."
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False),
    required=True,
    metavar="FILE",
    help="Where the prompts go: .jsonl (also .gz, .zst), as `llmi batch` takes them, or .parquet. The card, the answers of the "
    "models and the pictures that go along are beside it. The same command again goes on with what is there.",
)
@click.option(
    "--mix",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="A .toml file with the tables of the mix that are to be other than the stated ones.",
)
@click.option(
    "--seed",
    type=int,
    metavar="N",
    help="What is drawn by chance is drawn from it.  [default: the configured one, else 0]",
)
@click.option(
    "--split",
    default="train=0.9,test=0.1",
    show_default=True,
    callback=shares_of,
    metavar="NAME=SHARE,...",
    help="The splits, and what each is to get, in parts of their sum.",
)
@click.option(
    "--budget",
    type=Number(min=0),
    metavar="USD",
    help="What all questions to both models may cost, those of earlier times included. An answer that might exceed it, or "
    "whose price is unknown, is not asked for.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 1000),
    default=16,
    show_default=True,
    metavar="N",
    help="How many prompts are made at once.",
)
@click.option(
    "--deadline",
    type=Number(min=0, min_open=True),
    default=120.0,
    show_default=True,
    metavar="S",
    help="Seconds for each answer, further attempts after a failure included.",
)
@click.option(
    "--api-base",
    metavar="URL",
    help="An OpenAI-compatible server that serves the model, such as http://localhost:8000/v1.",
)
@json_option
@verbose_option
@click.pass_context
def make(ctx: click.Context, /, **given: Any) -> None:
    """Make prompts to train on: one model writes them, another checks them.

    What each prompt demands (how many pictures, which kinds) is drawn first, to a stated mix; the model writes a request
    that says the number in words and implies the kinds without naming any tool. Rules and the second model reject what is
    no good, near-duplicates are left out, and what was rejected is asked for again.

    Every answer is kept the moment it comes: nothing is asked or paid for twice, whatever stops the command. The path of
    the file is printed; exit code 1 says that prompts are missing.
    """
    output: Output = ctx.obj
    output.configure_logs()
    from llmi_train.cli.make_run import make_prompts

    if not make_prompts(given, output):
        ctx.exit(1)
