"""What the two models answered, read leniently and bounded: one object, wherever in the answer it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from llmi_agent.base.text import printable
from llmi_agent.contract.judging import NO_PICTURE, SOME_PICTURES
from llmi_agent.draft import lenient_json
from llmi_train.prompts.make.kinds import ANSWERED

MOST_ANSWER = 200_000
"""Characters of an answer that are kept, with what was thought in it."""
_MOST_SAID = 20_000
"""Characters of it without that; what is longer is no answer to such a question."""
_MOST_OBJECTS = 12
_THOUGHT = ("<think", "<reasoning")
_THOUGHT_ENDS = re.compile("</(?:think|thinking|reasoning)>", re.IGNORECASE)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[{}]', re.DOTALL)
_NEEDS = {"yes": "yes", "possible": "possible", "no": "no", True: "yes", False: "no"}


@dataclass(frozen=True)
class Checked:
    """What the checker says of a request; its reasons stay in the file of answers."""

    answerable: bool
    pictures: int
    needed: frozenset[str]
    """Kinds without which it cannot be answered."""
    names_a_tool: bool
    orders_you: bool


def read_request(text: str) -> str | None:
    """The request; None if there is none that can be told for certain."""
    found = {
        each["request"].strip()
        for each in _objects(text)
        if isinstance(each.get("request"), str) and each["request"].strip()
    }
    return printable(found.pop()) if len(found) == 1 else None


def read_check(text: str) -> Checked | None:
    """The check; None if a key is missing or is nothing that it can be, or there are two that differ."""
    found = {checked for each in _objects(text) if (checked := _checked(each))}
    return found.pop() if len(found) == 1 else None


def _checked(given: dict[str, Any]) -> Checked | None:
    flags = [given.get(name) for name in ("answerable", "names_a_tool", "orders_you")]
    needs = {kind: _need(given.get(name)) for kind, name in ANSWERED.items()}
    pictures = _whole(given.get("pictures"))
    if None in needs.values() or not all(isinstance(each, bool) for each in flags):
        return None
    if pictures is None or not NO_PICTURE <= pictures <= SOME_PICTURES:
        return None
    return Checked(
        bool(flags[0]),
        pictures,
        frozenset(kind for kind, need in needs.items() if need == "yes"),
        bool(flags[1]),
        bool(flags[2]),
    )


def _need(value: object) -> str | None:
    if isinstance(value, str):
        value = value.strip().casefold()
    return _NEEDS.get(value) if isinstance(value, str | bool) else None


def _whole(value: object) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"\s*-?\d{1,3}\s*", value):
        return int(value)
    return value if type(value) is int else None


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Every object in it that is in no other one, but for what was only thought."""
    said = _said(text)
    at = tried = 0
    while (start := said.find("{", at)) >= 0 and tried < _MOST_OBJECTS:
        tried += 1
        end = _end(said, start)
        try:
            value = lenient_json.loads(said[start:end])
        except ValueError:
            at = start + 1
            continue
        if isinstance(value, dict):
            yield value
        at = end


def _said(text: str) -> str:
    """What comes after the last thought; nothing if that has no end, or is too long."""
    ends = [each.end() for each in _THOUGHT_ENDS.finditer(text[:MOST_ANSWER])]
    said = text[ends[-1] if ends else 0 :]
    only_thought = said.lstrip()[:12].casefold().startswith(_THOUGHT)
    return "" if only_thought or len(said) > _MOST_SAID else said


def _end(text: str, start: int) -> int:
    """Where the braces that open here are closed; the end of the text if they are not."""
    depth = 0
    for found in _TOKEN.finditer(text, start):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if not depth:
            return found.end()
    return len(text)
