"""`llmi-train prompts convert`: from one form to the other."""

from __future__ import annotations

import click

from llmi_agent.cli.output import Output
from llmi_agent.cli.parameters import json_option, verbose_option


@click.command()
@click.argument("source", metavar="IN", type=click.Path(exists=True))
@click.argument("out", metavar="OUT", type=click.Path(dir_okay=False))
@json_option
@verbose_option
@click.pass_context
def convert(ctx: click.Context, /, source: str, out: str) -> None:
    """Write the prompts of IN to OUT, in the form that OUT's ending says: .jsonl (also .gz, .zst), or .parquet.

    IN may be JSON lines, Parquet, or a folder that `datasets` saved. JSON lines are what `llmi batch` runs; Parquet has
    the columns of LLM-I's data. Files that go with prompts are inside of Parquet, and beside JSON lines. OUT appears
    whole or not at all. What IN holds and OUT cannot is said on stderr; a line that cannot be used is named and left out, and the
    exit code is then 1.
    """
    from pathlib import Path

    from llmi_train.cli.reading import tell
    from llmi_train.prompts.converting import convert as converted

    output: Output = ctx.obj
    output.configure_logs()
    read, lost = converted(Path(source), Path(out))
    tell(read, output)
    for sentence in lost:
        output.say(sentence, "prompts")
    if output.json:
        done = {"out": out, "prompts": len(read.prompts), "bad_lines": read.bad_lines}
        output.give({**done, "bad": read.bad, "left_out": read.left_out, "lost": lost})
    else:
        click.echo(out)
    if read.bad_lines:
        ctx.exit(1)
