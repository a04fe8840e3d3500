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

TRAINED = "grpo"


def demo(course: Course) -> Results:
    """All of it; what is there of an earlier time is not done again. Raises LlmiError where a command fails."""
    course.begin()
    course.warm_up()
    course.collect(WARM)
    trained = course.train(WARM, TRAINED)
    before, after = course.evaluate(WARM), course.evaluate(TRAINED)
    return Results(
        "A tiny policy learns to illustrate from its own traces",
        [
            Line(course.seed, "warm-up", before),
            Line(course.seed, "offline GRPO", after, trained),
        ],
        prompt_blind(drawn(TEST, course.size.tested, 0)),
        {"offline GRPO": course.history(TRAINED)},
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
    given = parser.parse_args()
    try:
        results = demo(Course(given.out, given.seed, Size(prompts=given.prompts)))
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
