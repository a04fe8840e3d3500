"""Which of many texts belong together: the same, or near-duplicates, also by way of others.

In time and memory that grow with their number, whatever they are like: never is each compared with each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from llmi_train.prompts.near import SIZE, SLACK, THRESHOLD, hashes_of, likeness, rows_for

if TYPE_CHECKING:
    from numpy import bool_, intp, uint32, uint64
    from numpy.typing import NDArray

BESIDE = 32
"""With so many others a text is compared at each place of the index: with all, where there are no more."""
_TRIES = 64
"""Exact comparisons in vain of two texts that crowd at one place with others, before they are not tried further."""
_DEPTH = 16
"""Further hashes by which those at one place are sorted: the more two share, the closer they are."""
_CHUNK = 4096

Tell = Callable[[int, int], object]
"""Is told how many of how many steps are done."""


def alike(
    texts: Sequence[str],
    digests: Sequence[str],
    threshold: float = THRESHOLD,
    tell: Tell = lambda _, __: None,
) -> list[list[int]]:
    """Places of texts in groups: two that are the same by their digests, or near-duplicates, are in one group.

    Groups, and the places in each, are in the order of the texts; what is in which does not depend on it.
    """
    first: dict[str, int] = {}
    for place, digest in enumerate(digests):
        first.setdefault(digest, place)
    own = {digest: number for number, digest in enumerate(sorted(first))}
    leaders = _Families([texts[first[each]] for each in own], threshold, tell).leaders()
    groups: dict[int, list[int]] = defaultdict(list)
    for place, digest in enumerate(digests):
        groups[leaders[own[digest]]].append(place)
    return list(groups.values())


class _Families:
    """Texts that are joined where they are near-duplicates. Who is in one family already is not compared."""

    def __init__(self, texts: Sequence[str], threshold: float, tell: Tell) -> None:
        import numpy

        self._texts = texts
        self._threshold = threshold
        self._rows = rows_for(threshold)
        self._bands = SIZE // self._rows
        self._tell = tell
        self._steps = len(texts) + self._bands
        self._hashes: NDArray[uint32] = numpy.empty((len(texts), SIZE), numpy.uint32)
        for number, text in enumerate(texts):
            self._hashes[number] = hashes_of(text)
            tell(number + 1, self._steps)
        self._leader: NDArray[intp] = numpy.arange(len(texts))
        self._tries = numpy.zeros(len(texts), numpy.uint32)
        self._settled: NDArray[bool_] = numpy.zeros((len(texts), self._bands), bool)
        """Whether a text was compared with all that it meets at a place of the index."""

    def leaders(self) -> list[int]:
        """Of each text the number of the first in its family."""
        for band in range(self._bands):
            self._join(band)
            self._tell(len(self._texts) + band + 1, self._steps)
        return [int(each) for each in self._roots()]

    def _join(self, band: int) -> None:
        import numpy

        keys = self._keys(band)
        _, inverse, counts = numpy.unique(keys, return_inverse=True, return_counts=True)
        size = counts[inverse]
        order = self._sorted(numpy.flatnonzero(size > 1), keys, band)
        for ones, others in self._beside(order, keys):
            self._compare(ones, others, band, crowded=size[ones] > BESIDE + 1)
        self._settled[:, band] = size <= BESIDE + 1

    def _keys(self, band: int) -> NDArray[uint64]:
        """Where in the index each text is: two at one place share as many hashes."""
        import numpy

        keys = numpy.zeros(len(self._texts), numpy.uint64)
        for column in range(band * self._rows, (band + 1) * self._rows):
            keys = keys * numpy.uint64(0x9E3779B97F4A7C15) + self._hashes[:, column]
            keys ^= keys >> numpy.uint64(29)
        return keys

    def _sorted(self, which: NDArray[intp], keys: NDArray[uint64], band: int) -> NDArray[intp]:
        import numpy

        begin = (band + 1) * self._rows
        further = [self._hashes[which, at % SIZE] for at in range(begin, begin + _DEPTH)]
        return which[numpy.lexsort((*reversed(further), keys[which]))]

    def _beside(
        self, order: NDArray[intp], keys: NDArray[uint64]
    ) -> Iterator[tuple[NDArray[intp], NDArray[intp]]]:
        """Pairs of different families that are at one place, and close by."""
        import numpy

        distance = numpy.arange(1, BESIDE + 1)
        for start in range(0, len(order), _CHUNK):
            at = numpy.arange(start, min(start + _CHUNK, len(order)))[:, None]
            then = at + distance
            within = then < len(order)
            then[~within] = 0
            ones, others = numpy.broadcast_to(order[at], then.shape), order[then]
            roots = self._roots()
            within &= (keys[ones] == keys[others]) & (roots[ones] != roots[others])
            yield ones[within], others[within]

    def _compare(
        self,
        ones: NDArray[intp],
        others: NDArray[intp],
        band: int,
        crowded: NDArray[bool_],
    ) -> None:
        for start in range(0, len(ones), _CHUNK):
            part = slice(start, start + _CHUNK)
            one, other, crowd = ones[part], others[part], crowded[part]
            equal = self._hashes[one] == self._hashes[other]
            about = equal.mean(axis=1)
            shared = equal.reshape(len(one), -1)[:, : self._bands * self._rows]
            met = shared.reshape(len(one), self._bands, self._rows).all(axis=2)
            known = (met & self._settled[one])[:, :band].any(axis=1)
            left = (about > self._threshold - SLACK) & ~known
            pairs = zip(one[left], other[left], about[left], crowd[left], strict=True)
            for mine, theirs, share, many in pairs:
                self._unite(int(mine), int(theirs), float(share), crowded=bool(many))

    def _unite(self, one: int, other: int, about: float, *, crowded: bool) -> None:
        mine, theirs = sorted((self._root(one), self._root(other)))
        if mine == theirs:
            return
        if about < self._threshold + SLACK:
            if crowded and min(self._tries[one], self._tries[other]) >= _TRIES:
                return
            if likeness(self._texts[one], self._texts[other]) < self._threshold:
                self._tries[[one, other]] += crowded
                return
        self._leader[theirs] = mine

    def _root(self, number: int) -> int:
        leader = self._leader
        while leader[number] != number:
            leader[number] = leader[leader[number]]
            number = int(leader[number])
        return number

    def _roots(self) -> NDArray[intp]:
        """Of all at once."""
        leader = self._leader
        while ((above := leader[leader]) != leader).any():
            leader[:] = above
        return leader
