"""From rewards to advantages, once for each group, and from segments to rows."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np

from llmi_train.rows.joining import Joined, Part
from llmi_train.rows.members import Member
from llmi_train.rows.row import Row, Segment

SMALLEST_STD = 1e-6
"""Rewards that are spread no further are the same."""
SOFTENING = 1e-4
"""What TRL adds to the standard deviation that it divides by."""
Key = TypeVar("Key", bound=Hashable)


def advantages_of(rewards: Mapping[Key, float]) -> dict[Key, float]:
    """Of each reward, how far it is above the mean of all, in standard deviations (of a sample, as TRL's).

    Empty where nothing can be learnt: from fewer than two, or from rewards that are all the same.
    """
    values = np.array([*rewards.values()], np.float64)
    if len(values) < 2 or (std := float(values.std(ddof=1))) <= SMALLEST_STD:
        return {}
    mean = float(values.mean())
    return {key: (value - mean) / (std + SOFTENING) for key, value in rewards.items()}


def rows_of_group(members: Sequence[Member], version: str, repairs: str | None) -> list[Row]:
    """The rows of one group; none where nothing can be learnt.

    version: that of the reward that gave each member a total. repairs: that of the one that scores repairs, if they are to
    be trained on.
    """
    totals = {e.episode: r for e in members if (r := e.worth(version).total) is not None}
    drafts = advantages_of(totals)
    mended = {} if repairs is None else advantages_of(_of_repairs(members, repairs))
    return [
        row
        for member in members
        for segment in member.segments
        if (row := _row(member, segment, totals.get(member.episode), drafts, mended))
    ]


def _of_repairs(members: Sequence[Member], version: str) -> dict[tuple[str, str], float]:
    """What each repair of a group was given, where it was given anything."""
    return {
        (member.episode, part.call): given
        for member in members
        for segment in member.segments
        for part in segment.parts
        if part.purpose == "repair"
        and (given := member.worth(version).of_repair(part.call, part.slot)) is not None
    }


def _row(
    member: Member,
    own: Joined,
    reward: float | None,
    drafts: Mapping[str, float],
    mended: Mapping[tuple[str, str], float],
) -> Row | None:
    """None if nothing of it is trained on. What comes after the last token that is, is left away."""
    taught = [*_taught(member.episode, own, drafts, mended)]
    if not taught:
        return None
    end = taught[-1][0].end
    mask, advantages = np.zeros(end, np.int8), np.zeros(end, np.float32)
    for part, advantage in taught:
        mask[part.start : part.end] = 1
        advantages[part.start : part.end] = advantage
    parts = [each for each in own.parts if each.end <= end]
    segment = Segment(
        episode=member.episode,
        number=own.number,
        calls=tuple(each.call for each in parts),
        purpose=parts[0].purpose,
        prompt=own.prompt,
        completion=own.completion[:end],
        logprobs=np.where(mask, own.logprobs[:end], np.float32(0)),
        mask=mask,
        temperature=parts[-1].temperature,
        truncated=parts[-1].truncated,
        pictures=own.pictures,
    )
    return Row(segment, advantages, member.group, reward)


def _taught(
    episode: str,
    own: Joined,
    drafts: Mapping[str, float],
    mended: Mapping[tuple[str, str], float],
) -> Iterator[tuple[Part, float]]:
    """The answers of it that are trained on, with their advantages."""
    for part in own.parts:
        if part.purpose == "draft" and episode in drafts:
            yield part, drafts[episode]
        elif (episode, part.call) in mended:
            yield part, mended[episode, part.call]
