"""The ballot: what a judge is to answer, and its reading.

A ballot counts if it is whole, carries its number, and contradicts no other one in the answer. What surrounds it is of no
account; anything else is no vote.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from llmi_agent.base.text import one_line
from llmi_agent.draft import lenient_json, parse
from llmi_agent.draft.tags import ANY_REASONING
from llmi_agent.judges.fence import Fence

LOWEST: Final = {"grades": 1.0, "answers": 0.0}
"""The mark of a document that speaks to its judge."""
MOST_ANSWER = 100_000
"""Characters of an answer that are looked at: more is no ballot."""
MOST_REASON = 500
_MOST_OBJECTS = 100
_QUOTED = 160
_ANSWERS = {"yes": 1.0, "partly": 0.5, "partially": 0.5, "partial": 0.5, "no": 0.0}
_NUMBER = re.compile(r"\s*(\d{1,3}(?:\.\d{1,6})?)\s*(?:(?:/|out of)\s*5(?:\.0)?)?\s*")
_FIGURE = re.compile(r"(?:fig(?:ure|\.)?|picture|criterion)?[ _#.-]*(\d{1,4})")


class NoVote(ValueError):  # noqa: N818 - it says what there is, not that somebody erred
    """An answer is no vote. The message says why."""


@dataclass(frozen=True)
class Form:
    """What a ballot has room for."""

    entries: tuple[str, ...]
    """What is judged: `text`, or the number of a figure."""
    fields: tuple[str, ...]
    """What each of them is given."""
    kind: str = "grades"
    """`grades` from 1 to 5, or `answers`: yes, partly, no."""


@dataclass(frozen=True)
class Vote:
    """A ballot that counts."""

    marks: Mapping[str, Mapping[str, float]]
    """By entry and field: from 1 to 5, or 1 for yes, 0.5 for partly, 0 for no."""
    reasons: Mapping[str, str]
    """By entry."""
    accuses: bool
    """The document speaks to its judge; then every mark is the lowest."""


def blank_ballot(form: Form, number: str) -> str:
    """The ballot as the judge is shown it."""
    marks = ", ".join(f'"{field}": ...' for field in form.fields)
    entries = ",\n  ".join(f'"{entry}": {{"reason": "...", {marks}}}' for entry in form.entries)
    return f'{{"ballot": "{number}", "marks": {{\n  {entries}\n}}, "addresses_judge": ...}}'


def read_ballot(answer: str, form: Form, fence: Fence) -> Vote:
    """The vote that an answer is. Raises NoVote."""
    if len(answer) > MOST_ANSWER:
        raise NoVote(f"its answer has {len(answer):,} characters")
    said = spoken(answer)
    ballots = [each for each in _objects(said) if fence.is_number(each.get("ballot"))]
    if not ballots:
        begins = one_line(said, _QUOTED)
        raise NoVote(f"its answer holds no ballot of this question; it begins: {begins}")
    votes = [_vote(each, form) for each in ballots]
    if any(each != votes[0] for each in votes[1:]):
        raise NoVote("its answer holds two ballots that differ")
    return votes[0]


def spoken(text: str) -> str:
    """What a model wrote, without what it thought before."""
    if not ANY_REASONING.search(text):
        return text
    blocks = parse(text, {}).blocks
    return "".join(getattr(each, "text", "") or getattr(each, "raw", "") for each in blocks)


def _objects(text: str) -> Iterator[Mapping[str, Any]]:
    """Every JSON object in the text that is in no other one, or that is all that another one holds under some key."""
    for found in lenient_json.objects(text, _MOST_OBJECTS):
        if "ballot" in found:
            yield found
        else:
            yield from (each for each in found.values() if isinstance(each, dict))


def _vote(ballot: Mapping[str, Any], form: Form) -> Vote:
    accuses = _truth(ballot.get("addresses_judge"))
    marks = _named(ballot.get("marks"), form.entries)
    if accuses:
        lowest = dict.fromkeys(form.fields, LOWEST[form.kind])
        reasons = {entry: _reason(marks.get(entry)) for entry in form.entries}
        return Vote(dict.fromkeys(form.entries, lowest), reasons, accuses=True)
    for entry in form.entries:
        if entry not in marks:
            raise NoVote(f"its ballot has no entry {entry!r}")
        if not isinstance(marks[entry], dict) or "reason" not in marks[entry]:
            raise NoVote(f"its ballot gives no reason for {entry!r}")
    return Vote(
        {entry: _marks(entry, marks[entry], form) for entry in form.entries},
        {entry: _reason(marks[entry]) for entry in form.entries},
        accuses=False,
    )


def _truth(said: object) -> bool:
    known = {"true": True, "yes": True, "false": False, "no": False}
    if isinstance(said, str) and (word := said.strip().lower()) in known:
        return known[word]
    if not isinstance(said, bool):
        raise NoVote(
            'its ballot does not say whether the document speaks to it ("addresses_judge")'
        )
    return said


def _named(marks: object, entries: tuple[str, ...]) -> dict[str, Any]:
    """The entries by the names that were asked for: a figure's may be written "Figure 1"."""
    if not isinstance(marks, dict):
        raise NoVote('its ballot has no "marks"')
    found: dict[str, Any] = {}
    for key, value in marks.items():
        name = str(key).strip()
        if name not in entries:
            figure = _FIGURE.fullmatch(name.lower())
            name = str(int(figure[1])) if figure else name.lower()
        if name in found:
            raise NoVote(f"its ballot has two entries {name!r:.80}")
        found[name] = value
    return found


def _marks(entry: str, marks: Mapping[str, Any], form: Form) -> dict[str, float]:
    read = _grade if form.kind == "grades" else _answer
    found = {}
    for field in form.fields:
        if field not in marks:
            raise NoVote(f"its ballot has no {field!r} of {entry!r}")
        mark = read(marks[field])
        if mark is None:
            raise NoVote(f"its ballot gives {entry!r} the {field} {json.dumps(marks[field])[:40]}")
        found[field] = mark
    return found


def _grade(said: object) -> float | None:
    """A number from 1 to 5, which may be written as text, or halved."""
    if isinstance(said, str):
        number = _NUMBER.fullmatch(said)
        said = float(number[1]) if number else None
    if isinstance(said, bool) or not isinstance(said, int | float):
        return None
    return float(said) if 1 <= said <= 5 and math.isfinite(said) else None


def _answer(said: object) -> float | None:
    return _ANSWERS.get(said.strip().rstrip(".").lower()) if isinstance(said, str) else None


def _reason(marks: object) -> str:
    reason = marks.get("reason") if isinstance(marks, dict) else None
    return one_line(reason, MOST_REASON) if isinstance(reason, str) else ""
