"""`llmi prompt`: what the language model is told."""

from __future__ import annotations

import click

from llmi_agent.cli.output import Output
from llmi_agent.cli.parameters import verbose_option


@click.command()
@click.option(
    "--dialect",
    type=click.Choice(["json", "python"]),
    help="The form of slots that it teaches: ours (json), or the published LLM-I one (python).  "
    "[default: the configured one, else json]",
)
@verbose_option
@click.pass_obj
def prompt(output: Output, dialect: str | None) -> None:
    """Print the system prompt for the kinds that have a tool."""
    from llmi_agent.cli.announcement import tell_problems
    from llmi_agent.run.prompt import system_prompt
    from llmi_agent.runner.setup import prepare

    output.configure_logs()
    setup = prepare({"options.dialect": dialect} if dialect else {})
    tell_problems(setup, output)
    kinds = setup.bindings.kinds.values()
    click.echo(system_prompt(kinds, setup.config.options.dialect))
