"""Splits that cannot leak: what counts as the same, or nearly, is in one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from llmi_agent.base.errors import InputError
from llmi_agent.runner.prompt_line import no_split
from llmi_train.prompts.alike import Tell, alike
from llmi_train.prompts.near import THRESHOLD
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
    tell: Tell = lambda _, __: None,
) -> Divided:
    """Give each prompt a split, by the digest of its normalised text alone: neither the machine nor any order matters.

    Texts that are the same, or near-duplicates (`near.likeness` from `threshold` on, also by way of others), are in the
    same split. One that has a split keeps it, and takes others like it along; so more prompts can be added later.

    shares: what each split gets, in parts of their sum.
    again: take no notice of the splits that are there.

    Raises InputError if the shares are none.
    """
    ends = _ends(shares)
    groups = alike(
        [each.text for each in prompts], [each.text_digest for each in prompts], threshold, tell
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


def _ends(shares: Mapping[str, float]) -> list[tuple[float, str]]:
    """Where each split ends between 0 and 1, in the order of the alphabet."""
    total = sum(shares.values())
    if not all(0 < each < float("inf") for each in shares.values()) or not total:
        raise InputError("the share of a split must be above 0, such as train=0.9,test=0.1")
    ends, end = [], 0.0
    for name, share in sorted(shares.items()):
        if why := no_split(name) or ("" if name else "a split needs a name"):
            raise InputError(why)
        end += share / total
        ends.append((end, name))
    return ends


def _split(digest: str, ends: Sequence[tuple[float, str]]) -> str:
    """By another digest of it: the least of several, which stands for a group, is the smaller the more there are."""
    drawn = hashlib.sha256(f"split {digest}".encode()).hexdigest()
    place = int(drawn[:13], 16) / 16**13  # 52 bits, which a float holds
    return next((name for end, name in ends if place < end), ends[-1][1])
