"""Who writes the rollouts of an online training: a policy whose weights change from step to step."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Protocol

from llmi_agent.host.policies import RegisteredPolicy


class StepPolicy(Protocol):
    """The trainer's own model, or a server that is given its weights.

    In each of several processes there is one, and all are called at the same time, in the same order.
    """

    @property
    def model(self) -> str:
        """The name that the runner is given, and that is on record: `online/NAME`, `vllm/NAME`."""

    @property
    def api_base(self) -> str | None:
        """Where it is served; None: here."""

    @property
    def registered(self) -> RegisteredPolicy | None:
        """What answers the name; None: an installed plugin does."""

    def attach(self, trainer: Any) -> None:
        """Called once, before the first step. trainer: whose model it is (`OnlineTrainer`).

        Raises ConfigError or UnavailableError if it cannot write for this one.
        """

    def writing(self, version: str) -> AbstractContextManager[None]:
        """The weights as they are at the beginning of the block answer while it runs; then they are let go of, and trained.

        version: what they go by on record (`options.weights` says the same). It is not entered for a step whose rollouts
        are on record already.
        """
