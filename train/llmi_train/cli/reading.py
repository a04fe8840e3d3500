"""What the commands on prompts say of the files that they read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from llmi_agent.cli.text import plural

if TYPE_CHECKING:
    from llmi_agent.cli.output import Output
    from llmi_train.prompts.reading import Read

SHOWN = 10
"""Lines, and the like, that are named of those with the same fault."""


def tell(read: Read, output: Output) -> None:
    """On stderr: what could not be used of a file, and what a prompt does not hold of it."""
    for sentence in (*bad_lines(read), *left_out(read)):
        output.say(sentence, "prompts")


def bad_lines(read: Read) -> Iterator[str]:
    for number, why in read.bad[:SHOWN]:
        yield f"{read.source}, line {number}: {why}"
    if (more := read.bad_lines - len(read.bad[:SHOWN])) > 0:
        yield f"{read.source}: {plural(more, 'more line')} that cannot be used"


def left_out(read: Read) -> Iterator[str]:
    for what, count in read.left_out.most_common(SHOWN):
        yield f"{read.source}: left out of {plural(count, 'prompt')}: {what}"
    if (more := len(read.left_out) - SHOWN) > 0:
        yield f"{read.source}: left out: {plural(more, 'more thing')}"
