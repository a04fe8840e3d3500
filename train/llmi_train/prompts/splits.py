"""Splits that cannot leak: what counts as the same, or nearly, is in one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from llmi_agent.base.errors import InputError
from llmi_agent.runner.prompt_line import no_split
from llmi_train.prompts.near import THRESHOLD, Neighbours
from llmi_train.prompts.prompt import TrainingPrompt

SHARES: Mapping[str, float] = {"train": 0.9, "test": 0.1}


@dataclass
class Divided:
    """Prompts with their splits."""

    prompts: list[TrainingPrompt]
    """In the order that they were given in."""
    kept: int = 0
    """How many had a split, and keep it."""
    together: int = 0
    """How many are in a split because another one that is nearly the same is."""
    torn: list[tuple[int, int]] = field(default_factory=list)
    """Places of two that are nearly the same, and were in two splits before; they stay there."""


def divide(
    prompts: Sequence[TrainingPrompt],
    shares: Mapping[str, float] = SHARES,
    *,
    again: bool = False,
    threshold: float = THRESHOLD,
) -> Divided:
    """Give each prompt a split, by the digest of its normalised text alone: neither the machine nor the order matters.

    Texts that are the same, or near-duplicates (`near.likeness` from `threshold` on, also by way of others), are in the
    same split. One that has a split keeps it, and takes others like it along; so more prompts can be added later.

    shares: what each split gets, in parts of their sum.
    again: take no notice of the splits that are there.

    Raises InputError if the shares are none.
    """
    ends = _ends(shares)
    groups = alike(
        [each.text for each in prompts], [each.text_digest for each in prompts], threshold
    )
    done = Divided(list(prompts))
    for group in groups:
        given = {} if again else {prompts[n].split: n for n in reversed(group) if prompts[n].split}
        if len(given) > 1:
            first, *others = sorted(given.values())
            done.torn += [(first, other) for other in others]
        least = min(prompts[n].text_digest for n in group)
        split = prompts[min(given.values())].split if given else _split(least, ends)
        done.together += len(group) - 1
        for n in group:
            kept = bool(prompts[n].split) and not again
            done.kept += kept
            done.prompts[n] = prompts[n] if kept else replace(prompts[n], split=split)
    return done


def alike(
    texts: Sequence[str], digests: Sequence[str], threshold: float = THRESHOLD
) -> list[list[int]]:
    """Places of texts in groups: two that are the same by their digests, or near-duplicates, are in one group.

    Groups, and the places in each, are in the order of the texts.
    """
    first: dict[str, int] = {}
    leader = list(range(len(texts)))
    known = Neighbours(threshold)
    for place, (text, digest) in enumerate(zip(texts, digests, strict=True)):
        if digest in first:
            leader[place] = _leader(leader, first[digest])
            continue
        first[digest] = place
        for key, _ in known.like(text):
            one, other = sorted((_leader(leader, place), _leader(leader, int(key))))
            leader[other] = one
        known.add(str(place), text)
    groups: dict[int, list[int]] = defaultdict(list)
    for place in range(len(texts)):
        groups[_leader(leader, place)].append(place)
    return list(groups.values())


def _leader(leader: list[int], place: int) -> int:
    while leader[place] != place:
        leader[place] = leader[leader[place]]
        place = leader[place]
    return place


def _ends(shares: Mapping[str, float]) -> list[tuple[float, str]]:
    """Where each split ends between 0 and 1."""
    total = sum(shares.values())
    if not all(0 < each < float("inf") for each in shares.values()) or not total:
        raise InputError("the share of a split must be above 0, such as train=0.9,test=0.1")
    ends, end = [], 0.0
    for name, share in shares.items():
        if why := no_split(name) or ("" if name else "a split needs a name"):
            raise InputError(why)
        end += share / total
        ends.append((end, name))
    return ends


def _split(digest: str, ends: Sequence[tuple[float, str]]) -> str:
    place = int(digest[:13], 16) / 16**13  # 52 bits, which a float holds
    return next((name for end, name in ends if place < end), ends[-1][1])
