"""What `llmi-train sft`, `dpo` and `kto` do, once their options are read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import click

from llmi_agent.cli.batch_progress import show
from llmi_agent.cli.output import Output
from llmi_agent.cli.text import plural
from llmi_agent.cli.traces_options import place_of
from llmi_agent.records.overview import Chosen
from llmi_train.cli.cut_short import needed, resumable
from llmi_train.cli.lines import now_and_then
from llmi_train.cli.runs_read import reading
from llmi_train.cli.training_options import settings_of
from llmi_train.preferences.choosing import Best, Labels, Pairs
from llmi_train.preferences.files import write
from llmi_train.preferences.reading import Examples, examples_in, labelled_in, pairs_in
from llmi_train.preferences.scored import scored

if TYPE_CHECKING:
    from llmi_train.trainer.learning import Outcome
    from llmi_train.trainer.settings import Settings

Method: TypeAlias = Literal["sft", "dpo", "kto"]
LR: Mapping[Method, tuple[float, float]] = {
    "sft": (2e-5, 2e-4),
    "dpo": (1e-6, 1e-5),
    "kto": (1e-6, 1e-5),
}
"""The highest learning rate where none is said, of all weights and of adapters."""
_READ: Mapping[Method, Callable[..., Examples[Any]]] = {
    "sft": examples_in,
    "dpo": pairs_in,
    "kto": labelled_in,
}
OF_TRACES = (
    "traces",
    "profile",
    "policy",
    "since",
    "until",
    "split",
    "text",
    "best",
    "least",
    "margin",
)
"""Options that say which runs, and which of their drafts."""
UNSAID = (None, False, "", (), 0.0)
_OWN = ("beta", "desirable_weight", "undesirable_weight")


def run(method: Method, given: Mapping[str, Any], output: Output) -> None:
    """Choose, train, and say what came of it. Raises what stops it."""
    _check(method, given)
    if not given["export"]:
        _prepare(method, given)
    examples = _examples(method, given, output)
    if given["export"]:
        _export(examples, Path(given["export"]), output)
    else:
        _train(method, examples, given, output)


def _check(method: Method, given: Mapping[str, Any]) -> None:
    """Raises UsageError for options that do not go together."""
    if given["examples"] and (names := [n for n in OF_TRACES if given.get(n) not in UNSAID]):
        options = ", ".join(f"--{name}" for name in names)
        raise click.UsageError(f"--examples are taken as they are: leave out {options}")
    if given["export"]:
        if given["out"] or given["resume"]:
            raise click.UsageError("--export trains nothing: leave out --out and --resume")
        return
    for name in ("model", "out"):
        if not given[name]:
            raise click.UsageError(f"Missing option '--{name}'; only --export does without it")


def _prepare(method: Method, given: Mapping[str, Any]) -> None:
    """What can be known to be wrong before runs are read for hours. Raises what it is."""
    lesson = _lesson(method)
    from llmi_train.trainer.folder import look
    from llmi_train.trainer.learning import check
    from llmi_train.trainer.loading import folder_of

    out = Path(given["out"])
    look(out, resume=given["resume"])
    check(lesson, out, _settings(method, given))
    folder_of(given["model"])


def _examples(method: Method, given: Mapping[str, Any], output: Output) -> Examples[Any]:
    bad: bool = given["leave_out_bad"]
    if given["examples"]:
        return _READ[method](Path(given["examples"]), leave_out_bad=bad)
    with reading(output) as tell:
        pool = scored(
            list(given["traces"]) or place_of(None),
            chosen=Chosen(model=given["policy"], since=given["since"], until=given["until"]),
            profile=given["profile"],
            split=given["split"],
            text=given["text"],
            sees=method == "sft" and not given["export"] and _sees(given["model"]),
            leave_out_bad=bad,
            tell=tell,
        )
    if method == "sft":
        return Best(given["best"], given["least"]).of(pool)
    return Pairs(given["margin"]).of(pool) if method == "dpo" else Labels().of(pool)


def _export(examples: Examples[Any], out: Path, output: Output) -> None:
    notice = write(examples.taken, out)
    about = {"examples": len(examples.taken), "about": examples.about}
    if output.json:
        counts = {"left_out": dict(examples.left_out), "notes": dict(examples.notes)}
        output.give({"out": str(out), **about, **counts, "notice": notice})
        return
    for sentence in (*_origin(examples.about), *_counts(examples.notes, examples.left_out)):
        output.say(sentence, "exported")
    if notice:
        output.say(notice, "exported")
    output.say(f"{plural(len(examples.taken), 'example')} written", "exported")
    click.echo(str(out))


def _lesson(method: Method) -> Any:
    """Its lesson. Raises UnavailableError if what it is trained with is not installed."""
    with needed():
        return getattr(import_module(f"llmi_train.trainer.{method}"), method.upper())


def _sees(model: str) -> bool:
    from llmi_train.trainer.loading import sees

    return sees(model)


def _settings(method: Method, given: Mapping[str, Any]) -> Settings:
    return settings_of(given, lr=given["lr"] or LR[method][bool(given["lora"])])


def _train(
    method: Method, examples: Examples[Any], given: Mapping[str, Any], output: Output
) -> None:
    lesson = _lesson(method)
    from llmi_train.trainer.learning import Course, learn
    from llmi_train.trainer.processes import processes
    from llmi_train.trainer.progress import Steps

    names = ("epochs", "longest", "options", "leave_out_bad", "resume")
    course = Course(
        **{name: given[name] for name in names},
        own={name: given[name] for name in _OWN if name in given},
    )
    settings = _settings(method, given)
    steps, out = Steps(lesson.figures), Path(given["out"])
    main = processes().is_main_process
    live = output.live and main
    say = now_and_then(output.say) if main and not live else None
    with show(steps, live=live) as screen, redirect_stdout(sys.stderr), resumable(out, output):
        done = learn(lesson, examples, given["model"], out, settings, course, screen, steps, say)
    if main:
        _tell(done, output)


def _tell(done: Outcome, output: Output) -> None:
    if output.json:
        output.give(done.as_json())
        return
    for sentence in (*_origin(done.about), *_counts(done.notes, done.left_out)):
        output.say(sentence, "trained")
    output.say(
        f"{plural(done.examples, 'example')}, {done.tokens:,} tokens of answers, {plural(done.steps, 'step')}, "
        f"loss {done.figures['loss']:.4g}",
        "trained",
    )
    click.echo(str(done.out))


def _origin(about: Mapping[str, Any]) -> Iterator[str]:
    """What is said of traces."""
    if "runs read" not in about:
        return
    models = ", ".join(f"{name} ({count:,})" for name, count in about["written by"].items())
    own = about["mean reward of what is learnt as good"]
    said = "" if own is None else f", mean reward {own:.3f}, by {models}"
    yield (
        f"{plural(about['runs read'], 'run')} read, {about['runs with a draft and a reward']:,} with a draft and a reward of "
        f"{about['reward']}, mean {about['mean reward']:.3f}; {about['learnt as good']:,} learnt as good{said}"
    )


def _counts(notes: Mapping[str, int], left_out: Mapping[str, int]) -> Iterator[str]:
    yield from (f"{count:,}: {what}" for what, count in notes.items())
    yield from (f"left out {count:,}: {why}" for why, count in left_out.items())
