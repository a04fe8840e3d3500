"""The prompts that a policy is asked: of a file that may be anybody's, those of one split."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llmi_agent.base.errors import InputError
from llmi_agent.cli.text import plural
from llmi_agent.runner.prompt_file import Prompt, read_prompts
from llmi_train.rows.taking import is_other_split

Say = Callable[[str], None]
_SHOWN = 5


def asked_of(name: str, split: str, say: Say = lambda _: None) -> list[Prompt]:
    """Those of the split, and those whose lines say none, which are of it from now on.

    say: is told of those that are left aside.

    Raises InputError for a file that cannot be used, also where it names files out of its folder, and if none is of the split.
    """
    found = read_prompts(name, split, below=True)
    taken = [each for each in found if each.split == split]
    if not taken:
        raise InputError(
            f"no prompt of {name} is of the split {split}: they are of {_splits(found)}; name one with --split"
        )
    _tell_aside(name, found, taken, say)
    return taken


def evaluated_on(name: str, say: Say = lambda _: None) -> list[Prompt]:
    """Those that are held out, and those whose lines say no split; all where none is. Raises InputError."""
    found = read_prompts(name, "test", below=True)
    taken = [each for each in found if is_other_split(each.split, None)] or found
    _tell_aside(name, found, taken, say)
    return taken


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
