"""How much a page may hold, and what is shown of what does not fit."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from llmi_agent.contract.tool import ArtifactReader
from llmi_agent.document.render.pictures import AnyOf, data_uri

MOST_CHARACTERS = 4_000_000
MOST_PICTURES, MOST_PICTURE = 24_000_000, 4_000_000
"""Bytes of all pictures, and of one."""
_LEAST = 200
"""Characters of each text that are shown even when there is no room left."""

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\uffff\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
"""What cannot be seen, or turns the text around it."""


def visible(text: str) -> str:
    """Text in which each character that cannot be seen, or that turns others around, is written as its number."""
    return _UNSEEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text.replace("\r\n", "\n"))


@dataclass(frozen=True)
class Passage:
    """A text, or the beginning of it."""

    text: str
    left: int = 0
    """Characters that are left out."""

    @property
    def note(self) -> str:
        """What is said of that; empty if it is whole."""
        return f"{self.left:,} more characters are on record" if self.left else ""


@dataclass(frozen=True)
class Shown:
    """A picture, or why it is not there."""

    digest: str
    alt: str
    address: str = ""
    """A data: address; empty if it is not shown here."""
    why: str = ""
    above: bool = False
    """The page has it further up."""


class Room:
    """What is left of it. A picture is on the page once."""

    def __init__(self, pictures: ArtifactReader | None) -> None:
        self._places = AnyOf(pictures) if pictures is not None else AnyOf()
        self.there = pictures is not None
        self._characters = MOST_CHARACTERS
        self._bytes = MOST_PICTURES
        self._held: dict[str, bytes | str] = {}
        """What there is room for, or why there is none."""
        self._shown: set[str] = set()

    def text(self, text: str, most: int) -> Passage:
        """As much of a text as there is room for, at most `most` characters."""
        length = min(len(text), most, max(self._characters, _LEAST))
        self._characters -= length
        return Passage(text[:length], len(text) - length)

    def hold(self, digests: Iterable[str]) -> None:
        """Keep room for these pictures before others."""
        for each in digests:
            self._find(each)

    def picture(self, digest: str, alt: str) -> Shown:
        """A picture of the trace."""
        found = self._find(digest)
        if isinstance(found, str):
            return Shown(digest, alt, why=found)
        if digest in self._shown:
            return Shown(digest, alt, above=True)
        self._shown.add(digest)
        return Shown(digest, alt, data_uri(found))

    def _find(self, digest: str) -> bytes | str:
        if digest not in self._held:
            self._held[digest] = self._load(digest)
        return self._held[digest]

    def _load(self, digest: str) -> bytes | str:
        try:
            data = self._places.read(digest)
        except KeyError:
            return (
                "it is not there any more, or is not the one that was made"
                if self.there
                else "the trace came without its pictures"
            )
        if len(data) > min(MOST_PICTURE, self._bytes):
            return f"left out of this page: it has {len(data):,} bytes"
        self._bytes -= len(data)
        return data
