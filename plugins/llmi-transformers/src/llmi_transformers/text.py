"""From tokens to text, as they come: a character whose bytes lie in several tokens comes with the last of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

_HALF = "\ufffd"


def decoder(tokenizer: Any) -> Callable[[Sequence[int]], str]:
    """What these tokens say; special ones say nothing."""

    def decode(ids: Sequence[int]) -> str:
        said: str = tokenizer.decode(
            list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return said

    return decode


class Spoken:
    """The text of one answer."""

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._before: list[int] = []
        """Tokens whose text is said, as far back as what follows may depend on them."""
        self._fresh: list[int] = []
        """Those after them."""
        self._said = 0
        """Characters of the text of both that are said."""

    def add(self, ids: Sequence[int], *, last: bool = False) -> tuple[str, bool]:
        """The text that is new with these tokens, and whether more of theirs may come with the next ones.

        last: none come.
        """
        self._fresh += ids
        whole = self._decode([*self._before, *self._fresh])
        ready = whole if last else whole.rstrip(_HALF)
        new = ready[self._said :]
        self._said = max(self._said, len(ready))
        is_open = len(ready) < len(whole)
        if not is_open and new:
            self._before, self._fresh = self._fresh, []
            self._said = len(self._decode(self._before))
        return new, is_open


class Stops:
    """Ends a text before the first of some strings; what may be the beginning of one is held back."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = [each for each in stops if each]
        self._held = ""

    def add(self, text: str, *, last: bool = False) -> tuple[str, bool]:
        """What can be said with this text, and whether one of the strings has come, which ends it."""
        held = self._held + text
        places = [place for each in self._stops if (place := held.find(each)) >= 0]
        if places:
            return held[: min(places)], True
        kept = 0 if last else self._beginning(held)
        self._held = held[len(held) - kept :]
        return held[: len(held) - kept], False

    def _beginning(self, text: str) -> int:
        """How many characters at its end are those that one of the strings begins with."""
        lengths = (
            length
            for each in self._stops
            for length in range(min(len(each) - 1, len(text)), 0, -1)
            if text.endswith(each[:length])
        )
        return max(lengths, default=0)


class Parts:
    """Which characters of a text are which token's; where there is a doubt, several tokens are one part."""

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._known: dict[int, str] = {}
        self._before: tuple[int, str] | None = None
        """A token and what it says: some begin with a space behind another one only."""

    def of(self, ids: Sequence[int], speaking: int, text: str) -> list[tuple[int, int]]:
        """How many tokens, and how many characters with them, in order. speaking: how many of `ids` can say something."""
        said = [self._text(each) for each in ids[:speaking]]
        first = start = 0
        while first < speaking and _begins(text[start:], said[first]):
            start += len(said[first])
            first += 1
        last, end = speaking, len(text)
        while last > first and _begins(text[start:end][::-1], said[last - 1][::-1]):
            end -= len(said[last - 1])
            last -= 1
        if first == last and start < end:  # text that is no token's: it is of all of them
            return [(len(ids), len(text))]
        middle = [(last - first, end - start)] if first < last else []
        rest = [(1, len(each)) for each in said[last:]] + [(1, 0)] * (len(ids) - speaking)
        return [(1, len(each)) for each in said[:first]] + middle + rest

    def _text(self, token: int) -> str:
        """What it says behind another one."""
        if token in self._known:
            return self._known[token]
        if self._before is None:
            own = self._decode([token])
            if not own.strip() or _HALF in own:
                return own
            self._before = token, own
        before, said = self._before
        self._known[token] = self._decode([before, token])[len(said) :]
        return self._known[token]


def _begins(text: str, said: str) -> bool:
    return text.startswith(said) and _HALF not in said
