"""Scoring runs from the command line: each one's rewards are put on record as soon as they are there."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, aclosing, contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from llmi_agent.base.errors import InputError
from llmi_agent.cli.announcement import tell_problems
from llmi_agent.cli.batch_progress import show
from llmi_agent.cli.output import Output
from llmi_agent.cli.progress import ticking
from llmi_agent.cli.traces_options import meant, place_of
from llmi_agent.cli.traces_score_lines import Lines, Tally
from llmi_agent.contract.judging import Demand, Judge
from llmi_agent.judges.checklists import read_criteria
from llmi_agent.judges.choosing import judges_of, name_of
from llmi_agent.judges.plugin import plugin_judges
from llmi_agent.records.journal import Journal
from llmi_agent.rewards.profile import OF_PICTURES, Profile
from llmi_agent.rewards.profile_file import profile_named
from llmi_agent.rewards.scoring import Scorer
from llmi_agent.runner.prompt_file import read_prompts
from llmi_agent.runner.setup import Setup, prepare
from llmi_agent.runner.signals import run_until_stopped
from llmi_agent.store.home import default_store
from llmi_agent.traces.places import InJournal, Source, sources
from llmi_agent.traces.trace import Trace

_PAUSE = 0.5
"""Seconds between two looks at who else is scoring."""


@dataclass(frozen=True)
class Asked:
    """What the command line says."""

    episodes: tuple[str, ...]
    place: str | None
    profile: str | None
    judge: tuple[str, ...]
    picture_judge: str | None
    api_base: str | None
    votes: int
    deadline: float
    budget: float | None
    concurrency: int
    criteria: str | None
    demands: str | None
    again: bool
    dry_run: bool
    limit: int | None
    chosen: dict[str, Any]
    """The values of the filters."""

    @classmethod
    def of(cls, episodes: tuple[str, ...], given: dict[str, Any]) -> Asked:
        """From the command's parameters."""
        own = {name: given.pop(name) for name in cls.__dataclass_fields__ if name in given}
        return cls(episodes=episodes, chosen=given, **own)


def score_runs(asked: Asked, output: Output) -> bool:
    """Score them; whether each has a total then. Raises what stops all of them."""
    found = sources(place_of(asked.place))
    if not asked.dry_run:
        _check_journals(found)
    total = sum(1 for _ in _meant(asked, found))
    setup = prepare({"api_base": asked.api_base} if asked.api_base else {})
    tell_problems(setup, output)
    scorer = scorer_of(asked, setup, found)
    demands = _demands(asked.demands)
    tell_scorer(scorer, output)
    tally = Tally(total, scorer.judges)
    with _alone(found, scorer.version, asked, output), show(tally, live=output.live) as screen:
        lines = Lines(() if asked.dry_run else found, tally, screen, output)
        try:
            with redirect_stdout(sys.stderr):  # stdout is for the lines alone
                traces = _meant(asked, found)
                run_until_stopped(_scored(scorer, traces, demands, lines, again=asked.again))
        finally:
            output.say(str(tally), "scored")
    for sentence in tally.notes(criteria=asked.criteria, demands=asked.demands):
        output.say(sentence)
    return tally.done == tally.total


def scorer_of(asked: Asked, setup: Setup, found: Sequence[Source]) -> Scorer:
    """By the profile and with the judges that are asked for. found: where judges remember what they have said.

    Raises UsageError, ConfigError or UnavailableError if one cannot be used.
    """
    profile = _profile(asked)
    return Scorer(
        profile,
        _judges(asked, profile, setup, found),
        registry=setup.registry,
        concurrency=asked.concurrency,
        deadline=asked.deadline,
    )


def tell_scorer(scorer: Scorer, output: Output) -> None:
    """By what is scored, in one line."""
    named = ", ".join(dict.fromkeys(map(name_of, scorer.judges))) or "none"
    output.say(f"profile: {scorer.version}; judges: {named}", "profile")


@contextmanager
def _alone(found: Sequence[Source], version: str, asked: Asked, output: Output) -> Iterator[None]:
    """Nobody else scores these runs by the same version while the block runs: nothing is judged, and paid for, twice."""
    with ExitStack() as stack:
        for each in found:
            if isinstance(each, InJournal) and not asked.dry_run:
                _wait_for(stack, each.journal, f"scoring {version}", output)
        yield


def _wait_for(stack: ExitStack, journal: Journal, name: str, output: Output) -> None:
    told = False
    while True:
        try:
            stack.enter_context(journal.hold(name))
            return
        except InputError:
            if not told:
                output.say(f"somebody else is {name} in {journal.path}; waiting until that is done")
            told = True
        time.sleep(_PAUSE)


def _meant(asked: Asked, found: Sequence[Source]) -> Iterable[Trace]:
    """The runs to score, one after the other: what was read of each is forgotten with it."""
    return meant(found, asked.episodes, dict(asked.chosen), asked.limit)


async def _scored(
    scorer: Scorer,
    traces: Iterable[Trace],
    demands: Mapping[str, Demand],
    lines: Lines,
    *,
    again: bool,
) -> None:
    async with (
        ticking(lines.screen),
        aclosing(scorer.score_all(traces, demands=demands, again=again)) as found,
    ):
        async for scored in found:
            lines.tell(await asyncio.to_thread(lines.kept, scored))


def _check_journals(found: Sequence[Source]) -> None:
    """Raises InputError if rewards cannot be put where the runs are."""
    for each in found:
        if not isinstance(each, InJournal):
            raise InputError(
                f"{each.name} is an exported file, which stays as it is: take its runs in with `llmi traces import`, or "
                "only look with --dry-run"
            )


def _profile(asked: Asked) -> Profile:
    usual = "llmi" if asked.judge or asked.picture_judge else "rules"
    return profile_named(asked.profile or usual)


def _judges(
    asked: Asked, profile: Profile, setup: Setup, found: Sequence[Source]
) -> tuple[Judge, ...]:
    """Those that are named, as far as the profile asks for what they score. Raises UsageError for two models."""
    known = plugin_judges(setup.registry.host)
    plugins = [name for name in asked.judge if name in known]
    models = [name for name in asked.judge if name not in known]
    if len(models) > 1:
        raise click.UsageError(
            f"--judge names two models, {' and '.join(models[:2])}: one judges all, or give the one for pictures to "
            "--picture-judge"
        )
    model = models[0] if models else None
    if asked.criteria and model is None:
        raise click.UsageError("--criteria needs a model to judge by them: give --judge, too")
    journal = next((each.journal for each in found if isinstance(each, InJournal)), None)
    of_pictures = any(each in OF_PICTURES for each in profile.judged)
    of_text = any(each not in OF_PICTURES for each in profile.judged)
    return judges_of(
        setup.registry,
        default_store(),
        text=model if of_text else None,
        pictures=(asked.picture_judge or model) if of_pictures else None,
        plugins=plugins,
        checklist=(model, read_criteria(Path(asked.criteria)))
        if asked.criteria and model
        else None,
        votes=asked.votes,
        deadline=asked.deadline,
        budget=asked.budget,
        options=setup.config.options,
        secrets=setup.secrets,
        api_base=setup.config.api_base,
        remember=None if asked.again else journal,
    )


def _demands(name: str | None) -> Mapping[str, Demand]:
    """By the prompt's text. Raises InputError if the file says none, or two for one prompt."""
    if name is None:
        return {}
    known: dict[str, Demand] = {}
    for each in read_prompts(name):
        if each.demand is None:
            continue
        if known.setdefault(each.text, each.demand) != each.demand:
            raise InputError(f"{Path(name).name} demands two things of one prompt: {each.id}")
    if not known:
        raise InputError(f"no prompt in {Path(name).name} says what it asks for (pictures, kinds)")
    return known
