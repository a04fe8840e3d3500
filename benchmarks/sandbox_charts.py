"""How fast a chart comes out of the local sandbox, all its isolation on.

    python benchmarks/sandbox_charts.py [--quick] [--sheet contact.png]

Workload: the fifty snippets of plugins/llmi-sandbox/tests/charts.txt (bars to 3-D, pandas and seaborn, an attached table),
each drawn in turn in three ways, so that whatever else the machine does slows all of them:

fresh   a new interpreter for each call, which imports the four libraries, draws, and saves the PNG
warm    the same code and saving in a process that has drawn before; nothing isolated
ours    the tool `llmi_sandbox`, from the call to the picture's bytes

Bar: (fresh - ours) / (fresh - warm) >= 0.90, of the sums of each snippet's medians: the part of the avoidable time
that is avoided. `--sheet` also writes the pictures side by side, for the eye.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from PIL import Image, ImageDraw

from llmi_agent.contract.tool import Produced, ToolContext
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import attach, make_call, make_context
from llmi_sandbox import pool
from llmi_sandbox.plugin import SPEC
from llmi_sandbox.tool import Sandbox

BAR = 0.90
ROOT = Path(__file__).resolve().parents[1]
SNIPPETS = ROOT / "plugins/llmi-sandbox/tests/charts.txt"
TABLE = ROOT / "examples/data/seattle-weather.csv"
# Draws what comes by standard input, a JSON line each, in the given folder; says the seconds it took.
_DRAW = """
import json, sys, time
from pathlib import Path
from llmi_sandbox import style, worker
from llmi_sandbox.job import Places
style.dress()
for line in sys.stdin:
    start = time.perf_counter()
    report = worker.perform(json.loads(line), 0, Places(Path(sys.argv[1])))
    assert report.figures, report.error
    style.namespace(0)["plt"].close("all")
    print(time.perf_counter() - start, flush=True)
"""


def snippets() -> dict[str, str]:
    """Name and code of each."""
    parts = SNIPPETS.read_text("utf-8").split("\n### ")[1:]
    return {name: code for name, _, code in (part.partition("\n") for part in parts)}


class Folder:
    """A folder to draw in without a sandbox."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "out").mkdir()
        (root / "work").mkdir()
        shutil.copy(TABLE, root / "work")

    def start(self) -> subprocess.Popen[str]:
        """A process that draws here."""
        return subprocess.Popen(
            [sys.executable, "-c", _DRAW, str(self.root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=self.root / "work",
            env={**os.environ, **pool.environment(Path(tempfile.gettempdir(), "llmi-bench-fonts"))},
            text=True,
        )

    def fresh(self, code: str) -> float:
        """Seconds that a new process takes for one chart."""
        start = time.perf_counter()
        with self.start() as process:
            process.communicate(json.dumps(code) + "\n")
        assert process.returncode == 0
        return time.perf_counter() - start


def draw(process: subprocess.Popen[str], code: str) -> float:
    """Seconds that a process takes which has drawn before."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(code) + "\n")
    process.stdin.flush()
    return float(process.stdout.readline())


async def in_sandbox(context: ToolContext, code: str) -> tuple[float, Produced]:
    """Seconds that the tool takes, and what it gives."""
    start = time.perf_counter()
    result = await Sandbox().run(make_call(SPEC, code=code), context)
    assert isinstance(result, Produced), result
    return time.perf_counter() - start, result


async def measure(rounds: int, folder: Folder, show: Callable[[str], None]) -> dict[str, bytes]:
    """Print the table; returns the pictures. The ratio is the last line's."""
    pictures: dict[str, bytes] = {}
    medians: dict[str, list[float]] = {"fresh": [], "warm": [], "ours": []}
    async with AsyncExitStack() as scope:
        store = ArtifactStore(folder.root / "store")
        context = make_context(store, scope, attachments=(attach(store, TABLE, "text/csv"),))
        warm = scope.enter_context(folder.start())
        for code in snippets().values():  # both have drawn everything once
            draw(warm, code)
        await in_sandbox(context, "plt.plot([1, 2])")
        await asyncio.sleep(5)
        for name, code in snippets().items():
            times: dict[str, list[float]] = {each: [] for each in medians}
            for _ in range(rounds):
                times["fresh"].append(folder.fresh(code))
                times["warm"].append(draw(warm, code))
                took, result = await in_sandbox(context, code)
                times["ours"].append(took)
                pictures[name] = result.images[0].data
                if result.note:
                    show(f"{name}: {result.note}")
            for each, values in times.items():
                medians[each].append(statistics.median(values))
        assert warm.stdin is not None
        warm.stdin.close()
    fresh, warm_, ours = (sum(medians[each]) for each in ("fresh", "warm", "ours"))
    for each, values in medians.items():
        show(
            f"{each:>6}: {statistics.median(values) * 1000:7.1f} ms a chart (median of {len(values)})"
        )
    ratio = (fresh - ours) / (fresh - warm_)
    show(f"avoidable time saved: {ratio:.3f} (bar: >= {BAR}); fresh / ours: {fresh / ours:.1f}x")
    if ratio < BAR:
        raise SystemExit(1)
    return pictures


def sheet(pictures: dict[str, bytes], columns: int = 5, side: int = 380) -> Image.Image:
    """All pictures side by side, with their names."""
    rows = -(-len(pictures) // columns)
    page = Image.new("RGB", (columns * side, rows * side), "white")
    pen = ImageDraw.Draw(page)
    for place, (name, data) in enumerate(pictures.items()):
        x, y = place % columns * side, place // columns * side
        picture = Image.open(io.BytesIO(data)).convert("RGB")
        picture.thumbnail((side - 12, side - 30))
        page.paste(picture, (x + 6, y + 22))
        pen.text((x + 6, y + 6), name, "black")
    return page


def main() -> int:
    """Print the table; 1 if the bar is missed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="one round instead of three")
    arguments.add_argument("--sheet", type=Path, help="write a contact sheet of the charts here")
    asked = arguments.parse_args()
    rounds = 1 if asked.quick else 3
    print(f"{len(snippets())} charts, {rounds} rounds each in turn; bars to 3-D, tables, seaborn")
    with tempfile.TemporaryDirectory() as root:
        pictures = asyncio.run(measure(rounds, Folder(Path(root)), print))
    if asked.sheet:
        sheet(pictures).save(asked.sheet)
    return 0


if __name__ == "__main__":
    sys.exit(main())
