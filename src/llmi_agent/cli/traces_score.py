"""`llmi traces score`: rewards for what is on record."""

from __future__ import annotations

from typing import Any

import click

from llmi_agent.cli.output import Output
from llmi_agent.cli.parameters import Number, json_lines_option, together, verbose_option
from llmi_agent.cli.traces_options import filters, from_option, limit_option

judge_options = together(
    click.option(
        "--judge",
        multiple=True,
        metavar="MODEL",
        help='The model that judges text and pictures ("openai/gpt-5" and the like), or a judge that a plugin brings; may '
        "be repeated for these. A model should not judge what it wrote.",
    ),
    click.option(
        "--picture-judge",
        metavar="MODEL",
        help="The model that judges the pictures, in place of --judge. It must take pictures.",
    ),
    click.option(
        "--api-base",
        metavar="URL",
        help="An OpenAI-compatible server that serves the judges, such as http://localhost:8000/v1.",
    ),
    click.option(
        "--votes",
        type=click.IntRange(1, 99),
        default=1,
        show_default=True,
        metavar="K",
        help="How often a judge is asked about each document; the median counts.",
    ),
    click.option(
        "--deadline",
        type=Number(0, min_open=True),
        default=180.0,
        show_default=True,
        metavar="S",
        help="Seconds for each judge on one document; what is not said by then is missing.",
    ),
    click.option(
        "--budget",
        type=Number(0),
        metavar="USD",
        help="What judging may cost in all. What then cannot be judged is missing.",
    ),
    click.option(
        "--concurrency",
        type=click.IntRange(1, 1000),
        default=8,
        show_default=True,
        metavar="N",
        help="How many documents are judged at once.",
    ),
)
"""Who judges, and at what cost."""


@click.command()
@click.argument("episodes", metavar="[RUN]...", nargs=-1)
@from_option
@click.option(
    "--profile",
    metavar="NAME|FILE",
    help="By which rules: llmi, paper, rules, or a .toml file of your own.  [default: llmi with a judge, rules without]",
)
@judge_options
@click.option(
    "--criteria",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Also judge by a checklist: a JSON list of criteria for every run, or JSON lines with a prompt and its checklist each. "
    "The share that is met is the component criteria.",
)
@click.option(
    "--demands",
    type=click.Path(allow_dash=True),
    metavar="FILE",
    help="A file of prompts, as for `llmi batch`, that says what they ask for (pictures, kinds). It goes before what is "
    "on record; runs that have rewards of the same version need --again.",
)
@click.option(
    "--again",
    is_flag=True,
    help="Also score what has rewards of the same version, and ask its judges anew.",
)
@click.option("--dry-run", is_flag=True, help="Put nothing on record.")
@filters
@limit_option()
@json_lines_option
@verbose_option
@click.pass_context
def score(ctx: click.Context, /, episodes: tuple[str, ...], **given: Any) -> None:
    """Give runs their rewards, and put these on record beside them.

    All runs that have ended are scored unless some are named or options say which; those that have rewards of the same
    version are skipped. Nothing is overwritten: a reward is another record. docs/rewards.md says what each one is.

    Each line, as the run is done: the run, the total, the components of the whole document, why one is missing, with tabs
    between; - is none. A judge that failed gives no score, which is not 0. Exit code 1 says that a run has no total.
    """
    output: Output = ctx.obj
    output.configure_logs()
    from llmi_agent.cli.traces_scoring import Asked, score_runs

    if not score_runs(Asked.of(episodes, given), output):
        ctx.exit(1)
