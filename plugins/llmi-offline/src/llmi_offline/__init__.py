"""The offline writer: the embedded policy for when no language model is configured.

It computes and fills in sentences; it is not a language model and never presents itself as one.
pandas and Pillow are imported only when a report is written.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from llmi_offline.attached import Attached
from llmi_offline.errors import NeedsAttachment, OfflineError, UnreadableTable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from llmi_offline.blocks import WriteSlot

__all__ = [
    "Attached",
    "NeedsAttachment",
    "OfflineError",
    "UnreadableTable",
    "write_chunks",
    "write_report",
]

_CHUNK = re.compile(r"\s*\S{1,48}|\s+")


def write_report(
    prompt: str, attached: Sequence[Attached], kinds: Collection[str], write_slot: WriteSlot
) -> str:
    """A draft about the attached tables, or pictures, with slots of the given kinds only, each as `write_slot` puts it.

    The same input gives the same draft. Raises OfflineError, with the next step in its message, if
    nothing usable is attached.
    """
    from llmi_offline.report import compose

    return compose(prompt, attached, kinds, write_slot)


def write_chunks(draft: str) -> Iterator[str]:
    """The draft cut into small chunks, as a model would stream it; joined, they are the draft."""
    return (found[0] for found in _CHUNK.finditer(draft))
