"""Traces: episodes read back from their records, or from a file that they were exported to."""

from llmi_agent.traces.choosing import traces as traces
from llmi_agent.traces.parts import (
    Attempt as Attempt,
    ModelCall as ModelCall,
    TracedSlot as TracedSlot,
)
from llmi_agent.traces.trace import Reward as Reward, Trace as Trace
