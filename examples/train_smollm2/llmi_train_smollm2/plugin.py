"""The door of llmi-train-smollm2: its reward, as data."""

from __future__ import annotations

from collections.abc import Sequence

from llmi_agent.contract import RewardSpec, hookimpl


@hookimpl
def llmi_rewards() -> Sequence[RewardSpec]:
    """The one component of this plugin."""
    description = "the draft parses and ends, with the kind, number and topic that its prompt names"
    return [RewardSpec("smollm2", description, load="llmi_train_smollm2.reward:scores")]
