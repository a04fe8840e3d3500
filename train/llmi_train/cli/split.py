"""`llmi-train prompts split`: which prompts to train on, and which to keep for later."""

from __future__ import annotations

from collections import Counter

import click

from llmi_agent.cli.output import Output
from llmi_agent.cli.parameters import Number, json_option, verbose_option
from llmi_agent.cli.text import plural


def shares_of(ctx: click.Context, parameter: click.Parameter, value: str) -> dict[str, float]:
    """ "train=0.9,test=0.1". Raises BadParameter."""
    shares: dict[str, float] = {}
    for each in value.split(","):
        name, _, share = (part.strip() for part in each.partition("="))
        try:
            shares[name] = float(share)
        except ValueError:
            name = ""
        if not name:
            message = f"{each!r} is not of the form name=share, such as train=0.9"
            raise click.BadParameter(message, ctx, parameter)
    if len(shares) < value.count(",") + 1:
        raise click.BadParameter(f"{value!r} names a split twice", ctx, parameter)
    return shares


@click.command()
@click.argument("source", metavar="IN", type=click.Path(exists=True))
@click.argument("out", metavar="OUT", type=click.Path(dir_okay=False))
@click.option(
    "--shares",
    default="train=0.9,test=0.1",
    show_default=True,
    callback=shares_of,
    metavar="NAME=SHARE,...",
    help="The splits, and what each is to get, in parts of their sum.",
)
@click.option(
    "--threshold",
    type=Number(0.3, 1),
    default=0.7,
    show_default=True,
    metavar="SHARE",
    help="How much two texts have in common that stay in one split: a share of their pieces.",
)
@click.option("--again", is_flag=True, help="Split all anew, also those that have a split.")
@json_option
@verbose_option
@click.pass_context
def split(
    ctx: click.Context,
    /,
    source: str,
    out: str,
    shares: dict[str, float],
    threshold: float,
    *,
    again: bool,
) -> None:
    """Write the prompts of IN to OUT, each with a split.

    By the digest of a prompt's normalised text alone, so the same prompt is in the same split on every machine and in every
    order. What is the same but for case, punctuation and space, or nearly the same, is in one split. A prompt that has a
    split keeps it: prompts can be added later. Forms and exit codes are those of `convert`; the exit code is also 1 if
    prompts that are nearly the same have different splits already.
    """
    from pathlib import Path

    from llmi_agent.base.errors import InputError
    from llmi_train.cli.reading import SHOWN, tell
    from llmi_train.prompts.converting import read_for
    from llmi_train.prompts.splits import divide
    from llmi_train.prompts.writing import write

    output: Output = ctx.obj
    output.configure_logs()
    with read_for(Path(source), Path(out)) as read:
        if not read.prompts:
            raise InputError(f"{source} has no prompt that can be used")
        done = divide(read.prompts, shares, again=again, threshold=threshold)
        write(done.prompts, Path(out))
    tell(read, output)
    for one, other in done.torn[:SHOWN]:
        pair = f"lines {read.places[one]} and {read.places[other]} of {source}"
        output.say(f"{pair} are nearly the same and in two splits; --again splits all anew")
    counts = Counter(each.split for each in done.prompts)
    if others := sorted(set(counts) - set(shares)):
        output.say(
            f"{', '.join(others)}: prompts that have one of these splits keep it, though it is not in --shares"
        )
    if output.json:
        output.give(
            {
                **{"out": out, "splits": counts, "kept": done.kept, "together": done.together},
                **{"torn": len(done.torn), "bad_lines": read.bad_lines, "bad": read.bad},
            }
        )
    else:
        parts = ", ".join(f"{count:,} {name}" for name, count in counts.most_common())
        kept = f"; {done.kept:,} had one already" if done.kept else ""
        output.say(f"{plural(len(done.prompts), 'prompt')}: {parts}{kept}")
        click.echo(out)
    if read.bad_lines or done.torn:
        ctx.exit(1)
