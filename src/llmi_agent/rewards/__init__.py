"""Rewards: what a document is worth, by rules and by judges, under a profile that says how."""

from llmi_agent.rewards.facts import Facts as Facts, facts_of as facts_of
from llmi_agent.rewards.hybrid import combined as combined
from llmi_agent.rewards.profile import (
    PROFILES as PROFILES,
    Profile as Profile,
    profile_of as profile_of,
)
from llmi_agent.rewards.rollout import Rollout as Rollout
from llmi_agent.rewards.rules import rule_scores as rule_scores
from llmi_agent.rewards.scoring import Scored as Scored, Scorer as Scorer
from llmi_agent.rewards.whole import (
    Whole as Whole,
    scored_by_parts as scored_by_parts,
    weighed as weighed,
)

__all__ = (
    "PROFILES",
    "Facts",
    "Profile",
    "Rollout",
    "Scored",
    "Scorer",
    "Whole",
    "combined",
    "facts_of",
    "profile_of",
    "rule_scores",
    "scored_by_parts",
    "weighed",
)
