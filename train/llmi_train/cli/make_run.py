"""Prompts made from the command line."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import click

from llmi_agent.base.errors import UnavailableError
from llmi_agent.cli.announcement import tell_problems
from llmi_agent.cli.batch_progress import Display, show
from llmi_agent.cli.output import Output
from llmi_agent.cli.progress import ticking
from llmi_agent.cli.text import plural
from llmi_agent.run.adviser import purse_of
from llmi_agent.run.purse import Purse
from llmi_agent.runner.setup import Setup, prepare
from llmi_agent.runner.signals import run_until_stopped
from llmi_agent.store.home import default_store
from llmi_train.prompts.make.card import Card
from llmi_train.prompts.make.mix import load_mix
from llmi_train.prompts.make.order import Models, Order, models_of
from llmi_train.prompts.make.produce import produce
from llmi_train.prompts.make.progress import Tally


def make_prompts(given: Mapping[str, Any], output: Output) -> bool:
    """Make them, and say what came of it; whether none is missing. Raises what stops it."""
    setup = prepare({name: given[name] for name in ("model", "api_base") if given[name]})
    tell_problems(setup, output)
    order, purse = _order(given, setup)
    models, order = models_of(
        order,
        setup.registry,
        default_store(),
        setup.config.options,
        model=_model(setup),
        check_model=given["check_model"] or _model(setup),
        api_base=setup.config.api_base,
        purse=purse,
    )
    tally = Tally(order.n)
    with show(tally, live=output.live) as screen, redirect_stdout(sys.stderr):
        try:
            card = run_until_stopped(_watched(order, models, tally, purse, screen))
        except BaseException:
            if tally.told:
                with screen.aside():
                    output.say(f"{tally}; the same command again goes on", "resumable")
            raise
    _report(card, order, output)
    return not card.ended


def _order(given: Mapping[str, Any], setup: Setup) -> tuple[Order, Purse | None]:
    options = setup.config.options
    budget = options.budget if given["budget"] is None else given["budget"]
    order = Order(
        n=given["n"],
        out=Path(given["out"]),
        mix=load_mix(Path(given["mix"]) if given["mix"] else None),
        seed=options.seed if given["seed"] is None else given["seed"],
        split=given["split"],
        budget=budget,
        concurrency=given["concurrency"],
        deadline=given["deadline"],
    )
    return order, purse_of(budget)


def _model(setup: Setup) -> str:
    if not setup.config.model:
        raise UnavailableError(
            "no model is chosen that writes the requests: name one, such as --model openai/gpt-5-mini"
        )
    return setup.config.model


async def _watched(
    order: Order, models: Models, tally: Tally, purse: Purse | None, screen: Display
) -> Card:
    async with ticking(screen):
        return await produce(order, models, tally.take, purse)


def _report(card: Card, order: Order, output: Output) -> None:
    if card.ended:
        output.say(card.ended, "missing")
    parts = ", ".join(f"{count:,} {name}" for name, count in card.splits.items())
    splits = f" ({parts})" if parts else ""
    output.say(f"{plural(card.made, 'prompt')}{splits}; the card is {order.card('.md')}", "made")
    if output.json:
        output.give({"file": str(order.out), **card.model_dump(mode="json")})
    else:
        click.echo(str(order.out))
