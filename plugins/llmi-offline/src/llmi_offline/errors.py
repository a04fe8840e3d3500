"""Why the offline writer cannot write: each message is one sentence with the next step in it.

OfflineError              what the offline writer needs is not there
├── NeedsAttachment       no table and no picture is attached
└── UnreadableTable       an attached table cannot be read
"""

from __future__ import annotations

RESAVE = "check that it is the file you meant, and save it again as CSV with one header row"


class OfflineError(Exception):
    """The offline writer cannot write this report; the message says what it needs."""


class NeedsAttachment(OfflineError):  # noqa: N818  says what to do, not what broke
    """Nothing is attached that the offline writer can use."""

    def __init__(self, unusable: str = "") -> None:
        found = f" ({unusable} is neither)" if unusable else ""
        super().__init__(
            "The offline writer is not a language model: attach a table (CSV, TSV, JSON, Parquet) "
            f"or a picture with --attach FILE{found}, or choose a model with "
            "--model openai/... (or LLMI_MODEL)."
        )


class UnreadableTable(OfflineError):  # noqa: N818
    """An attached table cannot be read; the message names the file, the fault and the next step."""

    def __init__(self, name: str, fault: str, remedy: str) -> None:
        super().__init__(f"{name} cannot be read as a table: {fault}; {remedy}.")
