"""`llmi traces score`: rewards for what is on record."""

from __future__ import annotations

from typing import Any

import click

from llmi_agent.cli.judging_options import judging_options
from llmi_agent.cli.output import Output
from llmi_agent.cli.parameters import json_lines_option, together, verbose_option
from llmi_agent.cli.traces_options import filters, from_option, limit_option

judge_options = together(
    judging_options(),
    click.option(
        "--concurrency",
        type=click.IntRange(1, 1000),
        default=8,
        show_default=True,
        metavar="N",
        help="How many documents are judged at once.",
    ),
)
"""Who judges, and how many documents at once."""


@click.command()
@click.argument("episodes", metavar="[RUN]...", nargs=-1)
@from_option
@click.option(
    "--profile",
    metavar="NAME|FILE",
    help="By which rules: llmi, paper, paper-vl, rules, or a .toml file of your own.  [default: llmi with a judge, rules without]",
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
