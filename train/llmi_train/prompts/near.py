"""Near-duplicates: texts that share most of their pieces, found by MinHash among as many as there are."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING
from zlib import crc32

from llmi_train.prompts.text import UNSPACED, UNSPACED_RE, normalised

if TYPE_CHECKING:
    from datasketch import MinHash

THRESHOLD = 0.7
"""The share of pieces in common (Jaccard) from which two texts are near-duplicates."""
_BANDS, _ROWS = 48, 4
"""A pair at 0.7 is missed with a chance of 2e-6, one at 0.8 with 1e-11."""
_SLACK = 0.15
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


class Neighbours:
    """Texts by their keys, and for another text those of them that are its near-duplicates."""

    def __init__(self, threshold: float = THRESHOLD) -> None:
        from datasketch import MinHashLSH

        self.threshold = threshold
        self._index = MinHashLSH(num_perm=_BANDS * _ROWS, params=(_BANDS, _ROWS))
        self._texts: dict[str, str] = {}
        self._sketches: dict[str, MinHash] = {}

    def add(self, key: str, text: str) -> None:
        """Raises ValueError if the key is taken."""
        sketch = _sketch(text)
        self._index.insert(key, sketch, check_duplication=True)
        self._texts[key], self._sketches[key] = text, sketch

    def like(self, text: str) -> list[tuple[str, float]]:
        """Near-duplicates that were added before: key and likeness, the most alike first.

        The likeness of what is clearly above the threshold is an estimate.
        """
        sketch = _sketch(text)
        found = [(key, self._likeness(text, sketch, key)) for key in self._index.query(sketch)]
        alike = [(key, share) for key, share in found if share >= self.threshold]
        return sorted(alike, key=lambda each: (-each[1], each[0]))

    def _likeness(self, text: str, sketch: MinHash, key: str) -> float:
        about = float(sketch.jaccard(self._sketches[key]))
        sure = abs(about - self.threshold) > _SLACK
        return about if sure else likeness(text, self._texts[key])


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

    return MinHash(num_perm=_BANDS * _ROWS, seed=1, hashfunc=crc32, scheme="affine32")
