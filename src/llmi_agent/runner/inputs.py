"""What a document is made from: its files, kept, and the digests by which it is known again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from llmi_agent.base.errors import InputError, LlmiError
from llmi_agent.base.text import printable
from llmi_agent.contract.judging import Demand
from llmi_agent.contract.tool import Attachment
from llmi_agent.records.events import Opened
from llmi_agent.store.artifacts import ArtifactStore, MemoryStore
from llmi_agent.store.attachments import attach_files

_WAYS = (
    "to go on with it, leave out the prompt and the files; for another document, leave out `resume`"
)


def attach(
    store: ArtifactStore, files: Sequence[Attachment | Path | str]
) -> tuple[Attachment, ...]:
    """Keep the files in the store that are named by their paths. Raises LlmiError, naming the file or the store."""
    if isinstance(files, str | Path | Attachment):
        shown = files.name if isinstance(files, Attachment) else str(files)
        raise InputError(f"attachments must be a list of files, not {shown!r}; put it in a list")
    paths = [each for each in files if not isinstance(each, Attachment)]
    try:
        if not isinstance(store, MemoryStore):
            store.root.mkdir(parents=True, exist_ok=True)
        kept = iter(attach_files(store, paths))
    except OSError as error:
        raise LlmiError(
            f"cannot keep files in {store.place}: {error.strerror or error}; "
            "set LLMI_HOME to a folder of yours"
        ) from None
    return tuple(each if isinstance(each, Attachment) else next(kept) for each in files)


def check_same(
    episode: str, opened: Opened, prompt: str, attachments: Sequence[Attachment]
) -> None:
    """Raises InputError if the episode was begun with another prompt, or without one of these files.

    A picture is known by its name: the store has it re-encoded, which another version may do otherwise.
    """
    if not _is_recorded(printable(prompt), opened.prompt):
        raise InputError(f"run {episode} was begun with another prompt; {_WAYS}")
    for each in attachments:
        same = (one for one in opened.attachments if _is_recorded(each.name, one.name))
        before = next(same, None)
        if before is None:
            raise InputError(f"run {episode} was begun without {each.name}; {_WAYS}")
        if before.digest != each.digest and not each.is_image:
            raise InputError(f"{each.name} has changed since run {episode} was begun; {_WAYS}")


def _is_recorded(prompt: str, recorded: str) -> bool:
    """Whether the prompt, or name, is that on record, where something stands in for each secret."""
    first, *others = recorded.split("[secret]")
    if not others:
        return prompt == first
    if not prompt.startswith(first):
        return False
    *between, last = others
    place = len(first)
    for piece in between:
        found = prompt.find(piece, place + 1)
        if found < 0:
            return False
        place = found + len(piece)
    return prompt.endswith(last) and len(prompt) > place + len(last)


class Inputs:
    """Digests of what documents are made from; a file that several have is read once."""

    def __init__(self) -> None:
        self._files: dict[Path, str] = {}

    def digest(self, prompt: str, files: Sequence[Path], demand: Demand | None = None) -> str:
        """Of a prompt, its files, and what is on record as demanded of its document.

        Raises InputError if one of the files is gone.
        """
        asked: list[object] = [prompt, [(path.name, self._file(path)) for path in files]]
        asked += [[demand.pictures, sorted(demand.kinds)]] if demand else []
        return _digest(asked)

    def _file(self, path: Path) -> str:
        if path not in self._files:
            try:
                with path.open("rb") as file:
                    self._files[path] = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise InputError(f"{path} cannot be read: {error.strerror}") from None
        return self._files[path]


def group_of(inputs: str, settings: str, name: str, folder: Path) -> str:
    """The id of a group: what is written again and again, from the same and under the same settings, in one place.

    inputs, settings: digests. name: the prompt's id in its batch, and folder the batch's: who writes the same elsewhere
    begins a group of its own. A batch that goes on adds to the groups that it has begun.
    """
    return _digest([inputs, settings, name, str(folder.absolute())])[:32]


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()
