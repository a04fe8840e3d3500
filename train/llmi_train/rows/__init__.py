"""From traces to rows that a policy is trained on; none of it needs torch.

`rows_of` reads a place into `Gathered`: rows with their advantages, and a report; `schedule.schedule` puts them in order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmi_agent.base.lazy import lazy

if TYPE_CHECKING:
    from llmi_train.rows.faults import (
        BadTrace as BadTrace,
        MixedGroup as MixedGroup,
        NothingToTrain as NothingToTrain,
    )
    from llmi_train.rows.gathering import Gathered as Gathered, rows_of as rows_of
    from llmi_train.rows.report import Report as Report
    from llmi_train.rows.row import Row as Row, Segment as Segment
    from llmi_train.rows.shelf import Recorded as Recorded

_PLACES = {
    "faults": ("BadTrace", "MixedGroup", "NothingToTrain"),
    "gathering": ("Gathered", "rows_of"),
    "report": ("Report",),
    "row": ("Row", "Segment"),
    "shelf": ("Recorded",),
}

if not TYPE_CHECKING:  # a type checker would take it for a promise that every name exists
    __getattr__, __all__ = lazy(__name__, _PLACES)
