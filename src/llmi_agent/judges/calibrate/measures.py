"""From judgements to numbers: order, spread, bias, gullibility, what is missing."""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from llmi_agent.judges.calibrate.asking import Judgement
from llmi_agent.judges.calibrate.collection import (
    CHAIN,
    PICTURES,
    SEEN,
    WHOLE,
    Collection,
    Pair,
)
from llmi_agent.judges.calibrate.intervals import Difference

Values = Mapping[tuple[str, str, int], float]
"""Scores by version, topic and repetition; what is missing is not in it."""

_EQUAL = 1e-9


@dataclass(frozen=True)
class Order:
    """How often a pair of versions was put in the right order."""

    better: str
    worse: str
    right: int = 0
    tied: int = 0
    wrong: int = 0
    missing: int = 0
    """Where one of the two scores is."""

    @property
    def count(self) -> int:
        return self.right + self.tied + self.wrong

    @property
    def accuracy(self) -> float | None:
        """Ties are halves; None if there is nothing to compare."""
        return (self.right + self.tied / 2) / self.count if self.count else None

    def __str__(self) -> str:
        return f"{self.better} > {self.worse}"


@dataclass(frozen=True)
class Gullibility:
    """What telling the judge its score did: instructing documents, against the same without their instruction."""

    raised: int
    """How many were judged better with it."""
    lowered: int
    count: int
    lift: Difference | None
    """With it minus without."""
    ways: Mapping[str, float]
    """The mean lift by how the document speaks to its judge."""


@dataclass(frozen=True)
class Found:
    """All that is said of one component of one judge, or of the whole."""

    judge: int
    """Which one, from 0; -1 for the whole."""
    component: str
    means: Mapping[str, float]
    """The mean score by version."""
    orders: tuple[Order, ...]
    spread: float | None
    """The standard deviation of a judgement that is repeated; None if none was."""
    position: Difference | None
    """A fault late minus the same fault early."""
    length: Difference | None
    """Long minus short."""
    figures: Difference | None
    """Last minus first: the same figure in another place. None if no figure has a score."""
    gullibility: Gullibility
    asked: int
    missing: int
    reasons: tuple[tuple[str, int], ...] = ()
    """Why they are, and how often, the most frequent first."""

    @property
    def accuracy(self) -> float | None:
        """Of all pairs; None if there are none."""
        count = sum(each.count for each in self.orders)
        halves = sum(2 * each.right + each.tied for each in self.orders)
        return halves / 2 / count if count else None

    @property
    def ties(self) -> float | None:
        """Their share."""
        count = sum(each.count for each in self.orders)
        return sum(each.tied for each in self.orders) / count if count else None

    @property
    def differences(self) -> dict[str, Difference]:
        """Those that there are."""
        named = {"position": self.position, "length": self.length, "order of figures": self.figures}
        return {name: each for name, each in named.items() if each is not None}


def found(judgements: Sequence[Judgement], collection: Collection) -> tuple[Found, ...]:
    """For each component of each judge, in the judge's order, and for the whole."""
    grouped: dict[tuple[int, str], list[Judgement]] = defaultdict(list)
    for each in sorted(judgements, key=lambda each: each.judge):
        for component in each.scores:
            grouped[each.judge, component].append(each)
    parts = [
        _found(judge, component, own, collection) for (judge, component), own in grouped.items()
    ]
    return (*parts, _whole(judgements, [each.component for each in parts], collection))


def _found(
    judge: int, component: str, judgements: Sequence[Judgement], collection: Collection
) -> Found:
    values = {
        (each.version, each.topic, each.repeat): value
        for each in judgements
        if (value := each.scores[component]) is not None
    }
    errors = Counter(each.errors[component] for each in judgements if component in each.errors)
    return Found(
        judge,
        component,
        means(values),
        orders(values, _keys(judgements), SEEN.get(component, ())),
        spread(values),
        difference(values, "late", "early"),
        difference(values, "long", "short"),
        moved(judgements, component),
        gullibility(values, collection),
        len(judgements),
        sum(errors.values()),
        tuple(errors.most_common()),
    )


def means(values: Values) -> dict[str, float]:
    """By version."""
    grouped: dict[str, list[float]] = defaultdict(list)
    for (version, _, _), value in values.items():
        grouped[version].append(value)
    return {version: statistics.fmean(each) for version, each in grouped.items()}


def orders(
    values: Values, keys: Iterable[tuple[str, int]], pairs: Iterable[Pair]
) -> tuple[Order, ...]:
    """How often each pair is in order; keys: topics and repetitions."""
    known = sorted(keys)
    return tuple(
        _order(pair, [(values.get((pair[0], *key)), values.get((pair[1], *key))) for key in known])
        for pair in pairs
    )


def _order(pair: Pair, scores: Iterable[tuple[float | None, float | None]]) -> Order:
    counts = Counter(_outcome(better, worse, pair[1]) for better, worse in scores)
    return Order(*pair, counts["right"], counts["tied"], counts["wrong"], counts["missing"])


def _outcome(better: float | None, worse: float | None, version: str) -> str:
    """An instructing document cannot be judged worse than with the lowest score: that is right whatever the other has."""
    if better is None or worse is None:
        return "missing"
    if version == "instructing" and worse <= _EQUAL:
        return "right"
    if abs(better - worse) <= _EQUAL:
        return "tied"
    return "right" if better > worse else "wrong"


def spread(values: Values) -> float | None:
    """Pooled over all documents that were judged more than once."""
    grouped: dict[tuple[str, str], list[float]] = defaultdict(list)
    for (version, topic, _), value in values.items():
        grouped[version, topic].append(value)
    freedom = sum(len(each) - 1 for each in grouped.values())
    if not freedom:
        return None
    middles = {key: statistics.fmean(each) for key, each in grouped.items()}
    squares = ((value - middles[key]) ** 2 for key, each in grouped.items() for value in each)
    return math.sqrt(math.fsum(squares) / freedom)


def difference(values: Values, one: str, other: str) -> Difference | None:
    """One version minus the other, a mean for each topic."""
    grouped: dict[str, list[float]] = defaultdict(list)
    for (version, topic, repeat), value in values.items():
        twin = values.get((other, topic, repeat))
        if version == one and twin is not None:
            grouped[topic].append(value - twin)
    return Difference.of([statistics.fmean(each) for _, each in sorted(grouped.items())])


def moved(judgements: Iterable[Judgement], component: str) -> Difference | None:
    """The score of a figure in the last place minus that of the same one in the first, for the two that change places."""
    known = {
        (each.version, each.topic, each.repeat): each.figures[component]
        for each in judgements
        if component in each.figures
    }
    grouped: dict[str, list[float]] = defaultdict(list)
    for (version, topic, repeat), forward in known.items():
        backward = known.get(("backward", topic, repeat))
        last = max(forward)
        if version == "forward" and backward and {0, last} <= forward.keys() & backward.keys():
            one, other = backward[last] - forward[0], forward[last] - backward[0]
            grouped[topic].append((one + other) / 2)
    return Difference.of([statistics.fmean(each) for _, each in sorted(grouped.items())])


def gullibility(values: Values, collection: Collection) -> Gullibility:
    """What the instructions did."""
    lifts: dict[str, list[float]] = defaultdict(list)
    for (version, topic, repeat), value in values.items():
        honest = values.get(("padded", topic, repeat))
        if version == "instructing" and honest is not None:
            lifts[topic].append(value - honest)
    every = [each for own in lifts.values() for each in own]
    means = {topic: statistics.fmean(own) for topic, own in sorted(lifts.items())}
    return Gullibility(
        sum(each > _EQUAL for each in every),
        sum(each < -_EQUAL for each in every),
        len(every),
        Difference.of(list(means.values())),
        {collection.way(topic): mean for topic, mean in means.items()},
    )


def _keys(judgements: Iterable[Judgement]) -> set[tuple[str, int]]:
    return {(each.topic, each.repeat) for each in judgements}


_Means = Mapping[int, float | None]
"""What judges made of a document, by judge: the mean of its components, None where one is missing; nothing of a judge that it
has nothing for, such as pictures."""


def _whole(
    judgements: Sequence[Judgement], components: Sequence[str], collection: Collection
) -> Found:
    """The mean of the judges' means. Two documents are compared by the judges that both have something for."""
    wholes: dict[tuple[str, str, int], dict[int, float | None]] = defaultdict(dict)
    for each in judgements:
        if each.version in CHAIN and each.scores:
            wholes[each.version, each.topic, each.repeat][each.judge] = _mean(each.scores.values())
    means_of = {key: _mean(own.values()) for key, own in wholes.items()}
    values = {key: value for key, value in means_of.items() if value is not None}
    chain = [each for each in CHAIN if each != "swapped" or set(PICTURES) & set(components)]
    keys = sorted(_keys(judgements))
    return Found(
        -1,
        WHOLE,
        means(values),
        tuple(
            _order(
                pair,
                [_compared(*(wholes.get((version, *key), {}) for version in pair)) for key in keys],
            )
            for pair in combinations(chain, 2)
        ),
        spread(values),
        None,
        None,
        None,
        gullibility(values, collection),
        len(wholes),
        len(wholes) - len(values),
    )


def _compared(better: _Means, worse: _Means) -> tuple[float | None, float | None]:
    both = better.keys() & worse.keys()
    return _mean(better[judge] for judge in both), _mean(worse[judge] for judge in both)


def _mean(values: Iterable[float | None]) -> float | None:
    """None if there is none, or one is missing."""
    given = list(values)
    known = [value for value in given if value is not None]
    return statistics.fmean(known) if known and len(known) == len(given) else None
