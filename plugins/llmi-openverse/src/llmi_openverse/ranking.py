"""Which of the found pictures is the best: a sum of three shares that anyone can check by hand."""

from __future__ import annotations

import re

POSITION, MATCH, SIZE = 0.4, 0.4, 0.2
"""What each share weighs; together 1."""
FULL_SIZE = 1000
"""Pixels of the shorter side from which on larger is no better."""

_NO_SPACES = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
"""Scripts of Japanese and Chinese, in which every character counts as a word."""
_WORD = re.compile(rf"[{_NO_SPACES}]|[^\W_{_NO_SPACES}]+")


def score(position: int, count: int, shorter_side: int, match: float) -> float:
    """From 0 to 1, higher is better.

    position: from 0, among `count` pictures. shorter_side: in pixels. match: from `match_share`.
    """
    order = 1 - position / count
    size = min(1.0, shorter_side / FULL_SIZE)
    return POSITION * order + MATCH * match + SIZE * size


def match_share(query: str, about: str) -> float:
    """The share of the query's words that are in `about` (title, tags, description); case is ignored."""
    wanted = _words(query)
    return len(wanted & _words(about)) / len(wanted) if wanted else 0.0


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))
