"""What a language model is told of an attached file: columns and first rows of a table, the start of a text."""

from __future__ import annotations

from llmi_agent.contract.tool import Attachment
from llmi_agent.store.artifacts import ArtifactStore

_MOST = 4_000


def preview(attachment: Attachment, store: ArtifactStore) -> str:
    """A few lines on the attachment; a file that cannot be read as what it is is said to be so."""
    data = store.read(attachment.digest)
    if attachment.media_type in ("text/plain", "text/markdown"):
        return f"### {attachment.name}\n\n{data[: _MOST * 4].decode('utf-8', 'replace')[:_MOST]}"
    from llmi_offline import OfflineError
    from llmi_offline.tables import describe_table, read_table

    try:
        table = read_table(attachment.name, data)
    except OfflineError as error:
        return f"### {attachment.name}\n\n{error}"
    return f"### {attachment.name}\n\n{describe_table(table)}"[:_MOST]
