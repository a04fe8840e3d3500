"""Calls whose prompt begins with exactly what an earlier one read and wrote become one segment with it; others begin their own.

Why one does not begin so is counted: a chat template that leaves out earlier reasoning is to be expected; ids that differ
otherwise were tokenised again from text, and are not what the policy sampled. What was sampled is always trained on as it was
sampled: nothing is tokenised here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import numpy as np

from llmi_train.rows.pictures import Picture
from llmi_train.rows.reading import Drawn
from llmi_train.rows.row import Ids, Numbers

How: TypeAlias = Literal["merged", "branch", "fork", "drift"]
"""How a call stands to the one whose answer it goes on from: in one segment with it; beside another one that is; where the
template left out reasoning, or ended the turn otherwise, or other pictures are shown; where tokens differ in another way."""
_REASONING = ("<think", "</think", "<|channel|>", "[THINK]", "<seed:think>")


@dataclass(frozen=True)
class Part:
    """One answer of the policy, within a segment."""

    call: str
    purpose: str
    slot: int | None
    start: int
    """Its first token in the segment's completion."""
    end: int
    """The one after its last."""
    temperature: float
    truncated: bool


@dataclass(frozen=True)
class Joined:
    """A segment, of which is not decided yet what is trained on."""

    number: int
    prompt: Ids = field(repr=False)
    completion: Ids = field(repr=False)
    logprobs: Numbers = field(repr=False)
    """0 where nothing was sampled."""
    parts: tuple[Part, ...]
    pictures: tuple[Picture, ...] = ()
    """Those that the prompt shows."""

    def until(self, call: str) -> Joined:
        """Without what comes after this call, which is one of it."""
        place = next(n for n, each in enumerate(self.parts, 1) if each.call == call)
        end = self.parts[place - 1].end
        ids, logprobs = self.completion[:end], self.logprobs[:end]
        return replace(self, completion=ids, logprobs=logprobs, parts=self.parts[:place])


class _Growing:
    """A segment to which calls are put."""

    def __init__(self, first: Drawn) -> None:
        self.prompt = first.prompt
        self.pictures = first.pictures
        self.read = first.prompt
        """All that the next call has to begin with."""
        self.pieces: list[tuple[Ids, Numbers]] = []
        self.parts: list[Part] = []
        self.put(first)

    def put(self, drawn: Drawn) -> None:
        seen = drawn.prompt[len(self.read) :]
        if len(seen):
            self.pieces.append((seen, np.zeros(len(seen), np.float32)))
        self.pieces.append((drawn.completion, drawn.logprobs))
        start = len(drawn.prompt) - len(self.prompt)
        end = start + len(drawn.completion)
        self.read = np.concatenate([drawn.prompt, drawn.completion])
        call = drawn.call
        self.parts.append(
            Part(call.call, call.purpose, call.slot, start, end, drawn.temperature, drawn.truncated)
        )

    def joined(self, number: int) -> Joined:
        ids, logprobs = zip(*self.pieces, strict=True)
        whole = np.concatenate(ids), np.concatenate(logprobs)
        return Joined(number, self.prompt, *whole, tuple(self.parts), self.pictures)


def joined(calls: Iterable[Drawn], count: Counter[How]) -> list[Joined]:
    """The segments of an episode, in the order of their first calls. count: gets how each call stands to the one before."""
    segments: list[_Growing] = []
    known: dict[str, tuple[Drawn, _Growing, Ids]] = {}
    for each in calls:
        own: _Growing | None = None
        if each.before in known:
            last, segment, read = known[each.before]
            how = _how(last, read, each, grown=len(segment.read) > len(read))
            count[how] += 1
            own = segment if how == "merged" else None
        if own:
            own.put(each)
        else:
            own = _Growing(each)
            segments.append(own)
        known[each.call.call] = each, own, own.read
    return [each.joined(number) for number, each in enumerate(segments)]


def _how(last: Drawn, read: Ids, now: Drawn, *, grown: bool) -> How:
    """read: all that `last` read and wrote. grown: something else follows it in its segment already."""
    if last.pictures != now.pictures:
        return "fork"
    shared = _shared(read, now.prompt)
    if shared == len(read):
        return "branch" if grown else "merged"
    # The last token of a whole answer ends its turn, and a template may end it with another one.
    ended = not last.truncated
    if ended and shared == len(read) - 1 < len(now.prompt):
        return "fork"
    thought = bool(last.call.reasoning) or any(each in last.call.raw for each in _REASONING)
    may = thought or shared < len(last.prompt)
    return "fork" if may and _is_left_out(read[shared:], now.prompt[shared:], ended) else "drift"


def _shared(one: Ids, other: Ids) -> int:
    """How many tokens both begin with."""
    most = min(len(one), len(other))
    differ = one[:most] != other[:most]
    return int(differ.argmax()) if differ.any() else most


def _is_left_out(read: Ids, now: Ids, ended: bool) -> bool:
    """Whether `now` goes on as `read` does after some of its tokens.

    ended: the last of `read` ends its turn, and may be another one.
    """
    if not len(now):
        return False
    for place in np.flatnonzero(read[1:] == now[0]) + 1:
        rest = read[place : len(read) - ended]
        if 0 < len(rest) < len(now) + (not ended) and bool((rest == now[: len(rest)]).all()):
            return True
    return False
