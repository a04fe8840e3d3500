"""Traces collected from the command line."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import click

from llmi_agent.cli.announcement import announce, tell_problems
from llmi_agent.cli.batch_progress import Display
from llmi_agent.cli.output import Output
from llmi_agent.cli.progress import ticking
from llmi_agent.runner.garbage import rare_collections
from llmi_agent.runner.signals import run_until_stopped
from llmi_train.cli.lines import told
from llmi_train.cli.rollout_given import flags_of, prompts_of, scoring_of
from llmi_train.cli.rollout_tally import Tally
from llmi_train.rollout.collect import Episode, Order, collect
from llmi_train.rollout.preparing import Prepared, place_for, prepared

_SHOWN = 5


def collect_traces(given: Mapping[str, Any], output: Output) -> bool:
    """Collect them, and say what came of it; whether no episode has failed. Raises what stops it."""
    ready = prepared(
        flags_of(given, given["model"]), given["graph"], concurrency=given["concurrency"]
    )
    tell_problems(ready.setup, output)
    order = _order(given, ready, output)
    announce(ready.setup, output)
    tally = Tally(len(order.prompts) * order.group, scoring=order.scorer is not None)
    with told(tally, output) as screen, redirect_stdout(sys.stderr), rare_collections():
        try:
            found = run_until_stopped(_watched(ready, order, tally, screen))
        except BaseException:
            with screen.aside():
                output.say(f"{tally}; the same command again goes on", "resumable")
            raise
    _report(found, tally, ready, output)
    return not tally.failed


def _order(given: Mapping[str, Any], ready: Prepared, output: Output) -> Order:
    prompts = prompts_of(given, output)
    name = given["prompts"]
    shown = name if name == "-" else str(Path(name).resolve())
    scored = bool(given["profile"] or given["judge"] or given["picture_judge"])
    return Order(
        prompts,
        given["group"],
        Path(given["out"]) if given["out"] else place_for(ready, "collected", shown),
        ("html",) if given["out"] else (),
        given["concurrency"],
        scoring_of(given, output) if scored else None,
    )


async def _watched(ready: Prepared, order: Order, tally: Tally, screen: Display) -> list[Episode]:
    async with ticking(screen):
        return await collect(ready, order, tally)


def _report(found: Sequence[Episode], tally: Tally, ready: Prepared, output: Output) -> None:
    failed = [each for each in found if each.state == "failed"]
    for message, count in Counter(each.message for each in failed).most_common(_SHOWN):
        one = next(each.wanted.name for each in failed if each.message == message)
        more = f" (and {count - 1} more)" if count > 1 else ""
        output.say(f"{one}{more}: {message}", "failed")
    output.say(str(tally), "collected")
    place = str(ready.store.root)
    if output.json:
        output.give({"traces": place, "weights": ready.weights, **tally.as_json()})
    else:
        click.echo(place)
