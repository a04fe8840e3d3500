"""What `llmi-train plan` does."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click
from click.core import ParameterSource

from llmi_agent.base.text import one_line
from llmi_agent.cli.output import Output
from llmi_train.recipes import memory
from llmi_train.recipes.options import options_of
from llmi_train.recipes.planning import Plan, plan_of
from llmi_train.recipes.reading import recipe_named, recipes


def listed(output: Output) -> None:
    """All recipes that come along."""
    found = {name: recipe_named(name) for name in recipes()}
    if output.json:
        output.give(
            {name: {"command": each.command, "about": each.about} for name, each in found.items()}
        )
        return
    width = max(map(len, found))
    for name, each in found.items():
        click.echo(f"{name:{width}}  {each.command:7}  {each.about}")


def planned(name: str, options: Sequence[str], ctx: click.Context) -> bool:
    """Say all of it; whether nothing is missing. Raises what stops the reading of the recipe or of the options."""
    output: Output = ctx.obj
    if any(each.partition("=")[0] == "--recipe" for each in options):
        raise click.UsageError(f"a plan is of one recipe, here {name}: leave out --recipe")
    recipe = recipe_named(name)
    parent = ctx.parent
    assert parent
    assert isinstance(parent.command, click.Group)
    command = parent.command.commands[recipe.command]
    named = {name: str(option.name) for name, option in options_of(command).items()}
    words = ["--recipe", name, *options]
    with command.make_context(recipe.command, words, parent=parent) as inner:
        besides = frozenset(_said(inner))
        values = {each: inner.params[named[each]] for each in named}
        said = {
            each: value
            for each, value in values.items()
            if each in besides or (each in recipe.options and value not in (None, ()))
        }
        plan = plan_of(recipe, inner.params, said, besides, options)
    if output.json:
        output.give(plan.as_json())
    else:
        for line in _lines(plan, options_of(command)):
            click.echo(line)
    return not plan.missing


def _said(ctx: click.Context) -> Iterator[str]:
    """The names of the options that the command line says."""
    for name, option in options_of(ctx.command).items():
        assert option.name
        if ctx.get_parameter_source(option.name) is ParameterSource.COMMANDLINE:
            yield name


def _lines(plan: Plan, options: Mapping[str, click.Option]) -> Iterator[str]:
    recipe = plan.recipe
    yield f"{recipe.given}: {one_line(recipe.about)}"
    yield f"  file: {recipe.path}"
    yield f"  command: llmi-train {recipe.command}"
    for name, value in plan.options.items():
        here = "  (said here)" if name in plan.besides else ""
        if shown := _shown(options[name], value):
            yield f"    {shown}{here}"
    yield f"  work: {plan.work.says}"
    yield from _memory(plan)
    yield from _commands(plan)
    yield "what was looked at"
    for each in plan.findings:
        yield f"  {each.state:7}  {each.what}: {one_line(each.says)}"
    missing = len(plan.missing)
    yield f"{missing} missing: it cannot be run like this" if missing else "ready to be run"


def _shown(option: click.Option, value: Any) -> str:
    """As it is typed; empty for a flag that is not set."""
    flag = option.opts[-1]
    if isinstance(value, bool):
        return flag if value else next(iter(option.secondary_opts), "")
    values = value if isinstance(value, list | tuple) else [value]
    texts = (str(each).removesuffix(".0") for each in values)
    return " ".join(f"{flag} {shlex.quote(one_line(each, 200))}" for each in texts)


def _memory(plan: Plan) -> Iterator[str]:
    run = plan.reckoned
    if run is None:
        yield "  memory: not reckoned, for the model's size is not known"
        return
    whose = "each GPU that trains" if plan.recipe.needs.gpus else "each process"
    yield f"  memory: about {memory.total(run) / memory.GB:,.1f} GB for {whose}; {memory.DOUBT}"
    for part in memory.parts(run):
        yield f"    {part.bytes / memory.GB:8,.1f}  {part.what}"


def _commands(plan: Plan) -> Iterator[str]:
    if plan.server:
        yield "first, on a machine or GPUs of its own"
        yield f"  {plan.server}"
    if not plan.trainer:
        yield "no command to start it: as it is said, it would not run (see below)"
    several = len(plan.trainer) > 1
    for number, command in enumerate(plan.trainer):
        yield (
            f"on machine {number + 1}, FIRST_NODE being the address of the first"
            if several
            else "to start it"
        )
        yield f"  {command}"
