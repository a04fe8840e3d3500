"""The checklist: does a document meet these criteria? Yes, partly or no to each, with a reason."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llmi_agent.base.errors import ConfigError, InputError
from llmi_agent.base.text import one_line
from llmi_agent.contract.judging import Exhibit
from llmi_agent.judges.ballot import Form
from llmi_agent.judges.fence import Fence, harmless
from llmi_agent.judges.judge import About, Bounds, LanguageJudge, Question
from llmi_agent.judges.memory import Scores
from llmi_agent.judges.of_pictures import facts, judged, lack_of, shown_with_pictures, too_large
from llmi_agent.judges.pictures import gallery
from llmi_agent.judges.rubrics import CRITERIA, Rubric
from llmi_agent.judges.tally import Cast, mean_of, score_of
from llmi_agent.run.adviser import Adviser

COMPONENT = "criteria"
MOST_CRITERIA = 100
MOST_CHARACTERS = 1_000
"""Of a criterion."""
BOUNDS = Bounds(pictures=50)
"""A benchmark's reports have many pictures."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_TEN = re.compile(r"r([1-9]|10)")
_ANSWERS = {1.0: "yes", 0.5: "partly", 0.0: "no"}


class Checklist(LanguageJudge):
    """Scores of a document by criteria: each as `criteria.NAME` (1 for yes, 0.5 for partly, 0 for no), and `criteria`, their mean.

    criteria: by name, or a list, whose names are numbers from 1; see `criteria_of`. pictures: whether the model is shown
    them; by default, if it takes any. Settings: see `LanguageJudge`.

    Raises ConfigError for criteria that cannot be asked, or a model that cannot judge.
    """

    def __init__(
        self,
        adviser: Adviser,
        criteria: Mapping[str, str] | Sequence[str],
        *,
        pictures: bool | None = None,
        **settings: Any,
    ) -> None:
        asked = tuple(_checked(criteria))
        names = tuple(name for name, _ in asked)
        rubric = Rubric(CRITERIA, ("answer",), "answers", entries=names, criteria=asked)
        self.sees = bool(pictures)
        super().__init__(adviser, rubric, **{"bounds": BOUNDS, **settings})
        self._looks = adviser.sees if pictures is None else pictures
        self._names = names

    @property
    def components(self) -> tuple[str, ...]:
        """The scores that it gives."""
        return (*(f"{COMPONENT}.{name}" for name in self._names), COMPONENT)

    def parts(self, exhibit: Exhibit) -> Sequence[Any]:
        """The prompt, the document, and its figures if they are looked at."""
        return exhibit.prompt, exhibit.text, facts(self._figures(exhibit))

    def wanted(self, exhibit: Exhibit) -> tuple[About, ...]:
        """All, of every document."""
        return tuple(map(About, self.components))

    def _figures(self, exhibit: Exhibit) -> list[Any]:
        return judged(exhibit) if self._looks else []

    def _fault(self, exhibit: Exhibit) -> str:
        many = len(self._figures(exhibit))
        return self._too_many(many) or super()._fault(exhibit)

    def _text(self, exhibit: Exhibit) -> str:
        return exhibit.text

    async def _question(self, exhibit: Exhibit) -> Question | Scores:
        figures = self._figures(exhibit)
        seen = await gallery(figures, exhibit.pictures)
        if seen.size > self._bounds.picture_bytes:
            return self._lowest(self.wanted(exhibit), too_large(seen, self._bounds.picture_bytes))
        if seen.absent:
            return self._missing(self.wanted(exhibit), lack_of(figures, seen))
        fence = Fence.around(self.rubric, *self.parts(exhibit))
        form = Form(self._names, self._rubric.fields, "answers")
        shown = shown_with_pictures(exhibit, figures, seen, fence, self._rubric.last(fence))
        return Question(form, fence, self._messages(form, fence, shown), seen)

    def _scores(self, exhibit: Exhibit, question: Question, casts: Sequence[Cast]) -> Scores:
        own = [
            score_of(casts, f"{COMPONENT}.{name}", name, "answer", lowest=0.0, highest=1.0)
            for name in self._names
        ]
        values = [each.value or 0.0 for each in own]
        called = [
            f"{name} {_ANSWERS.get(value, f'{value:g}')}"
            for name, value in zip(self._names, values, strict=True)
        ]
        return (*own, mean_of(own, COMPONENT, called))


def criteria_of(row: Mapping[str, Any] | Sequence[Any]) -> dict[str, str]:
    """The criteria of a benchmark's task, by name.

    row: as LLMI-Bench has a task (up to ten criteria of its own, `r1` to `r10`), as TVIR-Bench has it (`checklist`, lists of
    questions by heading), a list, or criteria by name. Raises InputError if there are none.
    """
    if isinstance(row, Mapping):
        ten = {key: row[key] for key in row if isinstance(key, str) and _TEN.fullmatch(key)}
        listed = row.get("checklist", None if ten else row)
        found = ten or listed
    else:
        found = row
    if isinstance(found, Mapping) and all(isinstance(each, str) for each in found.values()):
        named = {str(key): str(words) for key, words in found.items()}
    else:
        named = {str(number): words for number, words in enumerate(_flat(found), 1)}
    if not named:
        raise InputError("there are no criteria in it: give r1 to r10, a checklist, or a list")
    return named


def _flat(found: Any) -> Iterator[str]:
    if isinstance(found, str):
        yield found
    elif isinstance(found, Mapping):
        for each in found.values():
            yield from _flat(each)
    elif isinstance(found, Sequence):
        for each in found:
            yield from _flat(each)
    elif found is not None:
        raise InputError(f"a criterion is a text, not {type(found).__name__}")


def _checked(criteria: Mapping[str, str] | Sequence[str]) -> Iterator[tuple[str, str]]:
    """Raises ConfigError for what cannot be asked."""
    numbered = {str(number): words for number, words in enumerate(criteria, 1)}
    named = dict(criteria) if isinstance(criteria, Mapping) else numbered
    if isinstance(criteria, str) or not 1 <= len(named) <= MOST_CRITERIA:
        raise ConfigError(f"a checklist has 1 to {MOST_CRITERIA} criteria, not {len(named)}")
    for name, words in named.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ConfigError(
                f"a criterion cannot be named {name!r:.80}: write lower case letters, digits, '_' or '-'"
            )
        if not isinstance(words, str) or not words.strip() or len(words) > MOST_CHARACTERS:
            raise ConfigError(
                f"the criterion {name} must be a text of 1 to {MOST_CHARACTERS:,} characters"
            )
        yield name, harmless(one_line(words, MOST_CHARACTERS))
