"""What every option of a kind refuses, whichever command has it."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from llmi_agent.cli import llmi
from llmi_train.cli import llmi_train


def _options(group: click.Group, path: str) -> Iterator[tuple[str, click.Option]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _options(command, f"{path} {name}")
        for each in command.params:
            if isinstance(each, click.Option) and isinstance(each.type, click.types.FloatParamType):
                yield f"{path} {name} {each.opts[0]}", each


NUMBERS = dict([*_options(llmi, "llmi"), *_options(llmi_train, "llmi-train")])


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999"])
def test_a_number_that_compares_with_nothing_is_refused(value: str) -> None:
    assert [named for named, option in NUMBERS.items() if _takes(option, value)] == []


def _takes(option: click.Option, value: str) -> bool:
    try:
        option.type.convert(value, option, None)
    except click.BadParameter:
        return False
    return True


def test_the_options_are_found() -> None:
    assert {"llmi run --budget", "llmi-train offline --lr", "llmi-train eval --budget"} <= {
        *NUMBERS
    }
