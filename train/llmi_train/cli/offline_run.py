"""What `llmi-train offline` does, once its options are read."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from llmi_agent.cli.batch_progress import show
from llmi_agent.cli.output import Output
from llmi_agent.cli.text import plural
from llmi_agent.cli.traces_options import place_of
from llmi_agent.records.overview import Chosen
from llmi_train.cli.cut_short import needed, resumable
from llmi_train.cli.fresh import fresh_of
from llmi_train.cli.lines import now_and_then
from llmi_train.cli.runs_read import reading
from llmi_train.cli.training_options import NAMES
from llmi_train.rows import Gathered, Report, rows_of

if TYPE_CHECKING:
    from llmi_train.trainer.evaluating import Fresh
    from llmi_train.trainer.outcome import Outcome

OWN = (
    "loss", "clip_low", "clip_high", "mask_outside", "epochs", "probe_rows", "tolerance",
)  # fmt: skip
"""Options that only this training has."""


def run(given: Mapping[str, Any], output: Output) -> None:
    """Read, train, and say what came of it. Raises what stops it."""
    with needed():
        from llmi_train.trainer.losses import UNLEARNS, Offline
        from llmi_train.trainer.measures import SHOWN
        from llmi_train.trainer.processes import processes
        from llmi_train.trainer.progress import Steps
        from llmi_train.trainer.run import train
    own = {name: given[name] for name in (*NAMES, *OWN)}
    settings = Offline(**own, max_kl=given["max_kl"] or None)
    check(given)
    if settings.loss == "grpo":
        output.say(UNLEARNS, "warned")
    gathered = gather(given, output)
    steps = Steps(SHOWN)
    main = processes().is_main_process
    live, out = output.live and main, Path(given["out"])
    with show(steps, live=live) as screen, redirect_stdout(sys.stderr), resumable(out, output):
        outcome = train(
            gathered,
            given["model"],
            out,
            settings,
            behaviour=given["behaviour"],
            template=given["template"],
            fresh=_fresh(given, gathered, output),
            resume=given["resume"],
            steps=steps,
            display=screen,
            say=now_and_then(output.say) if main and not live else None,
        )
    if main:
        _tell(outcome, gathered.report, output)


def check(given: Mapping[str, Any]) -> None:
    """What can be seen before hours of reading. Raises what `train` would."""
    from llmi_train.trainer.folder import look
    from llmi_train.trainer.loading import folder_of
    from llmi_train.trainer.settings import reporters

    look(Path(given["out"]), resume=given["resume"])
    for name in filter(None, (given["model"], given["behaviour"])):
        folder_of(name)
    reporters(given["report_to"])


def gather(given: Mapping[str, Any], output: Output) -> Gathered:
    """The rows that the options mean."""
    from llmi_train.trainer.loading import sees

    with reading(output) as tell:
        return rows_of(
            list(given["places"]) or place_of(None),
            chosen=Chosen(model=given["policy"], since=given["since"], until=given["until"]),
            profile=given["profile"],
            temperature=given["temperature"],
            split=given["split"],
            longest=given["longest"],
            repairs=given["repairs"],
            leave_out_bad=given["leave_out_bad"],
            trust_unstated=given["trust_unstated"],
            sees=sees(given["model"]),
            tell=tell,
        )


def _fresh(given: Mapping[str, Any], gathered: Gathered, output: Output) -> Fresh | None:
    """Sampled and scored as the runs were."""
    sampling = gathered.recorded(gathered.rows[0])[0].call.sampling
    told = {"temperature": gathered.temperature, "max_tokens": sampling.get("max_tokens")}
    flags = {f"options.{name}": value for name, value in told.items() if value is not None}
    profile = gathered.report.profile.partition("@")[0]
    return fresh_of(given, flags, profile, gathered.asked, output)


def _tell(outcome: Outcome, report: Report, output: Output) -> None:
    if output.json:
        output.give({**outcome.as_json(), "report": report.as_json()})
        return
    for sentence in _sentences(outcome, report):
        output.say(sentence, "trained")
    click.echo(str(outcome.out))


def _sentences(outcome: Outcome, report: Report) -> Iterator[str]:
    yield (
        f"{report.used:,} of {plural(report.read, 'run')} in {plural(report.groups, 'group')}: {plural(report.rows, 'row')}, "
        f"{plural(report.tokens, 'token')}, mean reward {report.reward_mean:.3f}"
    )
    for why, count in report.left_out.items():
        groups = report.groups_left_out.get(why)
        of = f" in {plural(groups, 'group')}" if groups else ""
        yield f"left out {plural(count, 'run')}{of}: {why}"
    if report.same_numbers:
        yield (
            f"in {plural(report.same_numbers, 'group')} several runs have the same number, as if two collections had been given one "
            "group: they count as runs of their own"
        )
    if outcome.probed:
        yield (
            f"the recorded logprobs of {outcome.probed.rows:,} of {plural(report.rows, 'row')} are {outcome.probed.difference:.1g} nats a token "
            "from these weights'"
        )
    yield from outcome.notes
    last = outcome.last
    if last:
        yield (
            f"{outcome.steps} of {plural(outcome.of, 'step')}; in the last one KL {last['kl']:.3g}, clipped "
            f"{last['clip_share']:.1%}, effective sample size {last['ess']:.1%}"
        )
    for each in outcome.evaluations:
        yield f"fresh rollouts after step {each.step}: {each.reward:.3f} [{each.low:.3f}, {each.high:.3f}]"
    if outcome.evaluations and outcome.best != outcome.steps:
        yield f"the checkpoint after step {outcome.best} was the best, and is the one that is kept"
    if outcome.stopped:
        yield f"stopped early: {outcome.stopped}"
