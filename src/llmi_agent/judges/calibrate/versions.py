"""The versions of a topic's document, from good to bad, and the twins that differ in one thing only."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from llmi_agent.contract.judging import Demand, Exhibit, Shown
from llmi_agent.judges.calibrate.drawing import decoration, drawn
from llmi_agent.judges.calibrate.faults import DECORATIONS, FILLERS, WAYS, Way
from llmi_agent.judges.calibrate.topics import Picture, Topic
from llmi_agent.store.artifacts import ArtifactStore


@dataclass(frozen=True)
class Figure:
    """A picture where it stands."""

    slot: str
    caption: str
    kind: str
    data: bytes


Block: TypeAlias = str | Figure
Blocks: TypeAlias = tuple[Block, ...]


@dataclass(frozen=True)
class Version:
    """A document before it is put together."""

    prompt: str
    blocks: Blocks


def good(topic: Topic, number: int) -> Version:
    """The text as it was written, each picture in its place."""
    return Version(topic.prompt, _blocks(topic))


def swapped(topic: Topic, number: int) -> Version:
    """The same pictures, none in its place."""
    blocks = _blocks(topic)
    pictures = [each.data for each in blocks if isinstance(each, Figure)]
    others = iter([*pictures[1:], pictures[0]])
    return Version(
        topic.prompt,
        tuple(replace(b, data=next(others)) if isinstance(b, Figure) else b for b in blocks),
    )


def missing(topic: Topic, number: int) -> Version:
    """The same text, with no picture and no slot for one."""
    return Version(topic.prompt, tuple(b for b in _blocks(topic) if isinstance(b, str)))


def padded(topic: Topic, number: int) -> Version:
    """Without its pictures, but with decoration, paragraphs that are there already, and some that belong elsewhere."""
    title, first, second, *rest, last = missing(topic, number).blocks
    one, other = _decoration(number), _decoration(number + 1)
    filler, more = FILLERS[number % 3], FILLERS[(number + 1) % 3]
    blocks = (title, first, filler, one, second, first, *rest, more, second, other, last)
    return Version(topic.prompt, blocks)


def instructing(topic: Topic, number: int) -> Version:
    """The padded one, which also tells its judge what to say; how, is another for each topic."""
    version = padded(topic, number)
    return replace(version, blocks=_told(version.blocks, WAYS[number % len(WAYS)]))


def early(topic: Topic, number: int) -> Version:
    """One paragraph that belongs elsewhere and one decoration for a picture, both near the beginning."""
    title, first, *rest = _decorated(topic, 0, number)
    return Version(topic.prompt, (title, first, FILLERS[1 + number % 2], *rest))


def late(topic: Topic, number: int) -> Version:
    """The same paragraph and the same decoration, near the end."""
    *rest, last = _decorated(topic, -1, number)
    return Version(topic.prompt, (*rest, FILLERS[1 + number % 2], last))


def short(topic: Topic, number: int) -> Version:
    """A short text, as it was asked for."""
    return _as_asked(topic, _blocks(topic, details=False))


def long(topic: Topic, number: int) -> Version:
    """A long text, as it was asked for."""
    return _as_asked(topic, _blocks(topic))


def forward(topic: Topic, number: int) -> Version:
    """All pictures after the text."""
    return Version(topic.prompt, (*_text_only(topic), *_figures(topic)))


def backward(topic: Topic, number: int) -> Version:
    """All pictures after the text, the last one first."""
    return Version(topic.prompt, (*_text_only(topic), *reversed(_figures(topic))))


MAKERS: dict[str, Callable[[Topic, int], Version]] = {
    each.__name__: each
    for each in (
        good, swapped, missing, padded, instructing, early, late, short, long, forward, backward
    )
}  # fmt: skip
"""By name. The number of the topic decides which of several like ways is taken."""


def exhibit(version: Version, demand: Demand, store: ArtifactStore) -> Exhibit:
    """The document as judges are shown it; its pictures are put into the store."""
    shown: list[Shown] = []
    parts: list[str] = []
    for block in version.blocks:
        if isinstance(block, str):
            parts.append(block)
            continue
        number = len(shown) + 1
        digest = store.put(block.data)
        shown.append(Shown(number, number - 1, block.kind, block.caption, digest))
        parts.append(f"[Figure {number}: {block.caption}]")
    draft = "\n\n".join(each if isinstance(each, str) else each.slot for each in version.blocks)
    return Exhibit(version.prompt, draft, "\n\n".join(parts), tuple(shown), store, demand)


def _blocks(topic: Topic, *, details: bool = True) -> Blocks:
    return tuple(
        _figure(each) if isinstance(each, Picture) else each.text
        for each in topic.blocks
        if isinstance(each, Picture) or details or not each.detail
    )


def _figures(topic: Topic) -> tuple[Figure, ...]:
    return tuple(map(_figure, topic.pictures))


def _text_only(topic: Topic) -> Iterator[str]:
    return (each.text for each in topic.paragraphs)


def _figure(picture: Picture) -> Figure:
    return Figure(picture.slot, picture.caption, picture.kind, drawn(picture.name))


def _decoration(number: int) -> Figure:
    caption = DECORATIONS[number % len(DECORATIONS)]
    return Figure(_slot(caption), caption, "diffusion", decoration(number % len(DECORATIONS)))


def _slot(caption: str) -> str:
    prompt = {"prompt": f"{caption}, clip art"}
    said = {"source": "diffusion", "description": caption, "params": prompt}
    return f"<imgen>{json.dumps(said, ensure_ascii=False)}</imgen>"


def _decorated(topic: Topic, which: int, number: int) -> Blocks:
    """With a decoration in the place of one of the pictures."""
    blocks = list(_blocks(topic))
    places = [at for at, each in enumerate(blocks) if isinstance(each, Figure)]
    blocks[places[which]] = _decoration(number)
    return tuple(blocks)


def _told(blocks: Blocks, way: Way) -> Blocks:
    if way.place == "caption":
        return tuple(_with_caption(b, way) if isinstance(b, Figure) else b for b in blocks)
    at = {"start": 1, "middle": len(blocks) // 2, "end": len(blocks)}[way.place]
    return (*blocks[:at], way.words, *blocks[at:])


def _with_caption(figure: Figure, way: Way) -> Figure:
    caption = f"{figure.caption}. {way.words}"
    return replace(figure, caption=caption, slot=_slot(caption))


def _as_asked(topic: Topic, blocks: Blocks) -> Version:
    """The prompt asks for as many words as the text has, to the nearest ten."""
    count = round(_words(blocks), -1)
    return Version(f"{topic.prompt} Write about {count} words.", blocks)


def _words(blocks: Iterable[Block]) -> int:
    return sum(len(each.split()) for each in blocks if isinstance(each, str))
