"""The requests: real ones that people wrote, and the words that tell what each is about.

`requests.jsonl` holds the 50 English tasks of DeepResearch Bench (github.com/Ayanami0730/deep_research_bench, Apache-2.0), with their
line breaks as spaces.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

TRAIN, TEST = "train", "test"
"""The splits."""
_TESTED = 0.32
"""About this share is held out."""
_COMMON = frozenset(
    """
    about above could according achieve across acting additionally additional advanced advancements aimed allows along also although among
    analysis analyze analyzing another appropriate approach approaches areas article aspects aspect assess assistance available based
    because been being best between both brings cannot capabilities case certain characteristics classic clear combined
    compare comparison complex comprehensive conduct conducted consider considering construction contemporary content core cover
    covering create criteria critical cross current currently data deep describe design detailed determine developed developing
    development developments different differences directly discuss discussion diverse does done draft during each effect effective
    effectively elaborate enhanced ensure ensuring especially essential establish evaluate evidence examine examples existing experienced
    expert explain explore exploring factors feasibility field first focus focused following framework frameworks from fundamentally
    further furthermore future general given global have help here high higher identify impact impacts important improve include including
    individual influence information innovative insights integrate interested into investigate issue just kind knowledge known large latest
    lead like likely list major make making many materials method methods might models more most must need needs objective objectives only
    other others overview paper particular performance perspectives please possible potential practical prepare primary problem problems
    process processes products propose proposed provide provides quality questions range rather real recent recently recommendations
    refine regarding related relevant report research researcher researching respectively results review role same scenarios senior several should
    showing significance significant single small solve some specific specifically state stages strategies strengths study such summarize
    support supported systematic take tasks than that their them themselves then theoretical theory there therefore these they this those
    through topic towards trace trends type types under understanding used using various very want ways well were what when where whether
    which while will with within without work working would write writing years your
    """.split()
)
"""Words that tell nothing of what a request is about."""


@dataclass(frozen=True)
class Request:
    """What somebody asked for."""

    id: int
    prompt: str

    @cached_property
    def split(self) -> str:
        """By its words alone, so that it is the same everywhere."""
        digest = hashlib.sha256(self.prompt.encode()).digest()
        return TEST if int.from_bytes(digest[:4]) < _TESTED * 2**32 else TRAIN

    @cached_property
    def keys(self) -> frozenset[str]:
        """The words that tell what it is about."""
        return frozenset(each for phrase in self.phrases for each in keys_of(phrase))

    @cached_property
    def phrases(self) -> tuple[str, ...]:
        """What it names, the most telling first: runs of at most four words of which none is common."""
        found: dict[str, None] = {}
        for part in re.split(r"[^\w\s'-]+", self.prompt):
            found.update(dict.fromkeys(_runs(part.split())))
        order = list(found)
        return tuple(
            sorted(order, key=lambda each: (-min(len(each.split()), 3), order.index(each)))
        )


def keys_of(text: str) -> frozenset[str]:
    """The words of a text that are not common, in a form in which singular and plural are the same."""
    words = re.findall(r"[^\W\d_]{4,}", text.lower())
    return frozenset(each.rstrip("s") for each in words if each not in _COMMON)


@cache
def requests() -> Sequence[Request]:
    """All of them, in the order of the file."""
    lines = (Path(__file__).parent / "requests.jsonl").read_text("utf-8").splitlines()
    return tuple(Request(each["id"], each["prompt"]) for each in map(json.loads, lines))


def _runs(words: Sequence[str]) -> list[str]:
    runs: list[list[str]] = [[]]
    for word in words:
        if keys_of(word):
            runs[-1].append(word.strip("'-"))
        elif runs[-1]:
            runs.append([])
    return [" ".join(each[:4]) for each in runs if each]
