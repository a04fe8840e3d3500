"""LLMI's state machines, as LangGraph graphs.

from llmi_graphs import as_tool, build_graph
"""

from llmi_graphs.as_tool import as_tool
from llmi_graphs.interleave.graph import build_graph

__all__ = ["as_tool", "build_graph"]
