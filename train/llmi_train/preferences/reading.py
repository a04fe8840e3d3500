"""Examples out of files: those of others are checked before anything is learnt from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, TypeAlias, cast

from llmi_agent.base.errors import InputError
from llmi_agent.runner.prompt_line import WrongLineError
from llmi_train.preferences.answer import Answer, Labelled, Pair, T
from llmi_train.preferences.images import Images
from llmi_train.preferences.rows import READERS, unused
from llmi_train.prompts.reading import Row, rows_in

Form: TypeAlias = Literal["sft", "dpo", "kto"]
MOST = 2_000_000
"""Examples: they are held in memory."""
NAMED = 5
"""Lines that cannot be used, which a refusal names."""


@dataclass
class Examples(Generic[T]):
    """What there is to learn from, and what is not taken."""

    taken: list[T] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    """Why something is not learnt from, and how often."""
    notes: Counter[str] = field(default_factory=Counter)
    """What else a person should know of it, and of how many examples it is true."""
    about: dict[str, Any] = field(default_factory=dict)
    """Where they come from, as the card says it."""


def examples_in(path: Path, *, leave_out_bad: bool = False) -> Examples[Answer]:
    """Prompts with completions, in TRL's forms: messages, texts, conversations, ids with labels.

    leave_out_bad: a line that cannot be used is left out and counted. Raises InputError otherwise, naming the first of them,
    and if there is nothing to learn from.
    """
    return cast("Examples[Answer]", _read(path, "sft", leave_out_bad))


def pairs_in(path: Path, *, leave_out_bad: bool = False) -> Examples[Pair]:
    """As `examples_in`, of prompts with a chosen and a rejected answer."""
    return cast("Examples[Pair]", _read(path, "dpo", leave_out_bad))


def labelled_in(path: Path, *, leave_out_bad: bool = False) -> Examples[Labelled]:
    """As `examples_in`, of prompts with an answer and its label."""
    return cast("Examples[Labelled]", _read(path, "kto", leave_out_bad))


def _read(path: Path, form: Form, leave_out_bad: bool) -> Examples[Any]:
    if not path.is_file():
        raise InputError(f"there is no file {path} with examples")
    found, bad = Examples[Any](about={"examples": path.name}), list[tuple[int, str]]()
    images = Images(path) if form == "sft" else None
    for number, row in rows_in(path):
        try:
            _take(row, form, f"line {number} of {path}", found, images)
        except WrongLineError as error:
            bad.append((number, str(error)))
        if len(found.taken) > MOST:
            raise InputError(f"{path} has more than {MOST:,} examples")
    if bad and not leave_out_bad:
        raise InputError(_refusal(path, bad))
    found.left_out.update(f"a line that cannot be used: {why}" for _, why in bad)
    if not found.taken:
        raise InputError(f"there is nothing to learn from in {path}")
    return found


def _take(row: Row, form: Form, where: str, found: Examples[Any], images: Images | None) -> None:
    if isinstance(row, WrongLineError):
        raise row
    if not isinstance(row, Mapping):
        raise WrongLineError("it is no row of columns by their names")
    shown = () if images is None else images.of(row)
    read = READERS[form](row, where, *([shown] if shown else ()))
    found.taken.extend(read)
    found.notes.update(f"not read: {each}" for each in unused(row, form))
    if len(read) > 1:
        found.notes["a conversation, of which each answer is an example of its own"] += 1


def _refusal(path: Path, bad: list[tuple[int, str]]) -> str:
    shown = "; ".join(f"line {number}: {why}" for number, why in bad[:NAMED])
    more = f"; and {len(bad) - NAMED:,} more lines" if len(bad) > NAMED else ""
    return (
        f"{path} has lines that cannot be used, so nothing was trained: {shown}{more}; mend them, or leave them out with "
        "--leave-out-bad"
    )
