"""How long `llmi --help` takes, against a bare start of the same interpreter.

    python benchmarks/startup.py [--quick]

Both are started in turn, so that whatever else the machine does slows both. Bar: the median of `llmi --help` is
at most 6 times that of `python -c pass`. `import click` stands beside it: it is what no command line can save.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from statistics import median

BAR = 6.0
BARE = "python -c pass"
HELP = "llmi --help"


def commands() -> dict[str, list[str]]:
    """What is started, by the name it has in the table."""
    llmi = Path(sysconfig.get_path("scripts")) / "llmi"
    return {
        BARE: [sys.executable, "-c", "pass"],
        "python -c 'import click'": [sys.executable, "-c", "import click"],
        HELP: [str(llmi), "--help"],
        "llmi run --help": [str(llmi), "run", "--help"],
    }


def seconds(command: list[str]) -> float:
    """One start, from nothing to the exit."""
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main() -> int:
    """Print the table; 1 if the bar is missed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="a quarter of the rounds")
    rounds = 10 if arguments.parse_args().quick else 40

    started = commands()
    times: dict[str, list[float]] = {name: [] for name in started}
    for number in range(rounds + 1):
        for name, command in started.items():
            taken = seconds(command)
            if number:  # the first round reads the disk
                times[name].append(taken)

    bare = median(times[BARE])
    python = ".".join(map(str, sys.version_info[:3]))
    print(f"median of {rounds} starts in turn, Python {python}; ratio = time / bare start")
    for name, each in times.items():
        middle = median(each)
        fastest = min(each) * 1e3
        print(
            f"{name:26}{middle * 1e3:8.1f} ms   fastest {fastest:6.1f} ms   ratio {middle / bare:5.2f}"
        )
    ratio = median(times[HELP]) / bare
    print(f"bar: {HELP} at most {BAR:g}: {'held' if ratio <= BAR else 'MISSED'}")
    return int(ratio > BAR)


if __name__ == "__main__":
    sys.exit(main())
