"""`llmi-train plan`: what a recipe would do, and what is in the way."""

from __future__ import annotations

import click

from llmi_agent.cli.output import Output
from llmi_agent.cli.parameters import json_option, verbose_option


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("recipe", required=False, metavar="[NAME|FILE]")
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
@json_option
@verbose_option
@click.pass_context
def plan(ctx: click.Context, recipe: str | None, options: tuple[str, ...]) -> None:
    """Say what a recipe would run, and look at what is in the way, without starting anything.

    A recipe names a command of `llmi-train`, its options, and how its processes are started. Options that follow it overrule
    it, as they do in the command itself: `llmi-train plan single-24gb --prompts mine.jsonl`. Printed are the steps, the
    memory that is reckoned, the commands to start it, and whether files, keys, packages and GPUs are there. Without a name,
    the recipes that come along are listed.

    Exit code 1 says that something is missing.
    """
    output: Output = ctx.obj
    output.configure_logs()
    from llmi_train.cli import plan_run

    if recipe is None:
        plan_run.listed(output)
    elif not plan_run.planned(recipe, options, ctx):
        ctx.exit(1)
