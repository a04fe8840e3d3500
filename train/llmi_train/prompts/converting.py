"""From one form of prompts to another."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from llmi_agent.base.errors import InputError
from llmi_train.prompts.files import is_picture
from llmi_train.prompts.prompt import TrainingPrompt
from llmi_train.prompts.reading import Read, read
from llmi_train.prompts.writing import ending_of, files_beside, write


def convert(source: Path, out: Path) -> tuple[Read, list[str]]:
    """Write the prompts of one file to another. What was read, and in sentences what the other form does not hold.

    Raises InputError if there is no prompt in it.
    """
    with read_for(source, out) as found:
        if not found.prompts:
            raise InputError(f"{source} has no prompt that can be used{_first(found)}")
        write(found.prompts, out)
        lost = list(_lost(found.prompts)) if ending_of(out) == ".parquet" else []
    return found, lost


@contextmanager
def read_for(source: Path, out: Path | None) -> Iterator[Read]:
    """The prompts of a file, whose own files are there while the block runs: beside `out`, or for as long only."""
    ending = None if out is None else ending_of(out)
    if out is not None and out.exists() and out.samefile(source):
        raise InputError(f"{out} is what is read; name another file to write to")
    if out is not None and ending != ".parquet":
        yield read(source, files_beside(out))
        return
    with tempfile.TemporaryDirectory(prefix="llmi-prompts-") as folder:
        yield read(source, Path(folder))


def _first(found: Read) -> str:
    return f"; line {found.bad[0][0]}: {found.bad[0][1]}" if found.bad else ""


def _lost(prompts: Sequence[TrainingPrompt]) -> Iterator[str]:
    """What LLM-I's columns have no place for."""
    if unsaid := sum(each.demand is None for each in prompts):
        yield f"{unsaid} of them say nothing of what they demand: image_num is 0 for these, which demands nothing"
    if mixed := sum(_is_mixed(each) for each in prompts):
        yield f"{mixed} of them have other files before pictures: pictures come first when they are read again"


def _is_mixed(prompt: TrainingPrompt) -> bool:
    order = [is_picture(each) for each in prompt.attach]
    return order != sorted(order, reverse=True)
