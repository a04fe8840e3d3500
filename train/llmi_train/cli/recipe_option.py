"""`--recipe`: what a command is not told on its line, it takes from a recipe."""

from __future__ import annotations

import click

from llmi_agent.base.errors import ConfigError


def _taken(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Raises ConfigError for a recipe that cannot be used, or that is for another command."""
    if value is None:
        return None
    from llmi_train.recipes.options import defaults
    from llmi_train.recipes.reading import recipe_named

    recipe = recipe_named(value)
    if recipe.command != ctx.command.name:
        raise ConfigError(f"the recipe {value} is for `llmi-train {recipe.command}`")
    ctx.default_map = {**(ctx.default_map or {}), **defaults(recipe, ctx)}
    return value


recipe_option = click.option(
    "--recipe",
    is_eager=True,
    expose_value=False,
    callback=_taken,
    metavar="NAME|FILE",
    help="Take from this recipe what is not said here; `llmi-train plan` lists those that come along, and says what one would do.",
)
