"""An episode of which nothing is kept (`Options.record` is "none")."""

from __future__ import annotations

from llmi_agent.records.episode import EpisodeJournal
from llmi_agent.records.events import Event
from llmi_agent.records.journal import Journal
from llmi_agent.store.artifacts import ArtifactStore


class Unrecorded(EpisodeJournal):
    """What is said is known for as long as somebody has this, and is gone with it.

    Of an episode that is on record it knows what is there, and adds nothing.
    """

    @classmethod
    def fresh(cls, journal: Journal, store: ArtifactStore, episode: str) -> EpisodeJournal:
        """Nobody else goes on with it: it is on no record to be found by."""
        return cls(journal, store, episode, new=True)

    def release(self) -> None:
        self._hold.close()

    def say(self, event: Event) -> None:
        if event.durable:
            self.known.take(event)

    async def committed(self) -> None:
        """Nothing is waited for."""

    def flush(self) -> None:
        """Nothing is waited for."""
