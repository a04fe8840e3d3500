"""Options that all commands which train have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from llmi_agent.cli.parameters import Number, together

if TYPE_CHECKING:
    from llmi_train.trainer.settings import Settings


def names(
    ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """Of several values, each of which may be several with commas."""
    return tuple(each.strip() for value in values for each in value.split(",") if each.strip())


shared_options = together(
    click.option("--rows-at-once", type=click.IntRange(1), metavar="N", default=8, show_default=True,
                 help="Examples that go through the model together: what memory allows."),
    click.option("--lr", type=Number(0, min_open=True), metavar="RATE", help="The highest learning rate."),
    click.option("--schedule", type=click.Choice(("cosine", "linear", "constant")), default="cosine", show_default=True,
                 help="How the rate falls after the warm-up: to a hundredth, to nothing, or not at all."),
    click.option("--warmup", type=Number(0), metavar="N", default=4, show_default=True,
                 help="Steps in which the rate rises; below 1, the share of all steps. A tenth of them at most, so none below ten steps."),
    click.option("--weight-decay", type=Number(0), metavar="W", default=0.1, show_default=True,
                 help="How fast weights decay."),
    click.option("--clip", type=Number(0), metavar="NORM", default=1.0, show_default=True,
                 help="The largest norm of a gradient; 0: any."),
    click.option("--lora", type=click.IntRange(1), metavar="RANK",
                 help="Train adapters of this rank on all linear layers, and not the weights; the checkpoint has them merged."),
    click.option("--dtype", type=click.Choice(("auto", "float32", "bfloat16")), default="auto", show_default=True,
                 help="What is computed in; auto: bfloat16 on a GPU that has it, else float32."),
    click.option("--seed", type=click.IntRange(0, 2**32 - 1), metavar="N", default=0, show_default=True, help="What is drawn by chance is drawn from it."),
    click.option("--recompute", is_flag=True, help="Use less memory, and a quarter more time."),
    click.option("--save-every", type=click.IntRange(1), metavar="N", default=50, show_default=True,
                 help="Steps between two checkpoints, from which --resume goes on."),
    click.option("--keep-checkpoints", is_flag=True, help="Keep all of them, also when it is done."),
    click.option("--resume", is_flag=True, help="Go on with a training that was cut, or begin it."),
    click.option("--report-to", multiple=True, callback=names, metavar="NAME",
                 help="Where figures go besides: tensorboard, wandb, trackio, or another that transformers knows; may be repeated."),
    click.option("--log-every", type=click.IntRange(1), metavar="N", default=1, show_default=True,
                 help="Steps between two reports."),
)  # fmt: skip
"""Of all trainings."""

settings_options = together(
    click.option("--step-rows", type=click.IntRange(1), metavar="N", default=32, show_default=True,
                 help="Examples to one step of the optimizer."),
    shared_options,
)  # fmt: skip
"""What `settings_of` makes `Settings` of."""

NAMES = (
    "step_rows", "rows_at_once", "lr", "schedule", "warmup", "weight_decay", "clip", "lora", "dtype", "seed", "recompute",
    "save_every", "keep_checkpoints", "report_to", "log_every",
)  # fmt: skip


def settings_of(given: Mapping[str, Any], **other: Any) -> Settings:
    """Those that the options say."""
    from llmi_train.trainer.settings import Settings

    return Settings(**{**{name: given[name] for name in NAMES}, **other})
