"""Thousands of prompts made by two scripted models of which a quarter of what they say is no good, killed and gone on with.

Workload: `--n` prompts to the stated mix. The models answer in PAUSE seconds, repeat themselves, name tools, break
constraints, write prose, refuse, instruct the checker, hang; the checker lies and fails, too. Half way the process gets a
SIGKILL, and the same command goes on.

Bars: all prompts are there with the counts of the mix, every constraint among them; `prompts check` finds no fault, and
no leak; the faults that the script made are those that were rejected; nothing is asked after the kill that was
answered before; the file is that of a run which was not killed, to the byte; memory grows by less than 40 kB a prompt.

python benchmarks/prompt_making.py [--n 4000]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parents[1] / "tests" / "train" / "prompts" / "make"
sys.path.insert(0, str(HERE))

from scripted import (  # noqa: E402
    CHECKER_LIES,
    CONCURRENCY,
    WRITER_FAULTS,
    Script,
    order_of,
    scripted,
)

from llmi_agent.store.artifacts import ArtifactStore  # noqa: E402
from llmi_train.prompts.checking import check  # noqa: E402
from llmi_train.prompts.make.card import Card  # noqa: E402
from llmi_train.prompts.make.mix import load_mix  # noqa: E402
from llmi_train.prompts.make.plan import apportioned  # noqa: E402
from llmi_train.prompts.make.produce import produce  # noqa: E402
from llmi_train.prompts.reading import read  # noqa: E402

PAUSE = 0.02
MOST_KB = 40


def answered(path: Path) -> list[str]:
    """The questions in a file of answers."""
    return [json.loads(line)["key"] for line in path.read_bytes().split(b"\n")[1:-1]]


def killed(out: Path, n: int) -> tuple[list[str], list[str]]:
    """What was asked, and what was answered, when the process was killed half way."""
    said, kept = out.with_name("said"), out.with_name("p.answers.jsonl")
    command = [sys.executable, str(HERE / "scripted.py"), str(out), str(n), str(said), str(PAUSE)]
    process = subprocess.Popen(command)
    while not kept.exists() or kept.read_bytes().count(b"\n") < 1.3 * n:
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return said.read_text().splitlines(), answered(kept)


def made(out: Path, n: int, script: Script, deadline: float) -> tuple[Card, float]:
    """The card, and how long it took."""
    order = order_of(out, n, deadline=deadline, concurrency=CONCURRENCY if deadline > 60 else 64)
    models = scripted(script, ArtifactStore(out.parent / "store"), PAUSE)
    began = time.monotonic()
    card = asyncio.run(produce(order, models, lambda *_: None))
    return card, time.monotonic() - began


def peak_kb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def verdicts(folder: Path, n: int) -> list[tuple[str, bool]]:
    """Each bar in words, and whether it held."""
    script = Script()
    made(
        folder / "first.jsonl", 50, Script(), 5.0
    )  # what is imported and warm is none of the measure
    before = peak_kb()
    card, seconds = made(folder / "hangs.jsonl", n, script, 5.0)
    grown = (peak_kb() - before) / n
    rows = [json.loads(line) for line in (folder / "hangs.jsonl").read_text().splitlines()]
    pictures = Counter(row["pictures"] for row in rows)
    report = check(read(folder / "hangs.jsonl"))
    (folder / "killed").mkdir()
    asked, known = killed(folder / "killed" / "p.jsonl", n)
    again: list[str] = []
    made(folder / "killed" / "p.jsonl", n, Script(hangs=False, say=again.append), 600)
    (folder / "whole").mkdir()
    made(folder / "whole" / "p.jsonl", n, Script(hangs=False), 600)
    same = (folder / "killed" / "p.jsonl").read_bytes() == (
        folder / "whole" / "p.jsonl"
    ).read_bytes()
    twice = len(set(again) & set(asked)) - (len(asked) - len(known))
    wrong = sum(script.did[each] for each in (*WRITER_FAULTS, *CHECKER_LIES))
    wrong += sum(count >= 3 for count in script.failed.values())
    alike = card.rejected.get("duplicate", 0) + card.rejected.get("near-duplicate", 0)
    rejected = sum(card.rejected.values()) - alike
    return [
        (
            f"{card.made:,} prompts of {n:,} in {seconds:.0f} s, by {len(answered(folder / 'hangs.answers.jsonl')):,} answers",
            card.made == n,
        ),
        (
            f"counts of the mix: {dict(sorted(pictures.items()))}",
            pictures == apportioned(n, load_mix().pictures),
        ),
        (
            f"faults that a check finds: {report.findings.faults}; splits {card.splits}",
            not report.findings.faults,
        ),
        (
            f"bad requests: {wrong:,} made, {rejected:,} rejected, and {alike:,} that were like others; {script.slow} answers were too late",
            wrong == rejected or script.slow > 0,
        ),
        (
            f"killed after {len(known):,} answers: {len(again):,} asked after it, {twice} of them twice",
            not twice,
        ),
        (f"the same to the byte as what was not killed: {same}", same),
        (f"memory: {grown:.0f} kB a prompt; bar: {MOST_KB}", grown < MOST_KB),
    ]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=4_000)
    n = parser.parse_args().n
    with tempfile.TemporaryDirectory() as folder:
        found = verdicts(Path(folder), n)
    for words, held in found:
        print(f"{words}; bar: {'held' if held else 'MISSED'}")
    return 0 if all(held for _, held in found) else 1


if __name__ == "__main__":
    sys.exit(main())
