"""The prompts that a policy is asked: of a file that may be anybody's, those of one split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from llmi_agent.base.errors import InputError, LlmiError
from llmi_agent.cli.text import plural
from llmi_agent.runner.prompt_file import STDIN, Prompt, read_prompts
from llmi_agent.runner.prompt_line import KEYS, WrongLineError
from llmi_train.rows.taking import is_other_split

Say = Callable[[str], None]
_SHOWN = 5
_PACKED = (b"PAR1", b"\x1f\x8b", b"\x28\xb5\x2f\xfd")
"""How Parquet, gzip and Zstandard begin."""
_FILES = ("images", "image", "files", "attach")


def asked_of(name: str, split: str, say: Say = lambda _: None) -> list[Prompt]:
    """Those of the split, and those whose lines say none, which are of it from now on.

    say: is told of those that are left aside.

    Raises InputError for a file that cannot be used, also where it names files out of its folder, and if none is of the split.
    """
    found = _read(name, split)
    taken = [each for each in found if each.split == split]
    if not taken:
        raise InputError(
            f"no prompt of {name} is of the split {split}: they are of {_splits(found)}; name one with --split"
        )
    _tell_aside(name, found, taken, say)
    return taken


def evaluated_on(name: str, say: Say = lambda _: None) -> list[Prompt]:
    """Those that are held out, and those whose lines say no split; all where none is. Raises InputError."""
    found = _read(name, "test")
    taken = [each for each in found if is_other_split(each.split, None)] or found
    _tell_aside(name, found, taken, say)
    return taken


def _read(name: str, split: str) -> list[Prompt]:
    try:
        return read_prompts(name, split, below=True)
    except InputError as error:
        if name == STDIN or not (Path(name).is_file() and _converts(Path(name))):
            raise
        raise InputError(
            f"{error}; `llmi-train prompts convert {name} OUT.jsonl` reads such prompts, and writes lines"
        ) from None


def _converts(file: Path) -> bool:
    """Whether its first row is a prompt in a form of others: a table, packed, chat messages, or LLM-I's columns."""
    from llmi_train.prompts.files import Files
    from llmi_train.prompts.reading import rows_in
    from llmi_train.prompts.rows import COLUMNS, prompt_of

    try:
        with file.open("rb") as opened:
            packed = opened.read(4).startswith(_PACKED)
        _, row = next(rows_in(file))
        if isinstance(row, WrongLineError):
            return False
        foreign = packed or not isinstance(row.get("prompt", ""), str) or COLUMNS - {*KEYS} & {*row}
        prompt_of({**row, **dict.fromkeys(_FILES)}, Files(file.parent, None))
    except (OSError, StopIteration, LlmiError, WrongLineError, ValueError):
        return False
    return bool(foreign)


def _tell_aside(name: str, found: Sequence[Prompt], taken: Sequence[Prompt], say: Say) -> None:
    own = {each.id for each in taken}
    aside = [each for each in found if each.id not in own]
    if aside:
        say(
            f"{plural(len(taken), 'prompt')} of {name} taken, of {_splits(taken)}; left aside: {len(aside):,}, of "
            f"{_splits(aside)}"
        )


def _splits(prompts: Sequence[Prompt]) -> str:
    names = sorted({each.split for each in prompts})
    return ", ".join(f"{each:.40}" for each in names[:_SHOWN]) + (
        " and others" if len(names) > _SHOWN else ""
    )
