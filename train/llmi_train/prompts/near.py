"""Near-duplicates: texts that share most of their pieces, found by MinHash among as many as there are."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import repeat
from typing import TYPE_CHECKING
from zlib import crc32

from llmi_train.prompts.text import UNSPACED, UNSPACED_RE, normalised

if TYPE_CHECKING:
    from datasketch import MinHash
    from numpy import uint32
    from numpy.typing import NDArray

THRESHOLD = 0.7
"""The share of pieces in common (Jaccard) from which two texts are near-duplicates."""
SIZE, _ROWS = 192, (8, 6, 4, 3, 2, 1)
"""Hashes of a sketch, and into how many at a time it may be cut."""
_MISSED = 5e-6
"""The chance with which a pair that is exactly at the threshold may be overlooked."""
SLACK = 0.15
"""More than four standard deviations of the estimate: only what is nearer to the threshold is reckoned exactly."""

_RUN = re.compile(rf"{UNSPACED}+|(?:(?!{UNSPACED}).)+")


@lru_cache(maxsize=256)
def pieces(text: str) -> frozenset[str]:
    """What two texts are compared by: every five characters in a row of the normalised text, in Chinese and Japanese every
    two; a text that is shorter is one piece."""
    found: set[str] = set()
    for run in _RUN.findall(normalised(text)):
        size = 2 if UNSPACED_RE.match(run) else 5
        found |= {run[at : at + size] for at in range(max(len(run) - size, 0) + 1)}
    return frozenset(found)


def likeness(one: str, other: str) -> float:
    """The share of pieces that two texts have in common, of all that either has; from 0 to 1."""
    mine, theirs = pieces(one), pieces(other)
    return len(mine & theirs) / len(mine | theirs) if mine or theirs else 1.0


def hashes_of(text: str) -> NDArray[uint32]:
    """The sketch of a text: `SIZE` numbers, of which two texts share about as many as they are alike."""
    hashes: NDArray[uint32] = _sketch(text).hashvalues
    return hashes


class Neighbours:
    """Texts by their keys, and for another text those of them that are its near-duplicates."""

    def __init__(self, threshold: float = THRESHOLD) -> None:
        import numpy
        from datasketch import MinHashLSH

        self.threshold = threshold
        rows = rows_for(threshold)
        self._index = MinHashLSH(num_perm=SIZE, params=(SIZE // rows, rows))
        self._places: dict[str, int] = {}
        self._keys: list[str] = []
        self._texts: list[str] = []
        self._hashes = numpy.empty((256, SIZE), numpy.uint32)
        """Of all texts by their places, and room for more."""

    def add(self, key: str, text: str) -> None:
        """Raises ValueError if the key is taken."""
        if key in self._places:
            raise ValueError(f"the key {key!r} is taken")
        sketch, place = _sketch(text), len(self._keys)
        if place == len(self._hashes):
            self._hashes.resize((2 * place, SIZE), refcheck=False)
        self._hashes[place] = sketch.hashvalues
        self._index.insert(place, sketch, check_duplication=False)
        self._places[key] = place
        self._keys.append(key)
        self._texts.append(text)

    def like(self, text: str) -> list[tuple[str, float]]:
        """Near-duplicates that were added before: key and likeness, the most alike first.

        The likeness of what is clearly above the threshold is an estimate.
        """
        sketch = _sketch(text)
        places = self._index.query(sketch)
        about = (self._hashes[places] == sketch.hashvalues).mean(axis=1) if places else ()
        shares = map(self._exactly, places, map(float, about), repeat(text))
        alike = zip((self._keys[place] for place in places), shares, strict=True)
        found = [(key, share) for key, share in alike if share >= self.threshold]
        return sorted(found, key=lambda each: (-each[1], each[0]))

    def _exactly(self, place: int, about: float, text: str) -> float:
        sure = abs(about - self.threshold) > SLACK
        return about if sure else likeness(text, self._texts[place])


def rows_for(threshold: float) -> int:
    """As many hashes at a time as overlook next to nothing: the more, the fewer pairs are looked at in vain."""
    return next(
        (rows for rows in _ROWS if (1 - threshold**rows) ** (SIZE // rows) <= _MISSED), _ROWS[-1]
    )


@lru_cache(maxsize=8)
def _sketch(text: str) -> MinHash:
    """Cached for `like` and then `add` of the same text."""
    sketch = _empty().copy()
    sketch.update_batch([each.encode("utf-8", "replace") for each in pieces(text)])
    return sketch


@lru_cache
def _empty() -> MinHash:
    """To be copied: its permutations take longer to make than a sketch."""
    from datasketch import MinHash

    return MinHash(num_perm=SIZE, seed=1, hashfunc=crc32, scheme="affine32")
