"""What is there twice: the same, or nearly, in one split, in two, or in another file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from llmi_train.prompts.alike import Tell, alike
from llmi_train.prompts.findings import Example, Findings
from llmi_train.prompts.near import likeness
from llmi_train.prompts.prompt import TrainingPrompt
from llmi_train.prompts.reading import Read


@dataclass(frozen=True)
class _Place:
    file: int
    """0: the one that is checked."""
    line: int
    source: str
    family: int
    """Of those that are nearly the same, also by way of others."""
    prompt: TrainingPrompt

    @property
    def split(self) -> str:
        return self.prompt.split

    @property
    def digest(self) -> str:
        return self.prompt.text_digest


def compare(
    read: Read, others: Sequence[Read], threshold: float, findings: Findings, tell: Tell
) -> None:
    """Each prompt with all before it, and with those of other files: of each sort of place the first is told of."""
    places = _places(read, others, threshold, tell)
    known = _Known()
    for place in chain(places[len(read.prompts) :], places[: len(read.prompts)]):
        if place.file == 0:
            _tell_same(place, known, findings)
            _tell_near(place, known, threshold, findings)
        known.add(place)


def _places(read: Read, others: Sequence[Read], threshold: float, tell: Tell) -> list[_Place]:
    files = [read, *others]
    prompts = [each for file in files for each in file.prompts]
    texts, digests = [each.text for each in prompts], [each.text_digest for each in prompts]
    family = [0] * len(prompts)
    for number, group in enumerate(alike(texts, digests, threshold, tell)):
        for n in group:
            family[n] = number
    lines = [
        (number, line, file.source) for number, file in enumerate(files) for line in file.places
    ]
    return [
        _Place(*line, family[n], prompt)
        for n, (line, prompt) in enumerate(zip(lines, prompts, strict=True))
    ]


class _Known:
    """Places by what they have in common; no more of them than can be the first for another one."""

    def __init__(self) -> None:
        self._places: dict[Hashable, _Few] = defaultdict(_Few)

    def add(self, place: _Place) -> None:
        elsewhere = place.file > 0
        self._places["same", place.digest, elsewhere].add(place)
        self._places["near", place.family, elsewhere].add(place)
        if not elsewhere:
            self._places["within", place.family, place.split].add(place)

    def find(self, *common: Hashable) -> Iterator[_Place]:
        few = self._places.get(common)
        return iter(few.places if few else ())


class _Few:
    """Of one split two, and of one text two: for any split and text, one that is of neither is among the first five
    if there is one at all."""

    def __init__(self) -> None:
        self.places: list[_Place] = []
        self._splits: dict[str, int] = defaultdict(int)
        self._digests: dict[str, int] = defaultdict(int)
        self._seen: set[tuple[str, str]] = set()

    def add(self, place: _Place) -> None:
        key = place.split, place.digest
        full = self._splits[place.split] == 2 or self._digests[place.digest] == 2
        if not full and key not in self._seen:
            self._seen.add(key)
            self._splits[place.split] += 1
            self._digests[place.digest] += 1
            self.places.append(place)


def _tell_same(here: _Place, known: _Known, findings: Findings) -> None:
    for place in known.find("same", here.digest, False):
        if place.split != here.split:
            findings.add("leak", Example(here.line, _splits(here, place), place.line))
            break
    for place in known.find("same", here.digest, True):
        findings.add("in another file", Example(here.line, "", place.line, place.source))
        break


def _tell_near(here: _Place, known: _Known, threshold: float, findings: Findings) -> None:
    across = (each for each in known.find("near", here.family, False) if each.split != here.split)
    found = {
        "near leak": across,
        "near-duplicate": known.find("within", here.family, here.split),
        "nearly in another file": known.find("near", here.family, True),
    }
    for kind, places in found.items():
        place = next((each for each in places if each.digest != here.digest), None)
        if place is None:
            continue
        if not findings.more_examples(kind):
            findings.counts[kind] += 1
            continue
        says = _likeness(here, place, threshold)
        says += f"; {_splits(here, place)}" if kind == "near leak" else ""
        source = place.source if place.file else None
        findings.add(kind, Example(here.line, says, place.line, source))


def _likeness(here: _Place, place: _Place, threshold: float) -> str:
    share = likeness(here.prompt.text, place.prompt.text)
    return f"{share:.0%} alike" + (", and by way of others" if share < threshold else "")


def _splits(here: _Place, place: _Place) -> str:
    return f"{here.split or 'no split'}, {place.split or 'no split'}"
