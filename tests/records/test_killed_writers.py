"""Writers that are killed lose nothing that was said to be on disk; `python benchmarks/killed_writers.py` kills fifty."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "killed_writers.py"


@pytest.mark.skipif(sys.platform != "linux", reason="forks and kills")
def test_four_writers_are_killed() -> None:
    done = subprocess.run(
        [sys.executable, str(BENCHMARK), "5"],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert "faults after 5 kills of 4 writers: 0" in done.stdout, done.stdout + done.stderr
    assert int(done.stdout.split(" episodes said to be done")[0]) > 0, done.stdout
