"""How calls end, as it is put on record."""

from __future__ import annotations

from llmi_agent.contract.tool import Failed, ToolCall
from llmi_agent.records.events import By, CallEnded
from llmi_agent.records.outcome import Finished, Outcome

STOPPED = Failed("cancelled", "the run was stopped")


def end(
    call: ToolCall,
    outcome: Outcome,
    by: By,
    reuse: str | None = None,
) -> CallEnded:
    """reuse: what later runs find the result by. A failure, and a picture that shows nothing, is not found again."""
    useful = isinstance(outcome, Finished) and not all(each.blank for each in outcome.candidates)
    return CallEnded(
        call=call.key,
        slot=call.slot,
        attempt=call.attempt,
        tool=call.tool,
        outcome=outcome,
        by=by,
        reuse=reuse if useful else None,
    )
