"""The reward of the LLM-I paper, as its public code computes it: `llmi_agent.rewards.paper`."""

from llmi_agent.rewards.paper import (
    count_score,
    r_tool,
    total,
    valid_tag,
)

__all__ = ("count_score", "r_tool", "total", "valid_tag")
