"""A policy evaluated from the command line."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from llmi_agent.cli.announcement import tell_problems
from llmi_agent.cli.batch_progress import Display
from llmi_agent.cli.output import Output
from llmi_agent.cli.progress import ticking
from llmi_agent.cli.text import plural
from llmi_agent.rewards.scoring import Scorer
from llmi_agent.runner.garbage import rare_collections
from llmi_agent.runner.prompt_file import Prompt
from llmi_agent.runner.setup import prepare
from llmi_agent.runner.signals import run_until_stopped
from llmi_train.cli.lines import told
from llmi_train.cli.rollout_given import flags_of, prompts_of, scoring_of
from llmi_train.cli.rollout_tally import Tally
from llmi_train.rollout.evaluate import Evaluation, evaluate
from llmi_train.rollout.figures import Figures
from llmi_train.rollout.intervals import Mean

_SHOWN = 5


def evaluate_policy(given: Mapping[str, Any], output: Output) -> bool:
    """Evaluate it, and say what came of it; whether no reward is missing. Raises what stops it."""
    setup = prepare(flags_of(given, given["model"]), given["graph"])
    tell_problems(setup, output)
    prompts, scorer = prompts_of(given, output), scoring_of(given, output)
    policies = 2 if given["baseline"] else 1
    tally = Tally(len(prompts) * given["samples"] * policies, scoring=True)
    with told(tally, output) as screen, redirect_stdout(sys.stderr), rare_collections():
        try:
            found = run_until_stopped(_watched(given, setup.model, prompts, scorer, tally, screen))
        except BaseException:
            with screen.aside():
                output.say(f"{tally}; the same command again goes on", "resumable")
            raise
    output.say(str(tally), "evaluated")
    _tell_missing(found, output)
    if output.json:
        output.give(found.as_json())
    else:
        _show(found)
    return not any(each.missing for each in _policies(found))


async def _watched(
    given: Mapping[str, Any],
    model: str,
    prompts: Sequence[Prompt],
    scorer: Scorer,
    tally: Tally,
    screen: Display,
) -> Evaluation:
    async with ticking(screen):
        return await evaluate(
            prompts,
            model,
            scorer,
            baseline=given["baseline"],
            samples=given["samples"],
            flags=flags_of(given, None),
            graph=given["graph"],
            concurrency=given["concurrency"],
            listener=tally,
        )


def _policies(found: Evaluation) -> Sequence[Figures]:
    return [found.model, *([found.baseline] if found.baseline else [])]


def _tell_missing(found: Evaluation, output: Output) -> None:
    for each in _policies(found):
        if each.missing:
            output.say(
                f"{each.model}: {plural(each.missing, 'episode')} of {each.episodes} "
                f"{'has' if each.missing == 1 else 'have'} no reward, and {'is' if each.missing == 1 else 'are'} in no mean",
                "missing",
            )
        for why, count in list(each.why.items())[:_SHOWN]:
            output.say(f"{count} without a reward: {why}", "missing")


def _show(found: Evaluation) -> None:
    """A table; columns are the policies, and their difference."""
    table = Table("", "model", *(("baseline", "difference") if found.baseline else ()))
    for name, *means in _rows(found):
        table.add_row(name, *("-" if each is None else str(each) for each in means))
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False, markup=False)
    console.print(table)
    click.echo(
        f"{plural(found.model.prompts, 'prompt')}, {plural(found.samples, 'episode')} of each; means over prompts with "
        "95% bootstrap intervals"
    )


def _rows(found: Evaluation) -> Iterator[tuple[str, *tuple[Mean | None, ...]]]:
    """A name, and the mean of each policy, and their difference where there is one."""
    model, base, difference = found.model, found.baseline, found.difference

    def row(name: str, own: Mean | None, below: Mean | None, more: Mean | None) -> Any:
        return (name, own, below, more) if base else (name, own)

    for name in ("reward", "kind_accuracy", "count_accuracy"):
        parts = (getattr(each, name) if each else None for each in (model, base, difference))
        yield row(name.replace("_", " "), *parts)
    for name, own in model.components.items():
        below = base.components.get(name) if base else None
        yield row(name, own, below, difference.components.get(name) if difference else None)
    for kind, own in model.kinds.items():
        yield row(
            f"reward where {kind} is demanded", own, base.kinds.get(kind) if base else None, None
        )
    for kind, own in model.kind_accuracy_of.items():
        below = base.kind_accuracy_of.get(kind) if base else None
        yield row(f"kind accuracy where {kind} is demanded", own, below, None)
