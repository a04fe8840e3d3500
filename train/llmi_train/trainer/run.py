"""Offline GRPO from rows to a checkpoint: everything is looked at before anything is trained."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from transformers import PrinterCallback

from llmi_agent.base.errors import InputError
from llmi_agent.cli.batch_progress import Display
from llmi_train.rows.row import Row
from llmi_train.rows.schedule import schedule
from llmi_train.trainer import folder, loading
from llmi_train.trainer.card import Card
from llmi_train.trainer.evaluating import Evaluating, Fresh
from llmi_train.trainer.loading import Loaded
from llmi_train.trainer.losses import Offline
from llmi_train.trainer.measures import FIGURES, OF_ROLLOUTS, SHOWN
from llmi_train.trainer.offline import OfflineTrainer
from llmi_train.trainer.origin import Recall, check_origin
from llmi_train.trainer.outcome import Outcome, looks_of, notes_of
from llmi_train.trainer.pictures import check_pictures
from llmi_train.trainer.probe import Probed, check_rows, check_weights, spread
from llmi_train.trainer.processes import processes
from llmi_train.trainer.progress import Say, ShowSteps, Steps
from llmi_train.trainer.settings import quiet
from llmi_train.trainer.stops import Diverged, FiniteGradients, Stopped, limits
from llmi_train.trainer.whole import Save, saving


class Report(Protocol):
    """Of what became of the traces."""

    @property
    def data_hash(self) -> str: ...

    def as_json(self) -> dict[str, Any]: ...


class Gathered(Protocol):
    """Rows, and where they come from (`llmi_train.rows`)."""

    @property
    def rows(self) -> Sequence[Row]: ...

    @property
    def report(self) -> Report: ...

    def recorded(self, row: Row) -> Any: ...


def train(
    gathered: Gathered,
    model: str,
    out: Path,
    settings: Offline | None = None,
    *,
    behaviour: str | None = None,
    template: Mapping[str, Any] | None = None,
    fresh: Fresh | None = None,
    resume: bool = False,
    callbacks: Sequence[Any] = (),
    steps: Steps | None = None,
    display: Display | None = None,
    say: Say | None = None,
) -> Outcome:
    """Train a checkpoint on what was recorded, and write the trained one.

    gathered: of `llmi_train.rows.rows_of`. model: the checkpoint's folder, also as `transformers/PATH`. out: a new folder, or
    with `resume` the one of the same training, which was cut.
    behaviour: the checkpoint that sampled the rows, if it is not `model`. template: what its chat template was given.
    fresh: evaluates now and then; the best checkpoint is kept, and training stops when it gets worse.
    callbacks: of transformers, besides. steps, display: how far it is, and where that is shown. say: told a line of each report.

    Raises InputError or ConfigError, before anything is trained, for what cannot be; Diverged if numbers are not finite.
    """
    settings = settings or Offline()
    quiet()
    folder.look(out, resume=resume)
    settings.arguments(out)
    rows = gathered.rows
    if not rows:
        raise InputError("there is no row to train on")
    loaded = loading.load(model, settings.kept)
    check_rows(rows, loaded.model)
    check_pictures((each.segment for each in rows), loaded.eyes)
    look: Recall = gathered.recorded
    probed = _probe(rows, look, loaded, settings, behaviour, template or {})
    notes = _other_weights(gathered.report, behaviour or model) if probed else ()
    flat = schedule(rows, settings.step_rows, settings.epochs, settings.seed)
    version = loading.version_of(loaded.folder)
    identity = {
        "kind": "offline",
        "model": version,
        "data": {"hash": gathered.report.data_hash, "rows": len(rows)},
        "settings": settings.said(),
    }
    with folder.begun(out, identity, resume=resume) as training:
        trainer = OfflineTrainer(flat, loaded, settings, out, limits(settings.max_kl))
        trainer.remove_callback(PrinterCallback)
        shown = ShowSteps(steps or Steps(SHOWN), display, say)
        evaluating = Evaluating(fresh, loaded, out) if fresh else None
        own = [FiniteGradients(), folder.MarkWhole(), *([evaluating] if evaluating else [])]
        for each in (*own, *callbacks, shown):
            trainer.add_callback(each)
        outcome = replace(run_to_end(trainer, training, probed, evaluating), notes=notes)
        save = saving(trainer, loaded)
        folder.on_main(
            lambda: _write(save, outcome, gathered, loaded, trainer, settings, training, evaluating)
        )
    return outcome


def _probe(
    rows: Sequence[Row],
    look: Recall,
    loaded: Loaded,
    settings: Offline,
    behaviour: str | None,
    template: Mapping[str, Any],
) -> Probed | None:
    """Raises InputError if the rows are not this model's."""
    some = spread(rows, settings.probe_rows)
    if not some:
        return None
    check_origin(rows, look, loaded.tokenizer, template, loaded.eyes)
    name = str(loaded.folder)
    model = loaded.model
    if behaviour is not None:
        path = loading.folder_of(behaviour)
        name, model = str(path), loading.read_model(path, settings.kept)
    device = processes().device
    return check_weights(
        some, model.to(device), name, settings.compute, settings.tolerance, loaded.eyes
    )


def _other_weights(report: Report, name: str) -> tuple[str, ...]:
    """That runs say they were sampled by other weights than those that give their logprobs, if they do."""
    own = loading.version_of(loading.folder_of(name))
    said = [each for each in report.as_json().get("weights", {}) if each and each != own]
    others = sorted(each for each in said if each.startswith(own.partition(":")[0] + ":"))
    if not others:
        return ()
    return (
        f"on record the runs were sampled by the weights {', '.join(others)[:200]}, and those in {name} are {own}; yet these give the "
        "recorded logprobs",
    )


def run_to_end(
    trainer: OfflineTrainer,
    training: folder.Training,
    probed: Probed | None,
    evaluating: Evaluating | None,
) -> Outcome:
    """Train to the end, or until something stops it. Raises Diverged."""
    stopped = ""
    at = training.checkpoint()
    began = time.monotonic()
    try:
        trainer.train(resume_from_checkpoint=str(at) if at else None)
    except Stopped as stop:
        stopped = str(stop)
        _end(trainer)
        if evaluating and trainer.state.global_step:
            evaluating.look(trainer.state.global_step, trainer.model)
    except Diverged:
        _end(trainer)
        raise
    seconds = time.monotonic() - began
    state = trainer.state
    history = [each for each in state.log_history if "kl" in each or "missing" in each]
    return Outcome(
        out=training.out,
        steps=state.global_step,
        of=state.max_steps,
        warmup=trainer.args.warmup_steps,
        best=evaluating.best.step if evaluating else state.global_step,
        evaluations=tuple(look for _, look in sorted(evaluating.looks.items()))
        if evaluating
        else (),
        stopped=stopped,
        probed=probed,
        first=_told(history[0]) if history else {},
        last=_told(history[-1]) if history else {},
        seconds=seconds,
    )


def _told(log: Mapping[str, Any]) -> dict[str, float]:
    return {name: value for name, value in log.items() if name in FIGURES | OF_ROLLOUTS}


def _end(trainer: OfflineTrainer) -> None:
    """What reports figures is told the last ones, and that no more will come."""
    trainer.log({})
    trainer.control = trainer.callback_handler.on_train_end(
        trainer.args, trainer.state, trainer.control
    )


def _write(
    save: Save,
    outcome: Outcome,
    gathered: Gathered,
    loaded: Loaded,
    trainer: OfflineTrainer,
    settings: Offline,
    training: folder.Training,
    evaluating: Evaluating | None,
) -> None:
    """The checkpoint, its card, and that it is done."""
    save(training.out)
    if evaluating:
        evaluating.keep_best()
    report = gathered.report.as_json()
    rollouts = looks_of(outcome)
    Card(
        title=training.out.resolve().name,
        about="A policy of LLMI, trained by GRPO on recorded runs: no rollout was sampled in training, and importance ratios are "
        "those to the policy that was recorded. Whether it is better is for an evaluation on other prompts to say (`llmi-train eval`).",
        base=f"{loaded.folder.name} ({training.identity['model']})",
        method="offline-grpo",
        notes=notes_of(outcome, settings),
        sections={
            "What it was trained on": report,
            "How": settings.said(),
            **({"Fresh rollouts, mean reward": rollouts} if rollouts else {}),
            "The first step": outcome.first,
            "The last step": outcome.last,
            "Besides": {
                "steps": f"{outcome.steps} of {outcome.of}",
                "warm-up, in steps": outcome.warmup,
                "seconds": outcome.seconds,
                "what dr_grpo divides by, in tokens": trainer.max_completion_length,
                "recorded against recomputed logprobs, mean": outcome.probed.difference
                if outcome.probed
                else "not looked at",
            },
        },
    ).write(training.out)
    training.finish(
        {**outcome.as_json(), "report": report, "history": trainer.state.log_history},
        keep_checkpoints=settings.keep_checkpoints,
    )
