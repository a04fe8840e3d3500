"""Every test has its own store."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmi_agent import ArtifactStore


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")
