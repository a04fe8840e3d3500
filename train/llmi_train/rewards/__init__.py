"""The rewards of the framework, where who trains looks for them; they need no torch."""

from llmi_agent.rewards import (
    PROFILES as PROFILES,
    Facts as Facts,
    Profile as Profile,
    combined as combined,
    facts_of as facts_of,
    profile_of as profile_of,
    rule_scores as rule_scores,
)

__all__ = ("PROFILES", "Facts", "Profile", "combined", "facts_of", "profile_of", "rule_scores")
