"""Every test has its own LLMI home, and none sees the developer's keys or configuration."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llmi_agent.store.artifacts import ArtifactStore


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path_factory.mktemp("home")
    for name in os.environ:
        if name.startswith("LLMI_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LLMI_HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    return home


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")
