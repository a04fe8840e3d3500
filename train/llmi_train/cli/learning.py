"""What `llmi-train sft`, `dpo` and `kto` do, once their options are read."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from llmi_agent.base.errors import UnavailableError
from llmi_agent.cli.batch_progress import show
from llmi_agent.cli.output import Output
from llmi_agent.cli.text import plural
from llmi_train.cli.training_options import settings_of
from llmi_train.preferences.reading import examples_in

if TYPE_CHECKING:
    from llmi_train.trainer.learning import Outcome

NEEDED = ("torch", "transformers", "trl", "datasets", "peft", "accelerate", "llmi_transformers")


def run(method: str, given: Mapping[str, Any], output: Output) -> None:
    """Read, train, and say what came of it. Raises what stops it."""
    examples = examples_in(Path(given["examples"]), leave_out_bad=given["leave_out_bad"])
    try:
        from llmi_train.trainer.learning import Course, learn
        from llmi_train.trainer.progress import Steps
        from llmi_train.trainer.sft import FULL_LR, LORA_LR, SFT
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in NEEDED:
            raise
        raise UnavailableError(
            f"training needs {error.name}, which is not installed: make train, or pip install 'llmi-train[grpo]'"
        ) from None
    lr = given["lr"] or (LORA_LR if given["lora"] else FULL_LR)
    settings = settings_of(given, lr=lr)
    course = Course(
        epochs=given["epochs"],
        longest=given["longest"],
        leave_out_bad=given["leave_out_bad"],
        resume=given["resume"],
    )
    steps = Steps(SFT.figures)
    with show(steps, live=output.live) as screen, redirect_stdout(sys.stderr):
        done = learn(
            SFT,
            examples,
            given["model"],
            Path(given["out"]),
            settings,
            course,
            display=screen,
            steps=steps,
            say=None if output.live else output.say,
        )
    _tell(done, output)


def _tell(done: Outcome, output: Output) -> None:
    if output.json:
        output.give({**vars(done), "out": str(done.out)})
        return
    for sentence in _sentences(done):
        output.say(sentence, "trained")
    click.echo(str(done.out))


def _sentences(done: Outcome) -> Iterator[str]:
    yield (
        f"{plural(done.examples, 'example')}, {plural(done.tokens, 'token')} of answers, "
        f"{plural(done.steps, 'step')}, loss {done.figures.get('loss', float('nan')):.4g}"
    )
    for what, count in done.notes.items():
        yield f"{count:,} times: {what}"
    for why, count in done.left_out.items():
        yield f"left out {count:,} times: {why}"
