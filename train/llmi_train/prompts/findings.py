"""What a check can find, and which of it is a fault."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

MOST_EXAMPLES = 100
"""Of what is found, so many are kept with their places; all are counted."""

FAULTS = {
    "bad line": "it cannot be used",
    "same id": "another prompt has its id",
    "duplicate": "another prompt asks the same",
    "other demand": "another prompt asks the same, and demands something else",
    "leak": "one that is the same is in another split",
    "near leak": "one that is nearly the same is in another split",
    "in another file": "one that is the same is in another file",
    "nearly in another file": "one that is nearly the same is in another file",
    "contradiction": "its words say something else than it demands",
    "unsaid": "it demands pictures, or none, and its words do not say so",
    "impossible": "it demands more kinds than pictures",
    "names a tool": "its words name a tool, and order its use",
    "too short": "it is too short to be a request",
    "too long": "it is too long to train on",
}
NOTICES = {
    "near-duplicate": "one that is nearly the same is in the same split",
    "same text": "the same text goes with other files",
    "unclear": "it cannot be told whether its words say what it demands",
    "may name a tool": "its words may name a tool, or be about one",
    "other language": "it looks like another language than it says",
    "kind unknown": "it demands a kind that is none of the usual ones",
}
WHAT = FAULTS | NOTICES


@dataclass(frozen=True)
class Example:
    """Where something was found."""

    line: int
    says: str = ""
    """What, in words."""
    other_line: int | None = None
    """Of the prompt that it is compared with."""
    other_file: str | None = None
    """Of that one; None: the same."""

    def __str__(self) -> str:
        place = "" if self.other_line is None else f"line {self.other_line}"
        other = f"{place} of {self.other_file}" if self.other_file else place
        return f"line {self.line}: {', '.join(filter(None, (other, self.says)))}".removesuffix(": ")


@dataclass
class Findings:
    """What was found in a file, by its kind."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[Example]] = field(default_factory=dict)

    def add(self, kind: str, example: Example) -> None:
        self.counts[kind] += 1
        if self.more_examples(kind):
            self.examples.setdefault(kind, []).append(example)

    def more_examples(self, kind: str) -> bool:
        """Whether another one would be kept."""
        return len(self.examples.get(kind, ())) < MOST_EXAMPLES

    @property
    def faults(self) -> int:
        """How many there are."""
        return sum(count for kind, count in self.counts.items() if kind in FAULTS)

    def as_json(self) -> dict[str, Any]:
        return {
            kind: {
                "fault": kind in FAULTS,
                "what": what,
                "count": self.counts[kind],
                "examples": [vars(each) for each in self.examples[kind]],
            }
            for kind, what in WHAT.items()
            if self.counts[kind]
        }
