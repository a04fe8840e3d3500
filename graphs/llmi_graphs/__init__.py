"""LLMI's state machines, as LangGraph graphs.

    from llmi_graphs import as_tool, build_graph

`build_graph` is `interleave(assemble(...))`: several graphs may stand on what `assemble` gives.
"""

from llmi_graphs.as_tool import as_tool
from llmi_graphs.interleave.graph import build_graph, interleave
from llmi_graphs.machine import Machine, assemble

__all__ = ["Machine", "as_tool", "assemble", "build_graph", "interleave"]
