"""Traces: episodes read back from their records, or from a file that they were exported to."""

from llmi_agent.records.events import Rewarded as Rewarded
from llmi_agent.records.overview import Chosen as Chosen
from llmi_agent.traces.choosing import traces as traces
from llmi_agent.traces.exchange.exporting import export as export
from llmi_agent.traces.exchange.importing import import_traces as import_traces
from llmi_agent.traces.parts import (
    Attempt as Attempt,
    ModelCall as ModelCall,
    TracedSlot as TracedSlot,
)
from llmi_agent.traces.rewarding import give as give
from llmi_agent.traces.trace import Reward as Reward, Trace as Trace

__all__ = (
    "Attempt",
    "Chosen",
    "ModelCall",
    "Reward",
    "Rewarded",
    "Trace",
    "TracedSlot",
    "export",
    "give",
    "import_traces",
    "traces",
)
