"""The parts of a Markdown file put together, and the whole made harmless.

What is harmless by itself may not be beside others: a definition in one block makes a reference in another a picture, and
a list takes an indented program into itself, where its tags are tags. So it is the whole that is read, and the blocks of
the policy's in which something is live are written with less and less of their marks, until nothing is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from llmi_agent.document.render.harm import block_starts, harmful_lines, line_count
from llmi_agent.document.render.safe_markdown import blunted, closed, inert, softened


@dataclass(frozen=True)
class Part:
    """Blocks that stand between blank lines."""

    text: str
    ours: bool = True
    """Made here, of words that are escaped; else it is as the policy wrote it."""


_FORMS: tuple[Callable[[str], str], ...] = (inert, softened, blunted)
"""How the policy's text is written: the last form can hold no link, picture, tag or listing."""

_LAST = len(_FORMS) - 1
_MOST_ROUNDS = 4
"""Each reads the whole file; after the last, all of the policy's text is written in the last form."""


def composed(parts: Sequence[Part]) -> str:
    """One file. Text that does no harm in it stays as it is."""
    parts = [part for part in parts if part.text.strip("\n")]
    levels = [0] * len(parts)
    for _ in range(_MOST_ROUNDS):
        texts = [_written(part, level) for part, level in zip(parts, levels, strict=True)]
        whole = _joined(texts)
        struck = _struck(texts, harmful_lines(whole)) | _swallowed(parts, texts, whole)
        if not struck:
            return whole
        levels = _raised(parts, levels, struck)
    return _joined([_written(part, _LAST) for part in parts])


def _joined(texts: Sequence[str]) -> str:
    return "\n\n".join(texts) + "\n"


def _written(part: Part, level: int) -> str:
    return part.text if part.ours else closed(_FORMS[level](part.text)).strip("\n")


def _struck(texts: Sequence[str], lines: Iterable[range]) -> set[int]:
    """Which parts the lines belong to."""
    owners: list[int] = []
    for number, text in enumerate(texts):
        owners += [number] * (line_count(text) + 1)
    return {owners[line] for each in lines for line in each if line < len(owners)}


def _swallowed(parts: Sequence[Part], texts: Sequence[str], whole: str) -> set[int]:
    """Which parts of ours begin inside a block that the policy left open."""
    starts, line, swallowed = block_starts(whole), 0, set()
    for number, text in enumerate(texts):
        if parts[number].ours and line not in starts:
            swallowed.add(number)
        line += line_count(text) + 1
    return swallowed


def _raised(parts: Sequence[Part], levels: Sequence[int], struck: set[int]) -> list[int]:
    """Levels of the next try. Harm in a part of ours was brought there by a block of the policy's: any may have."""
    if any(parts[number].ours for number in struck):
        struck = set(range(len(parts)))
    return [
        min(level + 1, _LAST) if number in struck and not parts[number].ours else level
        for number, level in enumerate(levels)
    ]
