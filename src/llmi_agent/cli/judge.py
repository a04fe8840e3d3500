"""`llmi judge`: whether a model can be trusted to judge documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from llmi_agent.cli.output import Output
from llmi_agent.cli.parameters import Number, json_option, verbose_option

if TYPE_CHECKING:
    from llmi_agent.judges.calibrate.thresholds import Thresholds


@click.group(no_args_is_help=True)
def judge() -> None:
    """Try models as judges of documents."""


def _thresholds(
    ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> Thresholds:
    """From "name=number". Raises BadParameter."""
    from llmi_agent.judges.calibrate.thresholds import Thresholds

    found = Thresholds()
    for value in values:
        name, _, number = (part.strip() for part in value.partition("="))
        if name not in Thresholds.model_fields:
            known = ", ".join(Thresholds.model_fields)
            message = f"there is no threshold {name!r}; there are {known}"
            raise click.BadParameter(message, ctx, parameter)
        try:
            found = Thresholds.model_validate({**found.model_dump(), name: float(number)})
        except ValueError:
            message = f"{value!r}: write a number that can be one, such as {name}={getattr(Thresholds(), name)}"
            raise click.BadParameter(message, ctx, parameter) from None
    return found


@judge.command()
@click.argument("model")
@click.option("--pictures-model", metavar="MODEL",
              help="The model that judges pictures.  [default: MODEL]")  # fmt: skip
@click.option("--text-only", is_flag=True, help="Judge no pictures.")
@click.option("--votes", type=click.IntRange(1, 99), default=1, show_default=True, metavar="K",
              help="How often the model is asked for one judgement, which is the median.")  # fmt: skip
@click.option("--repeats", type=click.IntRange(1, 100), default=3, show_default=True, metavar="N",
              help="How often each document is judged; fewer than 2 say nothing of how judgements vary.")  # fmt: skip
@click.option("--topics", type=click.IntRange(1), metavar="N",
              help="How many topics of the set to take.  [default: all]")  # fmt: skip
@click.option("--threshold", "thresholds", multiple=True, callback=_thresholds, metavar="NAME=NUMBER",
              help="What a judge must reach, such as accuracy=0.9; may be repeated.")  # fmt: skip
@click.option("--budget", type=Number(min=0), metavar="USD",
              help="What all of it may cost. A question that might exceed it, or whose price is unknown, is not asked.")  # fmt: skip
@click.option("--deadline", type=Number(min=0, min_open=True), default=180, show_default=True,
              metavar="S", help="Seconds for one judgement.")  # fmt: skip
@click.option("--concurrency", type=click.IntRange(1, 1000), default=8, show_default=True, metavar="N",
              help="How many documents are judged at once.")  # fmt: skip
@click.option("--api-base", metavar="URL",
              help="An OpenAI-compatible server that serves the models, such as http://localhost:8000/v1.")  # fmt: skip
@json_option
@verbose_option
@click.pass_context
def calibrate(ctx: click.Context, /, **given: Any) -> None:
    """Say whether MODEL is fit to judge documents that a policy is trained on.

    It is asked about documents of which one knows which is better: good ones, the same with swapped pictures, without
    pictures, padded, and telling their judge what to say; and about twins of equal quality. The report says how often it
    puts them in the right order, how much its judgements vary, whether place or length sways it, whether it can be talked
    into a score, how often it gave none, how long it took, and what it cost.

    All topics, judged three times, make 900 judgements. Exit code 0 says that it is fit, 1 that it is not, or that
    it gave no judgement.
    """
    output: Output = ctx.obj
    output.configure_logs()
    from llmi_agent.cli.judge_run import Given, calibrated

    if given["text_only"] and given["pictures_model"]:
        raise click.UsageError("--text-only judges no pictures: leave --pictures-model out")
    if not calibrated(Given(**given), output):
        ctx.exit(1)
