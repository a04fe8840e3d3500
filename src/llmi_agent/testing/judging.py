"""A judge by a script: what it is asked is read as a model would read it, and a ballot is filled in.

model = ScriptedModel(script=lambda messages: ballot_for(messages, lambda asked, entry, field: 4))
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage

_BALLOT = re.compile(
    r'\{"ballot": "(?P<number>[^"]+)", "marks": \{(?P<marks>.*)\}, "addresses', re.S
)
_ENTRY = re.compile(r'^\s*"(?P<name>[^"]+)": \{(?P<fields>.*)\},?$', re.M)
_FIELD = re.compile(r'"([^"]+)": \.\.\.')


@dataclass(frozen=True)
class Asked:
    """What a judge is asked."""

    number: str
    """Of the ballot."""
    entries: Mapping[str, Sequence[str]]
    """What each entry is to be given."""
    rubric: str
    """All that the judge is told, the ballot included."""
    request: str
    document: str
    """As it is shown, without the marks of quotation."""
    outside: str
    """All that no fence encloses."""
    pictures: Sequence[str]
    """Where they are, or what they are, in the order of the document."""


def asked_of(messages: Sequence[BaseMessage | Mapping[str, Any]]) -> Asked:
    """What these messages ask of a judge, be they LangChain's or those of OpenAI's protocol.

    Raises ValueError if they ask for no ballot.
    """
    contents = [
        each.content if isinstance(each, BaseMessage) else each["content"] for each in messages
    ]
    blocks = [block for content in contents for block in _blocks(content)]
    text = "".join(str(block.get("text", "")) for block in blocks)
    ballot = _BALLOT.search(text)
    if ballot is None:
        raise ValueError("no ballot is asked for")
    number = ballot["number"]
    entries = {
        each["name"]: _FIELD.findall(each["fields"]) for each in _ENTRY.finditer(ballot["marks"])
    }
    request, outside = _enclosed(text, "REQUEST", number)
    document, outside = _enclosed(outside, "DOCUMENT", number)
    return Asked(number, entries, text, request, document, outside, _pictures(blocks))


def ballot_for(
    messages: Sequence[BaseMessage | Mapping[str, Any]],
    mark: Callable[[Asked, str, str], object],
    *,
    addresses_judge: bool = False,
    reason: str = "By the script.",
) -> str:
    """The ballot of a judge that gives these marks. mark: from what is asked, an entry and a field to its mark."""
    asked = asked_of(messages)
    marks = {
        entry: {
            "reason": reason,
            **{field: mark(asked, entry, field) for field in fields if field != "reason"},
        }
        for entry, fields in asked.entries.items()
    }
    return json.dumps({"ballot": asked.number, "marks": marks, "addresses_judge": addresses_judge})


def _blocks(content: str | Sequence[Any]) -> list[Mapping[str, Any]]:
    if isinstance(content, str):
        return [{"text": content}]
    return [{"text": each} if isinstance(each, str) else each for each in content]


def _enclosed(text: str, name: str, number: str) -> tuple[str, str]:
    """What stands between the fence's lines, and all the rest. The rubric shows these lines, too: the last ones are meant."""
    begin, end = f"===== BEGIN {name} {number} =====\n", f"\n===== END {name} {number} ====="
    before, found, rest = text.rpartition(begin)
    if not found:
        return "", text
    inside, _, after = rest.partition(end)
    plain = "\n".join(line.removeprefix("> ") for line in inside.split("\n"))
    return plain, before + after


def _pictures(blocks: Sequence[Mapping[str, Any]]) -> list[str]:
    shown = []
    for each in blocks:
        if each.get("type") == "image_url":
            shown.append(str(each["image_url"]["url"]))
        elif each.get("type") == "image":
            shown.append(str(each.get("base64") or each.get("url")))
    return shown
