"""How many pictures a text may mean, by what it counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Claim:
    """A count of pictures: "two photographs"."""

    least: int
    most: int | None
    """None: there is no limit."""
    general: bool
    """Of pictures of whatever sort, so that it may be the sum of others."""
    weak: bool = False
    """By no more than an article: it may be no order at all, as in "after the chart"."""

    @property
    def open(self) -> bool:
        """Whether it leaves the number open."""
        return self.least != self.most


@dataclass(frozen=True)
class Claims:
    """All that a text says of how many."""

    counted: tuple[Claim, ...] = ()
    none: bool = False
    """It wants none."""
    some: bool = False
    """It wants some, and does not say how many."""
    doubt: bool = False
    """It can be read in more than one way: there is an "each", a vague number, a count that may be no order."""
    mentioned: bool = False
    """It speaks of pictures at all."""

    @property
    def numbers(self) -> tuple[Claim, ...]:
        """Those that count in numbers."""
        return tuple(each for each in self.counted if not each.weak)

    @property
    def wanted(self) -> bool:
        """It wants at least one."""
        return self.some or any(each.least > 0 for each in self.counted)

    @property
    def exact(self) -> bool:
        """There are numbers."""
        return bool(self.numbers)

    @cached_property
    def totals(self) -> frozenset[int]:
        """What it may mean: a general number, or a sum of all, of the sorts, of the numbers; every one of a short range."""
        general = [each for each in self.counted if each.general and not each.weak]
        sorts = [each for each in self.counted if not each.general]
        sums = [*([each] for each in general), sorts, self.numbers, self.counted]
        sums.append([each for each in sorts if not each.weak])
        return frozenset(total for claims in sums if claims for total in _sums(claims))

    def may_be(self, number: int) -> bool:
        """Whether so many are possible, if articles are counted or not."""
        least = sum(each.least for each in self.numbers)
        most = sum(each.most or each.least for each in self.counted)
        weak = any(each.weak for each in self.counted)
        return (weak and least <= number <= most) or (self.some and number > least)


def _sums(claims: Iterable[Claim]) -> range:
    """Of an open range none: to demand an exact number is more than it says."""
    least = most = 0
    for each in claims:
        if each.most is None or each.least == 0:
            return range(0)
        least, most = least + each.least, most + each.most
    return range(least, most + 1)
