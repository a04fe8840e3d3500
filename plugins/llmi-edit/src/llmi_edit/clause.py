"""A clause while it is read: readers take phrases out of it, and it must end up spent.

That is how nothing of an instruction is ignored: what no reader took, and what is not a mere filler
word, refuses the clause.
"""

from __future__ import annotations

import re

from llmi_edit.wording import NUMBER

_FILLERS = frozenset(
    re.findall(
        r"\S+",
        """
        a an the it its it's this that please kindly can could would will you i i'd we want like need
        to of in on with so by as is be should have has let let's us me my our now just simply first
        next and picture image photo photograph pic figure fig chart plot graph illustration drawing
        screenshot slot one whole entire full same result for look looks looking thing everything edit
        modify okay ok thanks thank · :
        """,
    )
)
_SLIGHT = r"(?:very |ever so )?slight(?:ly)?|a (?:tiny |little )?bit|a little|a touch|a tad|subtle|subtly|somewhat|gentle|gently|softly?|lightly|mild(?:ly)?"
_STRONG = r"much|a lot|lots|very|strong(?:ly)?|heavy|heavily|significant(?:ly)?|dramatic(?:ally)?|really|far|extremely|intense(?:ly)?|considerably|greatly|substantially|high(?:ly)?|extra"

MAKE = r"make|making|turn|convert|change|render|transform|get|give|set|adjust|apply|use|put|do"
ADD = r"add|draw|put|give|apply|place|insert|include|overlay|print|write|create|set|use|with"
EFFECT = r"effect|filter|look|style|tone|tones|toned|version|treatment|finish|feel|photo"


class Clause:
    """Text to take phrases from. Reading fails unless all of it is taken or filler."""

    def __init__(self, text: str, quotes: tuple[str, ...] = ()) -> None:
        self._rest = text
        self.quotes = quotes

    def take(self, pattern: str) -> re.Match[str] | None:
        """Take the first place that matches whole words; None if there is none."""
        found = re.search(rf"(?<![\w.])(?:{pattern})(?!\w)", self._rest)
        if found:
            self._rest = f"{self._rest[: found.start()]} · {self._rest[found.end() :]}"
        return found

    def take_all(self, pattern: str) -> list[re.Match[str]]:
        """Take every place that matches, from the left."""
        taken = []
        while found := self.take(pattern):
            taken.append(found)
        return taken

    def has(self, pattern: str) -> bool:
        """Whether it still holds the phrase, which stays."""
        return re.search(rf"(?<!\w)(?:{pattern})(?!\w)", self._rest) is not None

    def strength(self, slight: float, usual: float, strong: float) -> float:
        """Take a word such as "slightly" or "much" and give the number that goes with it."""
        if self.take(_SLIGHT):
            return slight
        return strong if self.take_all(_STRONG) else usual

    def share(self) -> float | None:
        """Take "by 20%" and give 0.2."""
        found = self.take(rf"(?:by )?(?:about |around |roughly )?{NUMBER}%")
        return float(found[1]) / 100 if found else None

    @property
    def spent(self) -> bool:
        """Whether nothing is left that means something."""
        return not self.left_over

    @property
    def left_over(self) -> str:
        """The words that nobody took."""
        return " ".join(word for word in self._rest.split() if word not in _FILLERS)
