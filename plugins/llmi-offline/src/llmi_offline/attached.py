"""What the user attached, as the offline writer sees it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

_TABLES = frozenset({".csv", ".tsv", ".tab", ".json", ".jsonl", ".ndjson", ".parquet", ".pq"})
_TABLE_TYPES = frozenset(
    {
        "application/csv",
        "application/json",
        "application/jsonl",
        "application/vnd.apache.parquet",
        "application/x-ndjson",
        "application/x-parquet",
        "text/csv",
        "text/tab-separated-values",
    }
)


@dataclass(frozen=True)
class Attached:
    """One attached file."""

    name: str
    """Its name in the sandbox's working folder."""
    media_type: str
    """As the framework recognised it, such as `text/csv` or `image/png`."""
    data: bytes

    @property
    def is_picture(self) -> bool:
        """Whether it counts among the input images that an edit can point at."""
        return self.media_type.startswith("image/")

    @property
    def is_table(self) -> bool:
        """Whether it is offered as a table, by its type or its name; it may still be unreadable."""
        return is_table(self.name, self.media_type)


def is_table(name: str, media_type: str) -> bool:
    """Whether a file is offered as a table, by its type or its name."""
    if media_type.startswith("image/"):
        return False
    return media_type in _TABLE_TYPES or PurePath(name).suffix.lower() in _TABLES
