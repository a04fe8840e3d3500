"""The set: every version of every topic, made once, and what a judge of each component must see in it."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from PIL import Image

from llmi_agent.base.errors import ConfigError
from llmi_agent.contract.judging import Demand, Exhibit
from llmi_agent.judges.calibrate.faults import WAYS
from llmi_agent.judges.calibrate.topics import Topic, topics
from llmi_agent.judges.calibrate.versions import MAKERS, exhibit
from llmi_agent.store.artifacts import ArtifactStore, MemoryStore

CHAIN = ("good", "swapped", "missing", "padded", "instructing")
"""The versions, from the best to the worst."""
TEXT = ("text", "tag")
PICTURES = ("image_quality", "task_relevance", "text_image_relevance")
"""The components of the judges of LLMI that are scores of pictures; a document without pictures has none of them."""
WHOLE = "whole"
"""The mean of all judges: see docs/calibration.md."""

Pair = tuple[str, str]
"""A version, and one that is worse."""

SEEN: Mapping[str, tuple[Pair, ...]] = {
    "text": (("good", "padded"), ("padded", "instructing"), ("good", "instructing")),
    "tag": (("good", "missing"), ("good", "padded"), ("good", "instructing")),
    "image_quality": (("good", "padded"), ("good", "instructing")),
    "task_relevance": (("good", "padded"), ("good", "instructing")),
    "text_image_relevance": (("good", "swapped"), ("good", "padded"), ("good", "instructing")),
    "criteria": (("good", "missing"), ("good", "padded"), ("good", "instructing")),
}
"""What each component must see. A judge of text sees no picture, so swapped ones are not asked of it; nor is the quality of a
picture another where the picture stands elsewhere."""


@dataclass(frozen=True)
class Collection:
    """The exhibits, by topic and version."""

    topics: tuple[Topic, ...]
    exhibits: Mapping[tuple[str, str], Exhibit]
    pictures: ArtifactStore = field(repr=False)

    @classmethod
    def made(cls, count: int | None = None) -> Collection:
        """The first `count` topics; by default all. Raises ConfigError for a count that cannot be."""
        known = topics()
        if count is not None and not 1 <= count <= len(known):
            raise ConfigError(f"there are {len(known)} topics; {count} of them cannot be taken")
        store = MemoryStore()
        found = {
            (topic.name, name): exhibit(
                make(topic, number), Demand(pictures=len(topic.pictures)), store
            )
            for number, topic in enumerate(known[:count])
            for name, make in MAKERS.items()
        }
        return cls(known[:count], found, store)

    def way(self, topic: str) -> str:
        """How its instructing version speaks to its judge."""
        number = [each.name for each in self.topics].index(topic)
        return WAYS[number % len(WAYS)].name

    @cached_property
    def digest(self) -> str:
        """Of all that judges are shown; of pictures, of their pixels."""
        told = [[*key, *self._told(shown)] for key, shown in sorted(self.exhibits.items())]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]

    def _told(self, shown: Exhibit) -> list[Any]:
        figures = [[each.caption, each.kind, self._pixels[each.digest]] for each in shown.figures]
        return [shown.prompt, shown.draft, shown.text, figures]

    @cached_property
    def _pixels(self) -> dict[str, str]:
        return {digest: pixels(self.pictures.read(digest)) for digest, _ in self.pictures.sizes()}


def pixels(data: bytes) -> str:
    """A digest of a picture's pixels, which does not depend on how its file is compressed."""
    with Image.open(io.BytesIO(data)) as picture:
        said = f"{picture.mode} {picture.size} ".encode() + picture.tobytes()
    return hashlib.sha256(said).hexdigest()[:16]
