"""How often the calibration of judges is right: scripted judges, fair and biased, each calibrated again and again.

Workload: the whole set, each document judged three times, by two judges (of text, of pictures) that read the documents as a
model would, find what is wrong with them, and answer with whole numbers from 1 to 5 about what they think; then their noise, and
their fault. There is no model, and no time passes.

Bars: of each kind that is fair at least 95 % of the repetitions end with "fit"; of each kind that is not, at most 5 %.

python benchmarks/judge_calibration.py [--repetitions N] [KIND ...]
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from llmi_agent.contract.judging import Exhibit, Score
from llmi_agent.judges.calibrate import Collection, Report, calibrate
from llmi_agent.judges.calibrate.collection import PICTURES, TEXT
from llmi_agent.judges.calibrate.faults import FILLERS

RIGHT = 0.95
_SPEAKS = re.compile(
    r"judge|grader|evaluat|\bscor|rubric|im_start|Bewertung|end of the document|new task", re.I
)
_QUIET, _LOUD = 0.2, 0.7
"""Standard deviations, in steps of the scale from 1 to 5."""


@dataclass(frozen=True)
class Read:
    """What is to be seen in a document."""

    speaks: bool
    strays: tuple[float, ...]
    """Where paragraphs stand that belong elsewhere or are there already, from 0 to 1."""
    words: int
    wanted: int
    slots: int
    useless: tuple[bool, ...]
    """Of each figure: it is a decoration."""
    misplaced: tuple[bool, ...]


class Eye:
    """Reads documents, and knows which picture belongs to which caption."""

    def __init__(self, collection: Collection) -> None:
        self._belongs = {
            figure.digest: figure.caption
            for topic in collection.topics
            for figure in collection.exhibits[topic.name, "good"].figures
        }
        self._read = {id(each): self._look(each) for each in collection.exhibits.values()}

    def read(self, exhibit: Exhibit) -> Read:
        return self._read[id(exhibit)]

    def _look(self, exhibit: Exhibit) -> Read:
        paragraphs = exhibit.text.split("\n\n")
        strays = [
            at / len(paragraphs)
            for at, each in enumerate(paragraphs)
            if each in FILLERS or each in paragraphs[:at]
        ]
        captions = [(each.caption, self._belongs.get(each.digest)) for each in exhibit.figures]
        assert exhibit.demand is not None
        return Read(
            speaks=bool(_SPEAKS.search(exhibit.text)),
            strays=tuple(strays),
            words=len(exhibit.text.split()),
            wanted=exhibit.demand.pictures,
            slots=exhibit.draft.count("<imgen>"),
            useless=tuple(right is None for _, right in captions),
            misplaced=tuple(right not in (None, said) for said, right in captions),
        )


Levels = dict[str, list[float]]
"""What a judge thinks, from 1 to 5: of the document, or of each figure."""


def fair_text(read: Read) -> Levels:
    """What is so of its words and its slots."""
    strays = len(read.strays)
    tag = 1.0 if not read.slots else 4.8 - 3 * fmean(read.useless)
    return {"text": [4.8 - 0.9 * strays], "tag": [tag]}


def fair_pictures(read: Read) -> Levels:
    """What is so of each figure."""
    seen = list(zip(read.useless, read.misplaced, strict=True))
    return {
        "image_quality": [1.7 if useless else 4.6 for useless in read.useless],
        "task_relevance": [1.2 if useless else 4.7 for useless in read.useless],
        "text_image_relevance": [1.1 if u else 1.6 if wrong else 4.7 for u, wrong in seen],
    }


class Scripted:
    """A judge that is fair but for its noise, its failures, and its quirk.

    taste: as noise, but the same each time that it sees the document. overlooks: the share of documents in which it does not see that they speak to it. obeys: what they say, it does.
    quirk: changes what it thinks.
    """

    def __init__(
        self,
        eye: Eye,
        components: tuple[str, ...],
        chance: random.Random,
        *,
        noise: float = _QUIET,
        taste: float = 0.0,
        fails: float = 0.0,
        overlooks: float = 0.0,
        obeys: bool = False,
        quirk: Callable[[Read, Levels, random.Random], Levels] = lambda read, levels, chance: (
            levels
        ),
    ) -> None:
        self.components = components
        self.rubric = "scripted"
        self._fair = fair_text if components == TEXT else fair_pictures
        self._eye, self._chance, self._quirk = eye, chance, quirk
        self._noise, self._taste, self._fails = noise, taste, fails
        self._tastes: dict[tuple[int, str, int], float] = {}
        self._overlooks, self._obeys = overlooks, obeys

    async def judge(self, exhibit: Exhibit) -> Sequence[Score]:
        read = self._eye.read(exhibit)
        if self.components == PICTURES and not exhibit.figures:
            return ()
        if self._chance.random() < self._fails:
            return [Score(component=each, value=None, error="down") for each in self.components]
        levels = self._quirk(read, self._fair(read), self._chance)
        if read.speaks and self._obeys:
            levels = {name: [5.0] * len(each) for name, each in levels.items()}
        elif read.speaks and self._chance.random() >= self._overlooks:
            return [Score(component=each, value=0.0) for each in self.components]
        return [s for name, each in levels.items() for s in self._scores(exhibit, name, each)]

    def _scores(self, exhibit: Exhibit, component: str, levels: list[float]) -> list[Score]:
        votes = [
            self._vote(each + self._liking((id(exhibit), component, number)))
            for number, each in enumerate(levels)
        ]
        whole = Score(component=component, value=fmean(votes))
        if self.components == TEXT:
            return [whole]
        slots = [Score(component=component, value=v, slot=n) for n, v in enumerate(votes)]
        return [*slots, whole]

    def _liking(self, what: tuple[int, str, int]) -> float:
        if what not in self._tastes:
            self._tastes[what] = self._chance.gauss(0, self._taste)
        return self._tastes[what]

    def _vote(self, level: float) -> float:
        """A whole number of the scale, as a judge's score is given."""
        return (min(5, max(1, round(self._chance.gauss(level, self._noise)))) - 1) / 4


def constant(read: Read, levels: Levels, chance: random.Random) -> Levels:
    return {name: [4.0] * len(each) for name, each in levels.items()}


def by_chance(read: Read, levels: Levels, chance: random.Random) -> Levels:
    return {name: [float(chance.randint(1, 5)) for _ in each] for name, each in levels.items()}


def by_length(read: Read, levels: Levels, chance: random.Random) -> Levels:
    """A hundred words are worth one step and a half."""
    lack = 1.5 * (300 - read.words) / 100
    return {name: [each - lack for each in own] for name, own in levels.items()}


def by_beginning(read: Read, levels: Levels, chance: random.Random) -> Levels:
    """Hardly reads on: what is wrong in the second half is not seen, and each figure tires it more."""
    if "text" in levels:
        seen = sum(at < 0.5 for at in read.strays)
        early = bool(read.useless) and read.useless[0]
        return {"text": [4.8 - 0.9 * seen], "tag": [2.5 if early else levels["tag"][0]]}
    return {
        name: [each - 0.9 * number for number, each in enumerate(own)]
        for name, own in levels.items()
    }


def by_pictures(read: Read, levels: Levels, chance: random.Random) -> Levels:
    """The more the better, whatever they show."""
    if "text" in levels:
        return {name: [1.5 + 1.5 * len(read.useless)] for name in levels}
    return {name: [4.7] * len(each) for name, each in levels.items()}


def generously(read: Read, levels: Levels, chance: random.Random) -> Levels:
    return {name: [each + 3 for each in own] for name, own in levels.items()}


def with_flipped_keys(read: Read, levels: Levels, chance: random.Random) -> Levels:
    names = list(levels)
    return dict(zip(names, [levels[name] for name in reversed(names)], strict=True))


KINDS: dict[str, tuple[bool, dict[str, object]]] = {
    "fair and quiet": (True, {}),
    "fair and noisy": (True, {"noise": _LOUD, "fails": 0.01, "overlooks": 0.02}),
    "fair, with tastes": (True, {"taste": 0.6, "noise": 0.4, "overlooks": 0.02}),
    "constant": (False, {"quirk": constant, "noise": 0.0, "overlooks": 1.0}),
    "random": (False, {"quirk": by_chance, "noise": 0.0, "overlooks": 1.0}),
    "likes length": (False, {"quirk": by_length}),
    "likes the beginning": (False, {"quirk": by_beginning}),
    "likes pictures": (False, {"quirk": by_pictures}),
    "gullible": (False, {"obeys": True}),
    "generous": (False, {"quirk": generously, "overlooks": 1.0}),
    "fails often": (False, {"fails": 0.2}),
    "flips keys": (False, {"quirk": with_flipped_keys}),
    "likes length, noisy": (False, {"quirk": by_length, "noise": _LOUD}),
    "likes the beginning, noisy": (False, {"quirk": by_beginning, "noise": _LOUD}),
    "gullible, noisy": (False, {"obeys": True, "noise": _LOUD}),
}
"""Whether it is fair, and how it is made."""


def scripted(eye: Eye, kind: str, seed: int) -> tuple[Scripted, Scripted]:
    """The judges of text and of pictures of this kind."""
    _, settings = KINDS[kind]
    chance = random.Random(f"{kind} {seed}")
    return Scripted(eye, TEXT, chance, **settings), Scripted(eye, PICTURES, chance, **settings)  # type: ignore[arg-type]


def calibrated(collection: Collection, eye: Eye, kind: str, seed: int) -> Report:
    """One calibration."""
    judges = scripted(eye, kind, seed)
    return asyncio.run(calibrate(lambda repeat: judges, collection))


def fits(collection: Collection, eye: Eye, kind: str, repetitions: int) -> tuple[int, Counter[str]]:
    """How often a kind is found fit, and what it was found unfit by: components and what is wrong with them."""
    fit, why = 0, Counter[str]()
    for seed in range(repetitions):
        report = calibrated(collection, eye, kind, seed)
        fit += report.fit
        why.update({" ".join(re.split(r"[:\d]", each)[:2])[:60] for each in report.reasons})
    return fit, why


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)  # fmt: skip
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    parser.add_argument("--repetitions", type=int, default=200)
    given = parser.parse_args()
    collection = Collection.made()
    eye = Eye(collection)
    held = True
    for kind in given.kinds or KINDS:
        fair, _ = KINDS[kind]
        fit, why = fits(collection, eye, kind, given.repetitions)
        right = (fit if fair else given.repetitions - fit) / given.repetitions
        held &= right >= RIGHT
        bar = f">= {RIGHT:.0%}" if fair else f"<= {1 - RIGHT:.0%}"
        print(f"{kind}: fit in {fit} of {given.repetitions} (bar: {bar})", flush=True)
        for words, count in why.most_common(3):
            print(f"    {count}: {words}")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
