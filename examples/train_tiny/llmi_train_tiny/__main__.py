"""One seed from fresh weights to a policy that illustrates what it is asked for: `make train-demo`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from llmi_agent.base.errors import LlmiError
from llmi_train_tiny.ceiling import prompt_blind
from llmi_train_tiny.course import WARM, Course, Size
from llmi_train_tiny.prompts import TEST, drawn
from llmi_train_tiny.report import Line, Results

TRAINED, ONLINE = "grpo", "online"


def demo(course: Course, *, online: bool = False) -> Results:
    """All of it; what is there of an earlier time is not done again. Raises LlmiError where a command fails.

    online: once more from the warm-up, with fresh episodes at each step.
    """
    course.begin()
    course.warm_up()
    course.collect(WARM)
    trained = course.train(WARM, TRAINED)
    lines = [
        Line(course.seed, "warm-up", course.evaluate(WARM)),
        Line(course.seed, "offline GRPO", course.evaluate(TRAINED), trained),
    ]
    if online:
        meanwhile = course.online(WARM, ONLINE)
        lines.append(Line(course.seed, "online GRPO", course.evaluate(ONLINE), meanwhile))
    return Results(
        "A tiny policy learns to illustrate from its own traces",
        lines,
        prompt_blind(drawn(TEST, course.size.tested, 0)),
        {"offline GRPO": course.history(TRAINED)},
        {"online GRPO": course.history(ONLINE)} if online else {},
    )


def main() -> int:
    """Run it, print the table, and say where the curve is."""
    parser = argparse.ArgumentParser(prog="python -m llmi_train_tiny", description=__doc__)
    parser.add_argument(
        "--out", type=Path, default=Path("train-demo"), help="the folder of everything that is made"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--prompts", type=int, default=Size.prompts, help="prompts that traces are collected of"
    )
    parser.add_argument(
        "--online", action="store_true", help="train online, too: ten minutes more on two cores"
    )
    given = parser.parse_args()
    try:
        course = Course(given.out, given.seed, Size(prompts=given.prompts))
        results = demo(course, online=given.online)
    except LlmiError as error:
        print(f"llmi_train_tiny: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("llmi_train_tiny: stopped; the same command goes on", file=sys.stderr)
        return 130
    written = results.write(given.out)
    print(results.markdown())
    print(*written, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
