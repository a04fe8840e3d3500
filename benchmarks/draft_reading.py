"""How fast drafts are read, against splitting at the tag and decoding the payloads, and whether in linear time.

    python benchmarks/draft_reading.py [--quick]

Baseline: `re.split` on the tag with `json.loads` on each payload, which checks nothing, knows no fences and
cannot stream. Bars: 20 MB/s for a whole draft, and a time for 4n below 8 times that for n.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Callable

from llmi_agent.contract.kinds import WELL_KNOWN
from llmi_agent.draft import DraftReader, format_slot, parse
from llmi_agent.draft.types import Slot

KINDS = {name: kind.params for name, kind in WELL_KNOWN.items()}
SENTENCE = "The harbour was rebuilt in 1921, and its `north pier` carries the tram to this day. "
TAG = re.compile(r"<imgen>(.*?)</imgen>", re.DOTALL)


def typical(size: int) -> str:
    """Paragraphs of prose with inline code, a list, a fence now and then, and a slot every 1.5 kB."""
    kinds = list(WELL_KNOWN.values())
    parts: list[str] = []
    length = number = 0
    while length < size:
        kind = kinds[number % len(kinds)]
        slot = Slot(number, kind.name, kind.title, kind.example)
        prose = "\n\n".join(SENTENCE * 4 for _ in range(4)) + "\n\n- one\n- two\n\n"
        fence = "```python\nx = 1\n```\n\n" if number % 8 == 0 else ""
        parts.append(prose + fence + format_slot(slot) + "\n\n")
        length += len(parts[-1])
        number += 1
    return "".join(parts)


NASTY: dict[str, Callable[[int], str]] = {
    "prose without tags": lambda n: SENTENCE * (n // len(SENTENCE)),
    "openers only": lambda n: "<imgen>" * (n // 7),
    "openers of objects": lambda n: '<imgen>{"a' * (n // 10),
    "mentions with think": lambda n: "<imgen>a<think>b</think>" * (n // 24),
    "backticks, all lengths": lambda n: " ".join("`" * i for i in range(1, int((2 * n) ** 0.5))),
    "single backticks": lambda n: "` `\n" * (n // 4),
    "line of backticks": lambda n: "`" * n,
    "think without an end": lambda n: "<think>" + SENTENCE * (n // len(SENTENCE)),
    "half tags": lambda n: "<im<think></think>" * (n // 18),
    "one giant slot": lambda n: '<imgen>{"source": "' + "a" * n + "</imgen>",
    "a fence of blank lines": lambda n: "```\n" + " \n" * (n // 2),
    "newlines and blanks": lambda n: "\n" + " " * n,
}


def baseline(text: str) -> None:
    """The plainest reading there is."""
    for payload in TAG.split(text)[1::2]:
        json.loads(payload)


def whole(text: str) -> None:
    """Read in one piece."""
    parse(text, KINDS)


def by(size: int) -> Callable[[str], None]:
    """Read in chunks of `size` characters."""

    def read(text: str) -> None:
        reader = DraftReader(KINDS)
        for start in range(0, len(text), size):
            reader.feed(text[start : start + size])
        reader.close()

    return read


def seconds(read: Callable[[str], None], text: str, rounds: int) -> float:
    """The best time of a few readings: what else runs on the machine only adds to it."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        read(text)
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Print both tables."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="a tenth of the size")
    size = 200_000 if arguments.parse_args().quick else 2_000_000

    text = typical(size)
    plain = seconds(baseline, text, 9)
    print(
        f"typical draft, {len(text) / 1e6:.1f} MB, a slot every 1.5 kB; ratio = time / baseline's"
    )
    print(f"{'re.split + json.loads':28}{len(text) / 1e6 / plain:8.1f} MB/s   ratio  1.00")
    for name, read in {
        "parse": whole,
        "feed by 64": by(64),
        "feed by 4": by(4),
        "feed by 1": by(1),
    }.items():
        taken = seconds(read, text, 9 if read is whole else 2)
        print(f"{name:28}{len(text) / 1e6 / taken:8.1f} MB/s   ratio {taken / plain:5.2f}")

    print(f"\ntime for 4n over time for n, n = {size // 8} characters (linear is 4)")
    print(f"{'':28}{'whole':>8}{'by 1':>8}{'MB/s whole':>12}")
    for name, write in {"typical": typical, **NASTY}.items():
        small, large = write(size // 8), write(size // 2)
        once = seconds(whole, large, 5)
        ratio = once / seconds(whole, small, 5)
        streamed = seconds(by(1), large, 2) / seconds(by(1), small, 2)
        print(f"{name:28}{ratio:8.1f}{streamed:8.1f}{len(large) / 1e6 / once:12.1f}")


if __name__ == "__main__":
    main()
