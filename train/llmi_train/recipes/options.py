"""The options of a recipe, as defaults of the command that it is for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import click
from click.core import ParameterSource

from llmi_agent.base.errors import ConfigError
from llmi_agent.config.layers import suggestion
from llmi_train.recipes.recipe import Recipe

_MOST = 2**63
_INSTEAD = {"steps": "epochs", "epochs": "steps", "examples": "traces", "traces": "examples"}
"""Options of which one is said: the one that is typed goes before the recipe's other one."""
_NOT_OF_IT = frozenset({"recipe", "help"})


def defaults(recipe: Recipe, ctx: click.Context) -> dict[str, Any]:
    """By parameter's names, for `Context.default_map`. Raises ConfigError for what the command does not take."""
    known = options_of(ctx.command)
    found: dict[str, Any] = {}
    for name, value in recipe.options.items():
        if name not in known:
            raise ConfigError(
                f"{recipe.path}: options: `llmi-train {recipe.command}` has no {name!r:.80}; {suggestion(name, known)}"
            )
        parameter = known[name]
        assert parameter.name
        found[parameter.name] = _value(recipe, name, parameter, value, ctx)
    for name in [each for each in found if _INSTEAD.get(each)]:
        found[name] = partial(_unless, ctx, _INSTEAD[name], found[name])
    return found


def _unless(ctx: click.Context, other: str, value: Any) -> Any:
    """The value, but nothing where the command line says what stands in its place; what it says is read before."""
    said = ctx.get_parameter_source(other) is ParameterSource.COMMANDLINE
    return None if said else value


def options_of(command: click.Command) -> Mapping[str, click.Option]:
    """Those that a recipe may set, by their names without the hyphens before them."""
    return {
        each.opts[-1].removeprefix("--"): each
        for each in command.params
        if isinstance(each, click.Option) and each.expose_value and each.name not in _NOT_OF_IT
    }


def _value(
    recipe: Recipe, name: str, parameter: click.Option, value: Any, ctx: click.Context
) -> Any:
    """As click takes it for a default. Raises ConfigError."""
    many = parameter.multiple
    values = value if many and isinstance(value, list) else [value]
    for each in values:
        if wanted := _unlike(parameter, each):
            also = ", or a list of such" if many else ""
            raise ConfigError(
                f"{recipe.path}: options.{name} is {each!r:.80}, and takes {wanted}{also}"
            )
    given = values if many else value
    try:
        parameter.type_cast_value(ctx, given)
    except click.BadParameter as error:
        raise ConfigError(f"{recipe.path}: options.{name}: {error.message.rstrip('.')}") from None
    return given


def _unlike(parameter: click.Option, value: Any) -> str:
    """What it takes, if this is something else. click itself makes a text of a number, and 1 of true."""
    kind = parameter.type
    if isinstance(value, int) and abs(value) > _MOST:
        return "a number that a computer counts to"
    if parameter.is_flag:
        return "" if isinstance(value, bool) else "true or false"
    if isinstance(kind, click.types.IntParamType):
        whole = isinstance(value, int) and not isinstance(value, bool)
        return "" if whole else "a whole number"
    if isinstance(kind, click.types.FloatParamType):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return "" if number else "a number"
    return "" if isinstance(value, str) else "a text"
