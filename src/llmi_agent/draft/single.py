"""One slot by itself: what a repair answers, what a reward looks at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import TypeAlias

from llmi_agent.draft.payload import PayloadError, read, read_start
from llmi_agent.draft.reader import parse
from llmi_agent.draft.types import BadSlot, Dialect, Kinds, Slot, Strictness

Choice: TypeAlias = Callable[[Sequence[Slot | BadSlot]], Slot | BadSlot | None]
"""Takes one of several slots, or none."""

_MOST_TRIES = 20


def slot_in(
    answer: str,
    kinds: Kinds,
    *,
    inputs: int = 0,
    dialect: Dialect = "json",
    reader: Strictness = "lenient",
    choose: Choice = itemgetter(0),
) -> Slot | BadSlot | None:
    """The one slot that an answer was asked for: the one in a tag that `choose` takes (by default the first), else,
    read leniently, the first JSON object that is one."""
    if slots := parse(answer, kinds, inputs=inputs, dialect=dialect, reader=reader).slots:
        return choose(slots)
    start = -1
    for _ in range(_MOST_TRIES if reader == "lenient" else 0):
        start = answer.find("{", start + 1)
        if start < 0:
            break
        try:
            slot, used = read_start(answer[start:], kinds, index=0, dialect=dialect)
        except PayloadError:
            continue
        return replace(slot, span=(start, start + used))
    return None


def is_valid_payload(
    payload: str, kinds: Kinds, *, slots: int, inputs: int, dialect: Dialect
) -> bool:
    """Whether the strict reader takes this payload, which stands between the tags of one slot.

    `slots` is how many slots an `img_index` may name besides the `inputs` input images: in dialect
    `python` all of the draft's, in `json` those before this one.
    """
    try:
        read(payload, kinds, index=0, pictures=inputs + slots, dialect=dialect, reader="strict")
    except PayloadError:
        return False
    return True
