"""`kill -9` between any two records: nothing whose end is on record happens again, nothing that was paid is forgotten."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
EVERY = int(os.environ.get("KILL_EVERY", "10"))
"""Boundaries from one that is tried to the next. All of them by hand: KILL_EVERY=1 pytest tests/graphs/test_kills.py"""


def test_a_run_killed_between_any_two_records_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(HERE / "kill_runs.py"), str(tmp_path), str(EVERY)],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    whole, *trials = [json.loads(line) for line in done.stdout.splitlines()]
    assert whole["faults"] == []
    assert len(trials) == len(range(0, whole["records"], EVERY)) > 100 / EVERY
    for trial in trials:
        assert trial["faults"] == [], (trial, done.stderr)
    assert sum(trial["kills"] > 1 for trial in trials) > len(trials) / 6
