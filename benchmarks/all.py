"""Runs every script of this folder, and prints one table of what each measured against its bar.

python benchmarks/all.py            # all but those that take hours; exit code 1 if a bar is missed
python benchmarks/all.py makespan   # those named
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
LONG = {"train_tiny"}
"""Run only where they are named."""


def measure(script: Path) -> tuple[list[str], bool]:
    """The lines that name a bar, and whether all bars held. What the script says goes on to stdout."""
    lines = []
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            if "bar:" in line or line.startswith("ratio:"):
                lines.append(line.strip())
    print(flush=True)
    return lines, process.returncode == 0


def main() -> int:
    wanted = set(sys.argv[1:])
    scripts = [each for each in sorted(HERE.glob("*.py")) if each != Path(__file__)]
    chosen = [e for e in scripts if (e.stem in wanted if wanted else e.stem not in LONG)]
    if unknown := wanted - {each.stem for each in scripts}:
        print(f"there is no benchmark {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    measured = {script.stem: measure(script) for script in chosen}
    width = max(map(len, measured))
    for name, (lines, held) in measured.items():
        for number, line in enumerate(lines or ["no result"]):
            first = number == 0
            print(
                f"{name if first else '':<{width}}  {('held' if held else 'MISSED') if first else '':<6}  {line}"
            )
    return 0 if all(held for _, held in measured.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
