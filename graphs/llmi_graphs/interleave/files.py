"""The files of a request: in whatever way they are named, kept in the store as attachments."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage

from llmi_agent.base.errors import InputError, UnavailableError
from llmi_agent.contract.tool import Attachment, ToolFailed
from llmi_agent.document.blocks import MOST_FILES, File, blocks_of, brings_file, files_of
from llmi_agent.document.messages import attachment_of, attachments_in
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.attachments import attach_bytes, attach_files
from llmi_graphs.machine import Machine

Entry = Attachment | Path | File

_NUMBERED = re.compile(r"(?:picture|file)-(\d+)\.")


async def attachments_for(
    machine: Machine,
    given: Any,
    message: HumanMessage,
    earlier: Sequence[Attachment] = (),
) -> tuple[tuple[Attachment, ...], tuple[Attachment, ...]]:
    """The attachments of a turn, and those of them that its message brought.

    given: what stands in the state: a list of `Attachment`s, their dicts, paths, content blocks. `earlier` are those of the document that the
    turn goes on from. Of files with one name the latest counts: the message's, then `given`. Raises InputError for what cannot be used, UnavailableError for what is gone from the store.
    """
    given = _listed(given)
    known = [*map(asdict, earlier), *given]
    start = 1 + max([len(known), *_numbers(known)])
    before = [_entry(machine, each, start + at) for at, each in enumerate(given)]
    start += len(before) if any(isinstance(each, File) for each in before) else 0
    with_message: list[Entry] = [
        *(_entry(machine, each, 0) for each in attachments_in(message)),
        *files_of(blocks_of(message.content), start),
    ]
    if len(before) + len(with_message) > MOST_FILES:
        raise InputError(f"more than {MOST_FILES} files are attached; send fewer")
    if not (earlier or before or with_message):
        return (), ()
    fetched = [await _fetched(machine, each) for each in (*before, *with_message)]
    store = machine.toolkit.store
    kept = await asyncio.to_thread(lambda: [_kept(store, each) for each in fetched])
    old, new = _unique(kept[: len(before)]), _unique(kept[len(before) :])
    everything = {each.name: each for each in (*earlier, *old, *new)}
    await asyncio.to_thread(check_there, store, everything.values())
    return tuple(everything.values()), new


def _listed(given: Any) -> Sequence[Any]:
    """Raises InputError for one file, or anything else, in the place of a list of files."""
    if isinstance(given, list | tuple):
        return given
    what = f"{type(given).__name__} {str(given)!r:.80}"
    raise InputError(f"attachments must be a list of files, not the {what}; put it in a list")


def check_there(store: ArtifactStore, attachments: Iterable[Attachment]) -> None:
    """Raises UnavailableError, naming it, for an attachment whose bytes the store does not hold."""
    for each in attachments:
        if each.digest not in store:
            raise UnavailableError(
                f"the attachment {each.name} is not in the store; attach the file again"
            )


def _numbers(given: Sequence[Any]) -> list[int]:
    """Those of files that came without a name."""
    names = [str(each.get("name", "")) for each in given if isinstance(each, Mapping)]
    return [int(match[1]) for name in names if (match := _NUMBERED.match(name))]


def _entry(machine: Machine, given: Any, number: int) -> Entry:
    if isinstance(given, Attachment | Path):
        return given
    if isinstance(given, str):
        if machine.paths and "langgraph_api" not in sys.modules:
            return Path(given)
        raise InputError(
            "attachments are named by their paths, which only a program in the same process may do; "
            "send the file itself, as a content block with its base64"
        )
    if isinstance(given, Mapping):
        if known := attachment_of(given):
            return known
        if brings_file(given):
            return files_of([given], number)[0]
    raise InputError(
        "an attachment is no file: give a path, an Attachment, its dict (name, media_type, digest, size) "
        'or a content block such as {"type": "file", "base64": ..., "mime_type": "text/csv", "filename": ...}'
    )


async def _fetched(machine: Machine, entry: Entry) -> Entry:
    """The same with the bytes of what is named by an address: pictures alone, by the safe downloader."""
    if not isinstance(entry, File) or not entry.url:
        return entry
    if not entry.media_type.startswith("image/"):
        raise InputError(
            f"{entry.what} is named by an address; only pictures are fetched, so send its bytes as base64"
        )
    try:
        return replace(entry, data=await machine.toolkit.download(entry.url), url="")
    except ToolFailed as error:
        raise InputError(f"{entry.what} cannot be fetched: {error}") from None


def _kept(store: ArtifactStore, entry: Entry) -> Attachment:
    if isinstance(entry, Attachment):
        return entry
    if isinstance(entry, Path):
        return attach_files(store, [entry])[0]
    try:
        data = store.read(entry.digest) if entry.data is None else entry.data
    except KeyError:
        raise InputError(f"{entry.what} is not in the store; send its bytes") from None
    return attach_bytes(store, entry.name, data)


def _unique(attachments: Sequence[Attachment]) -> tuple[Attachment, ...]:
    """Each once. Raises InputError for two files of one name."""
    named: dict[str, Attachment] = {}
    for each in attachments:
        if named.setdefault(each.name, each).digest != each.digest:
            raise InputError(f"two attachments are named {each.name}; rename one of them")
    return tuple(named.values())
