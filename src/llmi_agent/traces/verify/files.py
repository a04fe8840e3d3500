"""What lies beside the records: the bytes of pictures and attachments, and the document in the folder of the run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from llmi_agent.base.errors import InputError
from llmi_agent.contract.picture_header import picture_size
from llmi_agent.contract.tool import ArtifactReader
from llmi_agent.document.model import Document, read_document
from llmi_agent.document.render.files import REPORTS
from llmi_agent.records.events import CallEnded, SlotSettled
from llmi_agent.records.outcome import Finished, Kept, Picture
from llmi_agent.records.record import SCHEMA_OF_EVENTS
from llmi_agent.traces.trace import Trace
from llmi_agent.traces.verify.finding import Found, Level, named

_MOST_BYTES = 64 * 1024 * 1024
"""Of a document's JSON that is read."""


class _Named(NamedTuple):
    """Bytes that a record names."""

    record: str
    digest: str
    what: str
    size: int | None = None
    extent: tuple[int, int] | None = None
    needed: bool = True
    """The document has it, or was made of it."""


def of_pictures(trace: Trace, pictures: ArtifactReader, *, absent: bool) -> Iterator[Found]:
    """The bytes that records name are there, unless they may be absent, and are those that they name."""
    seen: set[str] = set()
    for each in _all_named(trace):
        if each.digest in seen:
            continue
        seen.add(each.digest)
        try:
            data = pictures.read(each.digest)
        except KeyError:
            if absent:
                continue
            level: Level = "error" if each.needed else "note"
            yield Found(each.record, f"{each.what} {each.digest} is not in the store", level)
        except OSError as error:
            yield Found(each.record, f"{each.what} {each.digest} cannot be read: {error.strerror}")
        except InputError as error:  # of an export, by whoever wrote it
            yield Found(each.record, f"{each.what} {each.digest}: {error}")
        else:
            yield from (Found(each.record, said) for said in _bytes(each, data))


def names_files(trace: Trace) -> bool:
    """Whether a trace names pictures or files at all."""
    try:
        return any(True for _ in _all_named(trace))
    except InputError:
        return False


def _bytes(thing: _Named, data: bytes) -> Iterator[str]:
    if hashlib.sha256(data).hexdigest() != thing.digest:
        yield f"the bytes of {thing.what} {thing.digest} are others than its digest says"
        return
    if thing.size is not None and thing.size != len(data):
        yield f"{thing.what} {thing.digest} has {len(data)} bytes, and its record says {thing.size}"
    found = picture_size(data)
    if thing.extent is not None and found is not None and found != thing.extent:
        told = "{}x{}".format(*thing.extent)
        yield f"{thing.what} {thing.digest} has {found[0]}x{found[1]} pixels, and its record says {told}"


def _all_named(trace: Trace) -> Iterator[_Named]:
    for file in trace.attachments:
        yield _Named("opened", file.digest, f"the attachment {file.name}", file.size)
    for given in trace.inputs:
        yield _Named("opened", given.digest, "the input picture")
    for slot, settled in trace.known.settled.items():
        if isinstance(settled.verdict, Kept):
            yield _picture(named("slot_settled", slot), settled.verdict, needed=True)
    for _, event in trace.events:
        match event:
            case CallEnded(outcome=Finished(candidates=candidates)):
                for each in candidates:
                    yield _picture(named("call_ended", event.call), each, needed=False)
            case SlotSettled(verdict=Kept() as kept):
                yield _picture(named("slot_settled", event.slot), kept, needed=False)


def _picture(record: str, picture: Picture, *, needed: bool) -> _Named:
    extent = picture.width, picture.height
    return _Named(record, picture.digest, "the picture", extent=extent, needed=needed)


def of_document(trace: Trace, pictures: ArtifactReader | None, *, written: bool) -> Iterator[Found]:
    """The document can be made again. written: and is the one that the run wrote, if that is still there."""
    known = trace.known
    if known.composed is None:
        return
    if known.read is None and any(record.schema < SCHEMA_OF_EVENTS for record in trace.records):
        return  # earlier versions did not say how they had read a draft
    try:
        document = trace.document()
    except (InputError, LookupError, ValueError, TypeError, AssertionError) as error:
        yield Found("composed", f"the document cannot be made again: {error}")
        return
    if document is None:
        return
    if document.title != known.composed.title:
        said = f"its title is {known.composed.title!r:.80}, and that of the records {document.title!r:.80}"
        yield Found("composed", said)
    out = (known.ordered.order if known.ordered else {}).get("out")
    if out and written:
        yield from _written(document, Path(str(out)), pictures)


def _written(document: Document, folder: Path, pictures: ArtifactReader | None) -> Iterator[Found]:
    """Whether a page is the same depends on the version that wrote it, so that is no more than a note."""
    path = folder / REPORTS["json"]
    text = _text_of(path)
    if text is not None:
        try:
            other = read_document(text)
        except InputError as error:
            yield Found("composed", f"{path} cannot be read: {error}")
            return
        if other.episode == document.episode and other != document:
            at = _difference(document.model_dump(mode="json"), other.model_dump(mode="json"))
            yield Found(
                "composed", f"{path} is another document than the records make: {at} differs"
            )
    page = _text_of(folder / REPORTS["html"])
    if pictures is not None and page and f"<code>{document.episode}</code>" in page:
        from llmi_agent.document.render import render_html

        if render_html(document, pictures) != page:
            said = f"{folder / REPORTS['html']} is another page than this version writes of the records"
            yield Found("composed", said, "note")


def _text_of(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return None


def _difference(ours: Any, theirs: Any, path: str = "") -> str:
    """Where two plain values differ first."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in {**ours, **theirs}:
            if ours.get(name) != theirs.get(name):
                return _difference(ours.get(name), theirs.get(name), f"{path}.{name}".strip("."))
    if isinstance(ours, list) and isinstance(theirs, list):
        for number, (one, other) in enumerate(zip(ours, theirs, strict=False)):
            if one != other:
                return _difference(one, other, f"{path}[{number}]")
        return f"the length of {path}"
    return path or "all of it"
