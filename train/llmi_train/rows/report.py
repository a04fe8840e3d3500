"""What became of the traces at a place: what is trained on, what was left out, and why."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from llmi_train.rows.row import Row


@dataclass(frozen=True)
class Report:
    """All counts are of episodes, where nothing else is said."""

    read: int
    """That were found at the place."""
    used: int
    """With a row that is trained on."""
    left_out: Mapping[str, int]
    """By the reason; with those used they are all that were read."""
    rows: int
    tokens: int
    """That are trained on."""
    read_tokens: int
    """That are only read, in all rows."""
    groups: int
    """With a row."""
    group_sizes: Mapping[int, int]
    """How many groups have so many members that are used."""
    groups_left_out: Mapping[str, int]
    """By the reason."""
    same_numbers: int
    """Groups of which several members have the same number, as where two collections were given one group's name: they are
    members by their own ids, and count each."""
    reward_mean: float
    reward_std: float
    mean_length: float
    """Of what is trained on in a row, in tokens."""
    longest: int
    """Prompt and completion of the longest row, in tokens."""
    longest_completion: int
    truncated: float
    """The share of rows that were cut at the length limit."""
    advantage_length: float | None
    """The correlation of a row's mean advantage with its length: far below 0, long answers are unlearnt, far above, short
    ones. None where one of them never changes."""
    begun_anew: int
    """Drafts that another one took the place of, after a failure: they are not trained on."""
    merged: int
    """Calls that go on exactly from what an earlier one read and wrote."""
    branches: int
    """Those that do so beside another one that does."""
    forks: int
    """Those whose prompt lacks earlier reasoning, as templates of models that think have it."""
    drift: int
    """Those whose prompt has other tokens for the same, or other words: they were tokenised again from text."""
    temperature: float
    profile: str
    """The version of the reward."""
    models: Mapping[str, int]
    weights: Mapping[str, int]
    """By version, empty where none is on record."""
    splits: Mapping[str, int]
    judges: Mapping[str, Sequence[str]]
    """By the reward's component, who judged it, and by which rubric."""
    data_hash: str
    """A digest of all rows: the same data give the same, wherever they were read."""

    def as_json(self) -> dict[str, Any]:
        """With plain values and string keys."""
        plain = asdict(self)
        return {name: _plain(value) for name, value in plain.items()}


def figures(rows: Sequence[Row]) -> dict[str, Any]:
    """What the rows alone say."""
    taught = np.array([int(each.segment.mask.sum()) for each in rows], np.float64)
    lengths = [len(each.segment.prompt) + len(each.segment.completion) for each in rows]
    worth = {each.segment.episode: each.reward for each in rows if each.reward is not None}
    rewards = np.array([*worth.values()], np.float64)
    means = np.array([float(each.advantages.sum()) for each in rows]) / taught
    sizes = Counter(len({row.segment.episode for row in own}) for own in _by_group(rows).values())
    return {
        "used": len({each.segment.episode for each in rows}),
        "rows": len(rows),
        "tokens": int(taught.sum()),
        "read_tokens": sum(lengths) - int(taught.sum()),
        "groups": sum(sizes.values()),
        "group_sizes": dict(sorted(sizes.items())),
        "reward_mean": float(rewards.mean()) if len(rewards) else 0.0,
        "reward_std": float(rewards.std(ddof=1)) if len(rewards) > 1 else 0.0,
        "mean_length": float(taught.mean()),
        "longest": max(lengths),
        "longest_completion": max(len(each.segment.completion) for each in rows),
        "truncated": sum(each.segment.truncated for each in rows) / len(rows),
        "advantage_length": correlation(means, taught),
        "data_hash": data_hash(rows),
    }


def correlation(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float | None:
    """Pearson's; None where one of them never changes."""
    if len(one) < 2 or not one.std() or not other.std():
        return None
    return float(np.corrcoef(one, other)[0, 1])


def data_hash(rows: Iterable[Row]) -> str:
    """A digest of all that is trained on, in its order."""
    found = hashlib.sha256()
    for row in rows:
        own = row.segment
        about = (own.episode, own.number, own.calls, row.group, row.reward, own.temperature)
        found.update(repr(about).encode() + "".join(each.digest for each in own.pictures).encode())
        for array, kind in (
            (own.prompt, "<i8"),
            (own.completion, "<i8"),
            (own.logprobs, "<f4"),
            (own.mask, "i1"),
            (row.advantages, "<f4"),
        ):
            found.update(len(array).to_bytes(8, "little"))
            found.update(np.ascontiguousarray(array, kind).tobytes())
    return found.hexdigest()


def _by_group(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for each in rows:
        found.setdefault(each.group, []).append(each)
    return found


def _plain(value: Any) -> Any:
    return {str(k): v for k, v in value.items()} if isinstance(value, dict) else value
