"""Where LLMI keeps its own files: `LLMI_HOME`, else the user's data folder."""

from __future__ import annotations

import os
from pathlib import Path

from llmi_agent.store.artifacts import ArtifactStore


def home() -> Path:
    """The folder; it is made when something is written to it."""
    if chosen := os.environ.get("LLMI_HOME"):
        return Path(chosen).expanduser()
    import platformdirs

    return platformdirs.user_data_path("llmi")


def default_store() -> ArtifactStore:
    """The user's artifact store."""
    return ArtifactStore(home() / "artifacts")
