"""What all events have."""

from __future__ import annotations

from typing import ClassVar


class Durable:
    """A listener may wait for it to be on disk: `await session.tell(event)`."""

    type: ClassVar[str]
    durable: ClassVar[bool] = True
    repeats: ClassVar[bool] = False
    """It happens anew each time; of other events, two that are equal and about the same are one."""

    @property
    def key(self) -> str:
        """What it is about."""
        return ""


class Shown(Durable):
    """For who watches; nothing is lost with it, and it is not recorded."""

    durable: ClassVar[bool] = False
