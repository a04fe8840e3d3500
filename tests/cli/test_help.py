"""Everything that the command line takes is documented in its help."""

from __future__ import annotations

from importlib.metadata import version

import click
import pytest

from llmi_agent.cli import llmi

COMMANDS = list(llmi.commands.values())


def test_the_commands_are_listed_in_the_order_of_use(cli) -> None:
    out = cli("--help").out
    places = [out.index(f"\n  {name} ") for name in ("run", "tools", "prompt", "render")]
    assert places == sorted(places)
    assert "no tool, key or model" in out


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_option_and_argument_is_documented(command: click.Command) -> None:
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
        else:
            assert str(parameter.human_readable_name).upper() in command.help


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_the_list_of_commands_shows_whole_sentences(command: click.Command) -> None:
    assert not command.get_short_help_str(limit=80).endswith("...")


def test_the_version_is_the_distributions(cli) -> None:
    assert cli("--version").out == f"llmi {version('llmi-agent')}\n"


def test_no_arguments_show_the_help(cli) -> None:
    ended = cli()
    assert ended.code == 2
    assert "Usage: llmi" in ended.out + ended.err


@pytest.mark.parametrize("arguments", [["bogus"], ["run"], ["run", "x", "--nope"], ["run", " "]])
def test_wrong_usage_exits_with_2_and_names_the_help(cli, arguments: list[str]) -> None:
    ended = cli(*arguments)
    assert ended.code == 2
    assert ended.out == ""
    assert "--help' for help." in ended.err
    assert "Traceback" not in ended.err
