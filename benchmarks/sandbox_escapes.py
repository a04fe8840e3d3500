"""How many of sixty hostile snippets are contained: the local sandbox against a plain subprocess.

    python benchmarks/sandbox_escapes.py

Workload: plugins/llmi-sandbox/tests/hostile.txt, each snippet followed by a good chart. Baseline: the same sixty by
`subprocess.run([sys.executable, "-c", ...])` in a temporary folder, capped so that this machine comes to no harm.

Bar: all sixty, and every good chart drawn.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

RUNS = Path(__file__).resolve().parents[1] / "plugins/llmi-sandbox/tests/hostile_runs.py"


def rows(*options: str) -> list[dict[str, object]]:
    """What the script says, a row for each snippet."""
    command = [sys.executable, str(RUNS), *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def main() -> int:
    """Print the table; 1 if something got out."""
    ours, plain = rows(), rows("--plain")
    print(f"{len(ours)} hostile snippets; contained by")
    for name, each in (("llmi_sandbox", ours), ("subprocess.run", plain)):
        print(f"{name:>15}: {sum(bool(row['contained']) for row in each)}")
    held = len(ours) == 60 and all(row["contained"] and row["good"] for row in ours)
    for row in ours:
        if not (row["contained"] and row["good"]):
            print(f"  {row}")
    print(f"bar: {'held' if held else 'MISSED'}")
    return int(not held)


if __name__ == "__main__":
    sys.exit(main())
