"""The pictures of a document, made fit to be shown to a judge."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from llmi_agent.contract.judging import Shown
from llmi_agent.contract.picture_header import picture_size
from llmi_agent.contract.tool import ArtifactReader
from llmi_agent.run.conversation import SEEN_SIDE
from llmi_agent.store.intake import IntakeError, recognise, shrink


@dataclass(frozen=True)
class Gallery:
    """Pictures as a judge sees them, by the digests of those in the document: an `ArtifactReader`."""

    data: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    media_types: Mapping[str, str] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    """Those that cannot be shown, and why."""

    def read(self, digest: str) -> bytes:
        """Raises KeyError for a picture that is not here."""
        return self.data[digest]

    def path(self, digest: str) -> Path:
        """Raises KeyError: none of them is a file."""
        raise KeyError(digest)

    @property
    def size(self) -> int:
        """Bytes of all of them."""
        return sum(map(len, self.data.values()))


async def gallery(figures: Sequence[Shown], pictures: ArtifactReader | None) -> Gallery:
    """The pictures of these figures, none with a side longer than a model is shown."""
    return await asyncio.to_thread(_gallery, {each.digest for each in figures}, pictures)


def _gallery(digests: set[str], pictures: ArtifactReader | None) -> Gallery:
    data, media_types, absent = {}, {}, {}
    for digest in sorted(digests):
        try:
            data[digest], media_types[digest] = _shown(digest, pictures)
        except (KeyError, OSError):
            absent[digest] = "its picture is not there"
        except IntakeError as error:
            absent[digest] = f"its picture cannot be shown: {error}"
    return Gallery(data, media_types, absent)


def _shown(digest: str, pictures: ArtifactReader | None) -> tuple[bytes, str]:
    """Raises KeyError or OSError for one that is not there, IntakeError for what is no picture."""
    if pictures is None:
        raise KeyError(digest)
    data = pictures.read(digest)
    form = recognise(data[:512])
    size = picture_size(data)
    if size is None or max(size) > SEEN_SIDE:
        picture = shrink(data, SEEN_SIDE)
        return picture.data, picture.media_type
    return data, f"image/{form.lower()}"
