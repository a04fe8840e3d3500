"""What the set is made from: a file for each topic, with a prompt, a text that answers it well, and the names of its pictures.

The first lines are `key: value`; after an empty line comes the text, its paragraphs with empty lines between. A paragraph that
begins with "+ " is a detail that a short text does without. One that is a slot stands for a picture.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).with_name("topics")
_DETAIL = "+ "


@dataclass(frozen=True)
class Paragraph:
    """A piece of the text, in Markdown."""

    text: str
    detail: bool = False


@dataclass(frozen=True)
class Picture:
    """A slot, and the picture that it asks for."""

    slot: str
    """As a policy writes it."""
    caption: str
    kind: str
    name: str
    """What it is drawn as (`drawing.PICTURES`)."""


@dataclass(frozen=True)
class Topic:
    """One of the set's subjects."""

    name: str
    genre: str
    prompt: str
    blocks: tuple[Paragraph | Picture, ...]

    @property
    def paragraphs(self) -> tuple[Paragraph, ...]:
        return tuple(each for each in self.blocks if isinstance(each, Paragraph))

    @property
    def pictures(self) -> tuple[Picture, ...]:
        return tuple(each for each in self.blocks if isinstance(each, Picture))


@cache
def topics() -> tuple[Topic, ...]:
    """All of them, by name."""
    return tuple(_read(path) for path in sorted(_FOLDER.glob("*.md")))


def _read(path: Path) -> Topic:
    head, _, body = path.read_text(encoding="utf-8").partition("\n\n")
    told = dict(line.split(": ", 1) for line in head.splitlines())
    names = iter(told["pictures"].split(", "))
    blocks = tuple(
        _picture(each, next(names)) if each.startswith("<imgen>") else _paragraph(each)
        for each in body.strip().split("\n\n")
    )
    return Topic(path.stem, told["genre"], told["prompt"], blocks)


def _picture(slot: str, name: str) -> Picture:
    said = json.loads(slot.removeprefix("<imgen>").removesuffix("</imgen>"))
    return Picture(slot, said["description"], said["source"], name)


def _paragraph(text: str) -> Paragraph:
    return Paragraph(text.removeprefix(_DETAIL), text.startswith(_DETAIL))
