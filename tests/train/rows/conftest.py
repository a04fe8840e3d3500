"""A home to write episodes into."""

from __future__ import annotations

from pathlib import Path

import pytest

from .scene import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home-of-traces")
