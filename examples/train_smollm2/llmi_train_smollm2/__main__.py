"""SmolLM2-135M-Instruct learns to illustrate: `make train-smollm2`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from llmi_agent.base.errors import LlmiError
from llmi_train_smollm2 import figures, page
from llmi_train_smollm2.course import BASE, TRAINED, WARM, Course, Size
from llmi_train_smollm2.requests import TEST

NAMES: Mapping[str, str] = {
    BASE: "as published", WARM: "after the warm-up", TRAINED: "after offline GRPO",
}  # fmt: skip
TITLE = "SmolLM2-135M-Instruct learns to illustrate from its own traces"
_HEAD = (
    "policy", "reward", "above the warm-up", "right kinds", "right number", "slots a draft", "valid slots", "whole drafts", "cut",
)  # fmt: skip


def run(course: Course) -> tuple[Path, str]:
    """All of it; what is there of an earlier time is not done again. The page, and the table. Raises LlmiError."""
    course.begin()
    course.warm_up()
    course.collect()
    course.train()
    rows = [_HEAD, *(_figures(course, each) for each in NAMES)]
    pairs = _pairs(course)
    minutes = [("stage", "minutes"), *course.minutes()]
    out = course.folder / "before_and_after.html"
    page.write(out, TITLE, rows, pairs)
    table = f"{page.markdown(rows)}\n{page.markdown(minutes)}"
    (course.folder / "results.md").write_text(table)
    return out, table


def _figures(course: Course, policy: str) -> tuple[str, ...]:
    told = course.evaluate(policy)
    own, above = told["model"], told.get("difference") or {}
    slots = figures.slots_of(figures.grouped(course.home, policy, TEST))
    return (
        NAMES[policy],
        _mean(own["reward"]),
        _mean(above.get("reward"), signed=True),
        _mean(own["kind_accuracy"]),
        _mean(own["count_accuracy"]),
        f"{slots.each:.2f}",
        f"{slots.valid:.0%}",
        f"{slots.whole:.0%}",
        f"{own['truncated']:.0%}",
    )


def _pairs(course: Course) -> dict[str, list[page.Side]]:
    """Of each prompt that is shown its document before and after."""
    asked = [json.loads(each) for each in (course.folder / "shown.jsonl").read_text().splitlines()]
    found: dict[str, list[page.Side]] = {each["prompt"]: [] for each in asked}
    for policy in (WARM, TRAINED):
        folder = course.documents(policy)
        worth = figures.shown(course.home, policy, TEST)
        for each in asked:
            said = _worth(worth.get(each["prompt"]))
            path = folder / each["id"] / "report.html"
            found[each["prompt"]].append(page.Side(NAMES[policy], path, said))
    return found


def _worth(found: figures.Shown | None) -> str:
    if found is None or found.reward is None:
        return "no reward"
    parts = ", ".join(
        f"{name} {value:.2g}" for name, value in found.parts.items() if value is not None
    )
    return f"reward {found.reward:.2f} ({parts or 'not whole'})"


def _mean(found: Mapping[str, float] | None, *, signed: bool = False) -> str:
    if not found:
        return ""
    plus = "+" if signed else ""
    return f"{found['mean']:{plus}.3f} [{found['low']:{plus}.3f}, {found['high']:{plus}.3f}]"


def main() -> int:
    """Run it, print the table, and say where the page is."""
    parser = argparse.ArgumentParser(prog="python -m llmi_train_smollm2", description=__doc__)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("train-smollm2"),
        help="the folder of everything that is made",
    )
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="", help="default: a GPU if there is one"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--prompts", type=int, default=Size.prompts, help="prompts that traces are collected of"
    )
    given = parser.parse_args()
    try:
        out, table = run(Course(given.out, Size(prompts=given.prompts), given.device, given.seed))
    except LlmiError as error:
        print(f"llmi_train_smollm2: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("llmi_train_smollm2: stopped; the same command goes on", file=sys.stderr)
        return 130
    print(table)
    print(out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
