"""`llmi tools`: which tools there are, and which of them a run would use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from llmi_agent.cli.output import Output
from llmi_agent.cli.parameters import json_option, verbose_option

if TYPE_CHECKING:
    from llmi_agent.host.registry import Bindings
    from llmi_agent.runner.setup import Setup


@click.command()
@json_option
@verbose_option
@click.pass_obj
def tools(output: Output) -> None:
    """List the tools of each kind, the preferred one first.

    A run binds one tool to each kind: the one that --use or the configuration names; else the first that is ready,
    in this order: hosted ones whose key is set, embedded ones, others without a key. A tool whose key is missing, or
    that is opt-in, is never bound on its own.
    """
    from llmi_agent.cli import inventory
    from llmi_agent.cli.announcement import tell_problems
    from llmi_agent.runner.setup import prepare

    output.configure_logs()
    setup = prepare({})
    kinds = inventory.kinds(setup, _bindings(setup, output))
    if output.json:
        problems = [vars(each) for each in setup.registry.host.problems]
        output.give({"kinds": kinds, "problems": problems})
        return
    inventory.show(kinds)
    tell_problems(setup, output)


def _bindings(setup: Setup, output: Output) -> Bindings:
    """What a run would bind; if it would refuse, the reason on stderr and what it would bind by default."""
    from llmi_agent.base.errors import LlmiError

    try:
        return setup.bindings
    except LlmiError as error:
        output.say(f"a run would stop here: {error}")
        return setup.registry.bind({}, setup.secrets)
