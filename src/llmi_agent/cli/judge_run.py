"""A calibration from the command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace

import click

from llmi_agent.cli.announcement import tell_problems
from llmi_agent.cli.batch_progress import Display, Tally, show
from llmi_agent.cli.output import Output
from llmi_agent.cli.progress import ticking
from llmi_agent.cli.text import plural
from llmi_agent.config.options import Options
from llmi_agent.contract.judging import Judge
from llmi_agent.document.render.wording import bill
from llmi_agent.judges.calibrate import Collection, Report, Thresholds, calibrate
from llmi_agent.judges.calibrate.asking import count
from llmi_agent.judges.calibrate.words import lines, plain
from llmi_agent.judges.choosing import costs_of, judges_of
from llmi_agent.judges.judge import LanguageJudge
from llmi_agent.runner.setup import Setup, prepare
from llmi_agent.runner.signals import run_until_stopped
from llmi_agent.store.artifacts import MemoryStore


@dataclass(frozen=True)
class Given:
    """The command's arguments."""

    model: str
    pictures_model: str | None
    text_only: bool
    votes: int
    repeats: int
    topics: int | None
    thresholds: Thresholds
    budget: float | None
    deadline: float
    concurrency: int
    api_base: str | None


def calibrated(given: Given, output: Output) -> bool:
    """Ask, report, and say whether the judges are fit. Raises what leaves nothing to report."""
    flags = {"api_base": given.api_base, "options.budget": given.budget}
    setup = prepare({name: value for name, value in flags.items() if value is not None})
    tell_problems(setup, output)
    judges = _judges(given, setup)
    collection = Collection.made(given.topics)
    tally = _Judged(judges, count(judges, collection, given.repeats))
    output.say(_announcement(given, setup, tally.total), "calibration")
    with show(tally, live=output.live) as screen, redirect_stdout(sys.stderr):
        report = run_until_stopped(_watched(given, setup, judges, collection, tally, screen))
    report = replace(report, costs=costs_of(judges))
    if output.json:
        output.give(plain(report))
    else:
        for line in lines(report):
            click.echo(line)
    return report.fit


class _Judged(Tally):
    """The progress, in judgements."""

    def __init__(self, judges: Sequence[Judge], total: int) -> None:
        super().__init__(total)
        self._judges = judges

    def __str__(self) -> str:
        """ "12 of 840 judgements, 1 with a score missing, 8 s, $0.02"."""
        parts = [
            f"{self.written + self.failed} of {plural(self.total, 'judgement')}",
            f"{self.failed} with a score missing" if self.failed else "",
            f"{self.seconds:.0f} s",
            bill(costs_of(self._judges)),
        ]
        return ", ".join(part for part in parts if part)


def _judges(given: Given, setup: Setup) -> tuple[Judge, ...]:
    options = setup.config.options
    return judges_of(
        setup.registry,
        MemoryStore(),  # each document brings its pictures
        text=given.model,
        pictures=None if given.text_only else given.pictures_model or given.model,
        votes=given.votes,
        deadline=given.deadline,
        budget=options.budget,
        options=_unhindered(options, given.concurrency * given.votes),
        secrets=setup.secrets,
        api_base=setup.config.api_base,
    )


def _unhindered(options: Options, permits: int) -> Options:
    """The votes of one judgement wait for permits within its deadline, so there are enough; those that somebody set stay."""
    return options.model_copy(update={"limits": {"model": permits, **options.limits}})


def _announcement(given: Given, setup: Setup, total: int) -> str:
    pictures = "" if given.text_only else f"; pictures: {given.pictures_model or given.model}"
    budget = setup.config.options.budget
    limit = "" if budget is None else f"; budget: ${budget:g}"
    return f"text: {given.model}{pictures}; {plural(total, 'judgement')}{limit}"


async def _watched(
    given: Given,
    setup: Setup,
    judges: Sequence[Judge],
    collection: Collection,
    tally: Tally,
    screen: Display,
) -> Report:
    seed = setup.config.options.seed

    def again(repeat: int) -> Sequence[Judge]:
        return [_seeded(each, seed + repeat) for each in judges]

    async with ticking(screen):
        return await calibrate(
            again,
            collection,
            given.repeats,
            thresholds=given.thresholds,
            concurrency=given.concurrency,
            tell=lambda whole: tally.count("written" if whole else "failed"),
        )


def _seeded(judge: Judge, seed: int) -> Judge:
    return judge.seeded(seed) if isinstance(judge, LanguageJudge) else judge
