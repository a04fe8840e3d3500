"""Learning from answers that were chosen, whatever the loss: what SFT, DPO and KTO have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic

from datasets import Dataset, disable_caching, disable_progress_bars
from transformers import PrinterCallback

from llmi_agent.base.errors import ConfigError
from llmi_agent.cli.batch_progress import Display
from llmi_train.preferences.answer import T
from llmi_train.preferences.reading import Examples
from llmi_train.trainer.card import Card
from llmi_train.trainer.fitting import Fitted, RowOf, fitted
from llmi_train.trainer.folder import MarkWhole, Training, begun, look, on_main
from llmi_train.trainer.loading import Loaded, load, lora, version_of
from llmi_train.trainer.progress import Say, ShowSteps, Steps
from llmi_train.trainer.sampled import check_sampled
from llmi_train.trainer.settings import Settings, quiet
from llmi_train.trainer.stops import FiniteGradients
from llmi_train.trainer.templated import Templated, ends_of
from llmi_train.trainer.whole import Save, saving


@dataclass(frozen=True, kw_only=True)
class Lesson(Generic[T]):
    """One way to learn."""

    method: str
    trainer: Callable[..., Any]
    """A trainer of TRL's that takes ids as they are."""
    config: Callable[..., Any]
    row_of: RowOf[T]
    ordered: Callable[[Sequence[T], int], Sequence[T]] = lambda taken, seed: taken
    """The order in which examples are given to the trainer, by a seed, if that shuffles nothing itself."""
    own: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the trainer's config."""
    sees: bool = False
    """Its trainer takes `shown`: the pictures of each row's prompt, and what the model is shown them with."""
    together: int = 1
    """So many examples must go through the model together."""
    figures: Mapping[str, str] = field(default_factory=dict)
    """Names in the log, by the word that each is shown under."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """How it is learnt, beside the settings that all trainings have."""

    epochs: float = 1.0
    longest: int | None = None
    """Tokens of a prompt and its answer; None: as many as the model can read."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What the chat template is told beside the messages."""
    own: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the trainer's config, such as `beta`."""
    leave_out_bad: bool = False
    resume: bool = False


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of it."""

    out: Path
    steps: int
    warmup: int
    """So many of the steps were of the warm-up."""
    examples: int
    tokens: int
    """Of the answers, which are learnt."""
    data: str
    """A digest of all that was learnt from."""
    about: Mapping[str, Any]
    """Where it comes from."""
    left_out: Mapping[str, int]
    notes: Mapping[str, int]
    figures: Mapping[str, float]
    """The last ones that were reported."""

    def as_json(self) -> dict[str, Any]:
        """With plain values."""
        return {**vars(self), "out": str(self.out)}


def check(lesson: Lesson[T], out: Path, settings: Settings) -> None:
    """What can be known to be wrong before anything is read. Raises ConfigError or UnavailableError."""
    settings.arguments(out)
    at_once, _ = settings.shares()
    if at_once < lesson.together:
        raise ConfigError(
            f"{lesson.method} weighs answers against others that go through the model with them, at least {lesson.together}, and "
            f"--step-rows {settings.step_rows} with --rows-at-once {settings.rows_at_once} leaves {at_once}: choose --step-rows "
            "that --rows-at-once divides"
        )


def learn(
    lesson: Lesson[T],
    examples: Examples[T],
    model: str,
    out: Path,
    settings: Settings,
    course: Course,
    display: Display | None = None,
    steps: Steps | None = None,
    say: Say | None = None,
) -> Outcome:
    """Learn from examples, and write the checkpoint to `out`.

    Raises InputError before anything is trained if something of the examples cannot be learnt from, or if `out` holds
    something else; Diverged if the figures are no numbers any more.
    """
    quiet()
    disable_caching()
    disable_progress_bars()
    look(out, resume=course.resume)
    check(lesson, out, settings)
    loaded = load(model, settings.kept)
    fit, notes = _fitted(lesson, examples, loaded, settings, course)
    identity = _identity(lesson, loaded, fit, settings, course)
    with begun(out, identity, resume=course.resume) as training:
        shown = ShowSteps(steps or Steps(lesson.figures), display, say)
        trainer = _trainer(lesson, loaded, fit, out, settings, course)
        for each in (FiniteGradients(), MarkWhole(), shown):
            trainer.add_callback(each)
        checkpoint = training.checkpoint()
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        outcome = Outcome(
            out=out,
            steps=trainer.state.global_step,
            warmup=trainer.args.warmup_steps,
            examples=len(fit.rows),
            tokens=fit.tokens,
            data=fit.data,
            about=examples.about,
            left_out=fit.left_out,
            notes=notes,
            figures=_last(trainer.state.log_history, lesson.figures),
        )
        save = saving(trainer, loaded)
        on_main(lambda: _write(save, loaded, lesson, outcome, training, settings))
    return outcome


def _fitted(
    lesson: Lesson[T], examples: Examples[T], loaded: Loaded, settings: Settings, course: Course
) -> tuple[Fitted, dict[str, int]]:
    """What is learnt from, and what a person should know of it. Raises InputError."""
    ends = ends_of(loaded.tokenizer, loaded.model.generation_config.eos_token_id)
    templated = Templated(loaded.tokenizer, ends, course.options, loaded.eyes)
    check_sampled(examples.taken, templated)
    fit = fitted(
        lesson.ordered(examples.taken, settings.seed),
        lesson.row_of,
        templated,
        loaded.model,
        course.longest,
        leave_out_bad=course.leave_out_bad,
    )
    fit.even(settings.shares()[0], lesson.together)
    fit.left_out.update(examples.left_out)
    return fit, {**examples.notes, **templated.notes}


def _last(history: Sequence[Mapping[str, Any]], figures: Mapping[str, str]) -> dict[str, float]:
    """Of each figure the last value, by the word that it is shown under."""
    return {
        word: float(each[name])
        for each in history
        for word, name in figures.items()
        if isinstance(each.get(name), int | float)
    }


def _write(
    save: Save,
    loaded: Loaded,
    lesson: Lesson[T],
    outcome: Outcome,
    training: Training,
    settings: Settings,
) -> None:
    """The checkpoint, its card, and that it is done."""
    save(training.out)
    _card(lesson, loaded, outcome, training.identity).write(training.out)
    training.finish(outcome.as_json(), keep_checkpoints=settings.keep_checkpoints)


def _identity(
    lesson: Lesson[T], loaded: Loaded, fit: Fitted, settings: Settings, course: Course
) -> dict[str, Any]:
    """What the trained weights follow from."""
    return {
        "method": lesson.method,
        "data": fit.data,
        "examples": len(fit.rows),
        "model": version_of(loaded.folder),
        "epochs": course.epochs,
        "own": dict(course.own),
        "settings": settings.said(),
    }


def _trainer(
    lesson: Lesson[T],
    loaded: Loaded,
    fit: Fitted,
    out: Path,
    settings: Settings,
    course: Course,
) -> Any:
    own = {"num_train_epochs": course.epochs, "max_length": None, **lesson.own, **course.own}
    shown = {"shown": (fit.shown, loaded.eyes)} if lesson.sees else {}
    trainer = lesson.trainer(
        model=loaded.model,
        args=lesson.config(**settings.arguments(out), **own),
        train_dataset=Dataset.from_list(fit.rows),
        processing_class=loaded.tokenizer,
        peft_config=lora(settings.lora),
        **shown,
    )
    trainer.remove_callback(
        PrinterCallback
    )  # figures are shown by the bar, and stdout is for results
    return trainer


def _card(lesson: Lesson[T], loaded: Loaded, outcome: Outcome, identity: Mapping[str, Any]) -> Card:
    left_out = {f"left out: {why}": count for why, count in outcome.left_out.items()}
    learnt = {"examples": outcome.examples, "tokens of answers": outcome.tokens}
    return Card(
        title=outcome.out.resolve().name,
        about=f"Trained by {lesson.method.upper()} on {outcome.examples:,} examples, in {outcome.steps:,} steps.",
        base=loaded.folder.resolve().name,
        method=lesson.method,
        sections={
            "Data": {**learnt, "digest": outcome.data, **outcome.about, **left_out},
            "Settings": {
                "epochs": identity["epochs"],
                **identity["own"],
                **identity["settings"],
                "warm-up, in steps": outcome.warmup,
            },
            "Figures": outcome.figures,
        },
        notes=[f"{count:,}: {what}" for what, count in outcome.notes.items()],
    )
