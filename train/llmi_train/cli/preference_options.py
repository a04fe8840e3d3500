"""The options of `llmi-train sft`, `dpo` and `kto`: what is learnt from, and how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from llmi_agent.cli.parameters import Number, together
from llmi_agent.cli.traces_options import moment
from llmi_train.cli.grpo_options import named_values

F = TypeVar("F", bound=Callable[..., Any])


def sources(examples: str) -> Callable[[F], F]:
    """What is learnt from. examples: what the columns are of a file of others."""
    return together(
        click.option("--traces", multiple=True, type=click.Path(), metavar="PLACE",
                     help="Where the runs are: a home, a journal, an exported file, or a folder of these; may be repeated.  [default: your own home]"),
        click.option("--examples", type=click.Path(dir_okay=False), metavar="FILE",
                     help=f"In place of runs: JSON lines or Parquet in TRL's forms, with {examples}."),
        click.option("--model", metavar="DIR", help="The checkpoint to begin from: a local folder."),
        click.option("--out", type=click.Path(file_okay=False), metavar="DIR", help="Where the new checkpoint goes."),
        click.option("--export", type=click.Path(dir_okay=False), metavar="FILE",
                     help="Write what would be learnt to a .jsonl or .parquet file in TRL's form, and train nothing."),
        click.option("--profile", metavar="REWARD",
                     help="The reward that counts, by its name or whole version.  [default: the only one on record]"),
        click.option("--policy", default="", metavar="TEXT", help="Only runs whose model's name has this in it."),
        click.option("--since", callback=moment, metavar="TIME",
                     help="Only runs that began then or later: 2026-11-28, or 2d, 12h ago."),
        click.option("--until", callback=moment, metavar="TIME", help="Only runs that began before."),
        click.option("--split", metavar="NAME",
                     help="Only runs of this split.  [default: all but those held out, such as test]"),
        click.option("--text", is_flag=True,
                     help="Learn what was written, through the chat template of --model, also where the ids that were sampled are on "
                          "record: for traces of another model."),
        click.option("--template-option", "options", multiple=True, callback=named_values, metavar="NAME=VALUE",
                     help="What the chat template is told beside the messages, such as enable_thinking=false; may be repeated."),
        click.option("--longest", type=click.IntRange(2), metavar="N",
                     help="Tokens of a prompt with its answer, at most.  [default: what the model can read]"),
        click.option("--leave-out-bad", is_flag=True,
                     help="Leave out what cannot be learnt from, and count it, instead of refusing all."),
        click.option("--epochs", type=Number(0, min_open=True), default=1.0, show_default=True, metavar="N",
                     help="How often each example is seen."),
    )  # fmt: skip


beta_option = click.option(
    "--beta",
    type=Number(0, min_open=True),
    default=0.1,
    show_default=True,
    metavar="B",
    help="How closely the policy is held to the one it begins from.",
)
