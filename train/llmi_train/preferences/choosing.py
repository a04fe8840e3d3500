"""Of scored drafts, those to learn from: the best of a group, pairs of a better and a worse one, good and bad ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from llmi_train.preferences.answer import Answer, Labelled, Pair, T, answers_of
from llmi_train.preferences.reading import Examples
from llmi_train.preferences.scored import Pool, Scored
from llmi_train.rows.advantages import SMALLEST_STD, advantages_of
from llmi_train.rows.faults import NothingToTrain

LONE = "a draft whose group has no other with a reward"
EQUAL = "a draft of a group whose rewards are all the same"
LESSER = "a draft that is not among the best of its group"
BELOW = "a draft whose reward is below --least"
CUT = "a draft that was cut at the length limit"
BETWEEN = "a draft between the best and the worst of its group"
CLOSE = "a draft of a group whose best and worst are closer than --margin"
NO_GOOD = "a draft of a group that has no good one that is whole"
MEAN = "a draft that is as good as its group's mean"
SAME = "a draft of a group whose best and worst are the same text"
WRITTEN = "an answer that is learnt from its text, through the chat template, and not by the ids that were sampled"
APART = "reasoning that is on record apart from the answer, and is not learnt"


@dataclass(frozen=True)
class Best:
    """Rejection sampling: which drafts are good enough to be learnt.

    best: so many of a group at most, the best ones; None: one, or with `least` all. least: the reward that a draft needs;
    None: those of its group decide, of which at least two must have different ones.
    """

    best: int | None = None
    least: float | None = None

    def of(self, pool: Pool) -> Examples[Answer]:
        """Raises NothingToTrain if there is none."""
        found = _begun(pool, Examples[Answer]())
        for own in pool.groups.values():
            found.taken += [each.answer for each in self._of_group(own, found)]
        return _checked(found, pool)

    def _of_group(self, own: Sequence[Scored], found: Examples[Answer]) -> list[Scored]:
        if self.least is None and (why := _incomparable(own)):
            found.left_out[why] += len(own)
            return []
        whole = [each for each in own if not each.truncated]
        good = [each for each in whole if self.least is None or each.reward >= self.least]
        found.left_out[CUT] += len(own) - len(whole)
        found.left_out[BELOW] += len(whole) - len(good)
        most = self.best or (1 if self.least is None else len(good))
        taken = sorted(good, key=lambda each: -each.reward)[:most]
        found.left_out[LESSER] += len(good) - len(taken)
        return taken


@dataclass(frozen=True)
class Pairs:
    """The best of each group against its worst. margin: by how much their rewards must differ at least."""

    margin: float = 0.0

    def of(self, pool: Pool) -> Examples[Pair]:
        """Raises NothingToTrain if there is none."""
        found = _begun(pool, Examples[Pair]())
        for own in pool.groups.values():
            pair = self._of_group(own)
            if isinstance(pair, str):
                found.left_out[pair] += len(own)
            else:
                found.left_out[BETWEEN] += len(own) - 2
                found.taken.append(pair)
        return _checked(found, pool)

    def _of_group(self, own: Sequence[Scored]) -> Pair | str:
        """None, but why, if there is none."""
        if why := _incomparable(own):
            return why
        worst = min(own, key=lambda each: each.reward)
        whole = [each for each in own if not each.truncated]
        best = max(whole, key=lambda each: each.reward, default=worst)
        if best.reward - worst.reward <= SMALLEST_STD:
            return NO_GOOD
        if best.reward - worst.reward < self.margin:
            return CLOSE
        chosen, rejected = best.answer, worst.answer
        if chosen.completion == rejected.completion and best.truncated == worst.truncated:
            return SAME
        if chosen.ids is None or rejected.ids is None:
            chosen, rejected = replace(chosen, ids=None), replace(rejected, ids=None)
        return Pair(chosen, rejected)


@dataclass(frozen=True)
class Labels:
    """Each draft by the sign of its advantage within its group."""

    def of(self, pool: Pool) -> Examples[Labelled]:
        """Raises NothingToTrain if there is none."""
        found = _begun(pool, Examples[Labelled]())
        for own in pool.groups.values():
            if why := _incomparable(own):
                found.left_out[why] += len(own)
                continue
            advantages = advantages_of({each.member.episode: each.reward for each in own})
            for each in own:
                advantage = advantages[each.member.episode]
                if advantage > 0 and each.truncated:
                    found.left_out[CUT] += 1
                elif not advantage:
                    found.left_out[MEAN] += 1
                else:
                    found.taken.append(Labelled(each.answer, advantage > 0))
        return _checked(found, pool)


def _incomparable(own: Sequence[Scored]) -> str:
    """Why nothing is to be seen from comparing a group; empty if something is."""
    if len(own) < 2:
        return LONE
    rewards = {each.member.episode: each.reward for each in own}
    return "" if advantages_of(rewards) else EQUAL


def _begun(pool: Pool, found: Examples[T]) -> Examples[T]:
    found.left_out.update(pool.left_out)
    return found


def _checked(found: Examples[T], pool: Pool) -> Examples[T]:
    found.left_out = +found.left_out
    found.about = _about(found, pool)
    for answer in (answer for each in found.taken for answer in answers_of(each)):
        written = answer.ids is None
        found.notes[WRITTEN] += written
        found.notes[APART] += written and bool(answer.call and answer.call.reasoning)
    found.notes = +found.notes
    if not found.taken:
        why = ", ".join(f"{name}: {count}" for name, count in found.left_out.most_common())
        raise NothingToTrain(
            f"none of the {pool.read} runs there is to be learnt from; left out are, by the reason: {why}"
        )
    return found


def _about(found: Examples[T], pool: Pool) -> dict[str, Any]:
    """What the card says of it."""
    good = [answers_of(each)[0] for each in found.taken if not _is_bad(each)]
    return {
        "runs read": pool.read,
        "runs with a draft and a reward": sum(1 for _ in pool),
        "reward": pool.profile,
        "mean reward": _mean([each.reward for each in pool]),
        "mean reward of what is learnt as good": _mean(
            [each.reward for each in good if each.reward is not None]
        ),
        "learnt as good": len(good),
        "written by": dict(Counter(each.model for each in good).most_common()),
    }


def _is_bad(example: Answer | Pair | Labelled) -> bool:
    return isinstance(example, Labelled) and not example.label


def _mean(numbers: Sequence[float]) -> float | None:
    return sum(numbers) / len(numbers) if numbers else None
