"""Online GRPO from prompts to a checkpoint: the graph is the rollout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from transformers import PrinterCallback

from llmi_agent.cli.batch_progress import Display
from llmi_train.rollout.learnt import changed, even, figures_of, notes, nothing
from llmi_train.rollout.policy import StepPolicy
from llmi_train.rollout.steps import Plan, Steps
from llmi_train.rollout.turns import Turns
from llmi_train.trainer import folder, loading
from llmi_train.trainer.evaluating import Evaluating, Fresh
from llmi_train.trainer.held import HeldPolicy
from llmi_train.trainer.loading import Loaded
from llmi_train.trainer.losses import Online
from llmi_train.trainer.measures import ONLINE_SHOWN
from llmi_train.trainer.online import OnlineTrainer
from llmi_train.trainer.online_order import (
    Rollouts,
    check_sampling,
    check_shares,
    digest_of,
    identity_of,
    longest_of,
    prepared_for,
)
from llmi_train.trainer.online_source import Source
from llmi_train.trainer.online_written import Trained, forget, write
from llmi_train.trainer.processes import Gathering
from llmi_train.trainer.progress import Say, ShowSteps, Steps as Progress, Sweep, Tick
from llmi_train.trainer.run import run_to_end
from llmi_train.trainer.settings import quiet
from llmi_train.trainer.stops import FiniteGradients, limits
from llmi_train.trainer.whole import saving

PolicyOf = Callable[[Loaded, str], StepPolicy]
"""From the model that is trained, and the name of the training, to who writes with its weights."""


def train_online(
    rollouts: Rollouts,
    model: str,
    out: Path,
    settings: Online | None = None,
    *,
    policy: PolicyOf | None = None,
    fresh: Fresh | None = None,
    resume: bool = False,
    callbacks: Sequence[Any] = (),
    steps: Progress | None = None,
    display: Display | None = None,
    say: Say | None = None,
    tell: Say = lambda _: None,
) -> Trained:
    """Train a checkpoint by rolling it out through the graph, step by step, and write the trained one.

    model: the checkpoint's folder, also as `transformers/PATH`. out: a new folder, or with `resume` the one of the same
    training, which was cut. policy: who writes the rollouts; by default the model itself, in this process.
    fresh, callbacks, steps, display, say: as for `run.train`. tell: told of the tools, and of each step what is missing.

    Raises InputError, ConfigError or UnavailableError, before anything is sampled, for what cannot be; Diverged if numbers are
    not finite; LlmiError if steps in a row have no rewards, or no step had anything to learn from.
    """
    settings = settings or Online()
    quiet()
    folder.look(out, resume=resume)
    check_shares(settings)
    settings.arguments(out)
    loaded = loading.load(model, settings.kept)
    writer = (policy or _held(settings, rollouts))(loaded, out.resolve().name)
    ready = prepared_for(rollouts, writer)
    check_sampling(ready)
    longest = longest_of(ready, settings)
    turns = Turns(rollouts.prompts, settings.prompts_per_step, settings.seed)
    for problem in ready.setup.problems:
        tell(problem.sentence)
    tell(f"tools: {ready.setup.bindings}; the policy goes by {writer.model}")
    identity = identity_of(rollouts, ready, settings, loaded)
    with folder.begun(out, identity, resume=resume) as training:
        rolling = Steps(
            plan=_plan(turns, rollouts, settings, loaded),
            ready=ready,
            scorer=rollouts.scorer,
            policy=writer,
            out=out,
            identity=f"online:{digest_of(identity)}",
            together=Gathering(),
        )
        source = Source(rolling, loaded, settings, rollouts.template, tell)
        check = limits(settings.max_kl, "lower --lr or --updates", settings.unit)
        trainer = OnlineTrainer(
            source, loaded, settings, out, check, temperature=rolling.temperature, longest=longest
        )
        source.trainer = trainer
        writer.attach(trainer)
        progress = steps or Progress(ONLINE_SHOWN)
        progress.word = f"{settings.unit}s"
        progress.doing = lambda: (
            f"{rolling.watch.done} of {rolling.watch.total} episodes of this step"
        )
        rolling.watch.tick = Tick(progress, display, say)
        evaluating = Evaluating(fresh, loaded, out, settings.unit) if fresh else None
        trainer.remove_callback(PrinterCallback)
        own = [
            FiniteGradients(settings.unit),
            folder.MarkWhole(),
            Sweep(),
            *([evaluating] if evaluating else []),
        ]
        for each in (*own, *callbacks, ShowSteps(progress, display, say)):
            trainer.add_callback(each)
        try:
            outcome = run_to_end(trainer, training, None, evaluating)
        finally:
            rolling.close()
        done = -(-outcome.steps // settings.updates)
        closed = rolling.story.all()[:done]
        if not changed(closed) and not even(closed):
            folder.on_main(lambda: forget(out))
            raise nothing(closed)
        outcome = replace(outcome, probed=source.probed, notes=notes(closed))
        last = trainer.rolled.closed if trainer.rolled else closed[-1]
        trained = Trained(
            replace(
                outcome,
                first=figures_of(rolling.story.all()[0], outcome.first),
                last=figures_of(last, outcome.last),
                steps=done,
                of=settings.steps,
                unit=settings.unit,
            ),
            closed,
            (outcome.steps, outcome.of),
        )
        save = saving(trainer, loaded)
        folder.on_main(
            lambda: write(save, trained, loaded, trainer, settings, training, rollouts, evaluating)
        )
    return trained


def _plan(turns: Turns, rollouts: Rollouts, settings: Online, loaded: Loaded) -> Plan:
    return Plan(
        turns=turns,
        group=settings.group,
        seed=settings.seed,
        concurrency=rollouts.concurrency,
        deadline=rollouts.deadline,
        longest=rollouts.longest,
        repairs=rollouts.repairs,
        sees=loaded.eyes is not None,
    )


def _held(settings: Online, rollouts: Rollouts) -> PolicyOf:
    """The model itself writes."""

    def held(loaded: Loaded, name: str) -> StepPolicy:
        return HeldPolicy(
            loaded,
            name,
            settings.compute,
            at_once=rollouts.concurrency,
            template=rollouts.template,
        )

    return held
